import { describe, expect, it } from 'vitest'
import type { Directory } from '../../src/api/directory.ts'
import type { DirectoryRecordSpec, RecordedUser } from '../../src/api/directoryrecord.ts'
import { type Enrolment, enrolmentOf, standOf } from '../../src/decide/enrolment.ts'
import { languageOf } from '../../src/decide/found.ts'
import { mappedUser } from '../../src/decide/mapping.ts'

type Import = NonNullable<Directory['spec']['import']>

const directory = (change: Partial<Import> = {}, further: { going?: boolean; observed?: boolean } = {}) =>
  ({
    metadata: { name: 'hr', ...(further.going && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { organization: 'acme', ...(!further.observed && { import: { join: 'None', ...change } }) },
  }) as Directory
const settings = {
  domains: ['acme.example'],
  users: { external: 'Include' as 'Include' | 'Exclude', skip: [] as string[] },
}
const record = (user: Partial<RecordedUser> = {}, further: Partial<DirectoryRecordSpec> = {}): DirectoryRecordSpec => ({
  directory: 'hr',
  of: 'User',
  id: '7',
  user: { email: 'ann@acme.example', login: 'ann', active: true, ...user },
  firstSeenTime: '2026-01-01T00:00:00Z',
  ...further,
})
const NOW = Date.parse('2026-03-01T00:00:00Z')

describe('whether somebody belongs by a directory', () => {
  const { email: _, ...nobody } = { ...record().user, active: true }
  it.each<[string, Enrolment['is'], Directory, DirectoryRecordSpec, Partial<typeof settings>]>([
    ['who is there', 'in', directory(), record(), {}],
    ['a disabled account', 'disabled', directory(), record({ active: false }), {}],
    ['who is missing', 'gone', directory(), record({}, { missingTime: '2026-02-01T00:00:00Z' }), {}],
    ['whose address is broken', 'unclear', directory(), { ...record(), user: nobody }, {}],
    ['who was read with another mapping', 'unclear', directory({ mapping: { locale: '"de"' } }), record(), {}],
    [
      'a disabled account for which a filter fails',
      'disabled',
      directory({ filter: 'user.login.split("-")[1] == "a"' }),
      record({ active: false }),
      {},
    ],
    ['whom a filter takes', 'in', directory({ filter: 'user.login == "ann" && !user.external' }), record(), {}],
    ['whom a filter does not take', 'gone', directory({ filter: 'user.id == "8"' }), record(), {}],
    ['who lacks what a filter asks for', 'gone', directory({ filter: 'user.locale == "de"' }), record(), {}],
    ['for whom a filter fails', 'unclear', directory({ filter: 'user.login.split("-")[1] == "a"' }), record(), {}],
    ['who is skipped by address', 'gone', directory(), record(), { users: { external: 'Include', skip: ['ANN@*'] } }],
    ['who is skipped by login', 'gone', directory(), record(), { users: { external: 'Include', skip: ['a*n'] } }],
    ['who is external', 'in', directory(), record({ email: 'a@else.example' }), {}],
    [
      'who is external where that is excluded',
      'gone',
      directory(),
      record({ email: 'a@else.example' }),
      { users: { external: 'Exclude', skip: [] } },
    ],
    ['whoever, when only observed', 'gone', directory({}, { observed: true }), record(), {}],
    ['whoever, when the directory goes', 'gone', directory({}, { going: true }), record(), {}],
  ])('%s: %s', (_what, is, of, said, change) => {
    expect(enrolmentOf(of, said, { ...settings, ...change }).is).toBe(is)
  })
})

describe('where somebody stands by it', () => {
  const gone: Enrolment = { is: 'gone', because: 'gone', since: '2026-02-01T00:00:00Z' }
  const stand = (enrolment: Enrolment, of = directory(), stands: { goneTime?: string } | undefined = {}) =>
    standOf(enrolment, of, stands, NOW)

  it('is nowhere as long as they were never in', () => {
    for (const enrolment of [gone, { is: 'disabled', because: '' }, { is: 'unclear', because: '' }] as Enrolment[])
      expect(standOf(enrolment, directory(), undefined, NOW)).toBeUndefined()
    expect(standOf({ is: 'in' }, directory(), undefined, NOW)).toMatchObject({ is: 'in' })
  })

  it.each<[string, Partial<Import>, string]>([
    ['suspended for 30 days unless said otherwise', {}, 'suspended'],
    ['out after the time that is given', { removeAfter: '24h' }, 'out'],
    ['out at once', { onRemoved: 'Remove' }, 'out'],
    ['in for ever', { onRemoved: 'Keep' }, 'in'],
  ])('who is gone since four weeks is %s', (_what, change, is) => {
    expect(stand(gone, directory(change))?.is).toBe(is)
  })

  it('says when a suspension ends, counted from when they went', () => {
    expect(stand(gone)).toMatchObject({
      until: Date.parse('2026-03-03T00:00:00Z'),
      goneTime: '2026-02-01T00:00:00Z',
    })
    expect(stand({ is: 'gone', because: '' }, directory(), { goneTime: '2026-01-01T00:00:00Z' })).toMatchObject({
      is: 'out',
    })
    expect(stand({ is: 'gone', because: '' })).toMatchObject({ goneTime: '2026-03-01T00:00:00.000Z' })
  })

  it('waits for nothing where nothing is imported any more', () => {
    for (const of of [directory({}, { observed: true }), directory({}, { going: true })])
      expect(stand(enrolmentOf(of, record(), settings), of)).toMatchObject({ is: 'out' })
    expect(stand(gone, directory({ onRemoved: 'Remove' }))?.isOver).toBe(true)
  })

  it('stays as it was where it cannot be said', () => {
    const unclear: Enrolment = { is: 'unclear', because: '' }
    expect(stand(unclear)?.is).toBe('in')
    expect(stand(unclear, directory(), { goneTime: '2026-02-20T00:00:00Z' })?.is).toBe('suspended')
  })
})

describe('a mapping', () => {
  const found = { id: '7', login: 'ann', displayName: 'Ames, Ann', email: 'ann@acme.example', active: true }
  const map = (mapping: NonNullable<Import['mapping']>, before?: RecordedUser) =>
    mappedUser(mapping, found, { domains: ['acme.example'], before })

  it('makes values of what is said, which are judged like any', () => {
    expect(map({ givenName: 'user.displayName.split(", ")[1]', locale: 'user.external ? "en" : "de"' })).toMatchObject({
      givenName: 'Ann',
      locale: 'de',
    })
    expect(map({ email: '"no address"' })).toMatchObject({ problem: expect.stringContaining('no address') })
    expect(map({ email: '"no address"' }).email).toBeUndefined()
  })

  it('leaves out what is made of what is not there', () => {
    expect(map({ displayName: 'user.givenName' })).not.toHaveProperty('displayName')
  })

  it('keeps the value before where it fails, and says so', () => {
    const failing = { givenName: 'user.displayName.split("; ")[1]' }
    expect(map(failing, { givenName: 'Anna', active: true })).toMatchObject({
      givenName: 'Anna',
      problem: expect.stringContaining('import.mapping.givenName fails'),
    })
    expect(map(failing)).not.toHaveProperty('givenName')
  })
})

it.each([
  ['de', 'de'],
  ['de_DE', 'de-DE'],
  ['EN', 'en'],
  ['en-us', 'en-US'],
  ['zh-Hant-TW', 'zh-TW'],
  ['German', undefined],
  ['', undefined],
])('takes the language %j for %j', (text, language) => {
  expect(languageOf(text)).toBe(language)
})
