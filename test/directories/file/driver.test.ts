import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileDirectory } from '../../../src/api/services/file.ts'
import { fileDriver } from '../../../src/directories/file/driver.ts'
import type { FoundPage } from '../../../src/ports/directory.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-files-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const COLUMNS = { id: 'id', email: 'mail', givenName: 'first', groups: 'teams' }
const LONG_AGO = new Date('2026-01-01T00:00:00Z')
const write = (path: string, text: string | Buffer): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
  utimesSync(join(folder, path), LONG_AGO, LONG_AGO)
}
const read = async (
  file: Partial<FileDirectory> & { path: string },
  options: { onPage?: () => void; signal?: AbortSignal; pageSize?: number; folder?: string } = {},
) => {
  const pages: FoundPage[] = []
  const driver = fileDriver({
    file: { columns: COLUMNS, ...file },
    folder: 'folder' in options ? options.folder : folder,
    sleep: async () => undefined,
    ...(options.pageSize !== undefined && { pageSize: options.pageSize }),
  })
  const ended = await driver.read({
    signal: options.signal ?? new AbortController().signal,
    take: page => {
      pages.push(page)
      options.onPage?.()
    },
  })
  return {
    ...ended,
    pages: pages.length,
    users: pages.flatMap(({ users = [] }) => users),
    groups: pages.flatMap(({ groups = [] }) => groups),
  }
}

describe('a table of people', () => {
  it.each([',', ';', '\t'])('is read with its headings mapped, whatever stands between the cells (%j)', async cut => {
    const row = (...cells: string[]): string => cells.map(cell => (/[,;]/.test(cell) ? `"${cell}"` : cell)).join(cut)
    write(
      'hr/people.csv',
      `\ufeff${[row('id', 'first', 'mail', 'teams', 'salary'), row('7', 'Ann', 'ann@acme.example', 'red;blue;red', '1'), '', row('8', 'Bäcker, Ben', '', ' ', '2')].join('\r\n')}\r\n`,
    )
    const { outcome, users, groups, requests } = await read({ path: 'hr/people.csv' })
    expect([outcome, requests]).toEqual(['Complete', 1])
    expect(users).toEqual([
      { id: '7', email: 'ann@acme.example', givenName: 'Ann', active: true },
      { id: '8', givenName: 'Bäcker, Ben', active: true },
    ])
    expect(groups).toEqual([
      { id: 'red', name: 'red', users: ['7'], groups: [] },
      { id: 'blue', name: 'blue', users: ['7'], groups: [] },
    ])
  })

  it('tells who is active by the words of the export', async () => {
    write('people.csv', 'id,state\n1,Active\n2,gone\n3,\n4,here\n')
    const columns = { id: 'id', active: 'state' }
    const active = async (activeValues?: string[]) =>
      (await read({ path: 'people.csv', columns, ...(activeValues && { activeValues }) })).users
        .filter(user => user.active)
        .map(({ id }) => id)
    expect(await active()).toEqual(['1'])
    expect(await active(['here', 'Active'])).toEqual(['1', '4'])
  })

  it.each([
    ['a row without an id', 'id,mail,first,teams\n1,,,\n,x@acme.example,,\n', 'line 3 has no id'],
    ['an id twice', 'id,mail,first,teams\n1,,,\n1,x@acme.example,,\n', 'line 3 has the id of somebody before it'],
    ['a row with too few cells', 'id,mail,first,teams\n1,,,\n2,x\n', 'line 3 has 2 cells, where the heading has 4'],
    ['a quote that is never closed', 'id,mail,first,teams\n1,,,\n2,"x,,\n3,,,\n', 'Quote'],
  ])('with %s is not complete, and says where', async (_, text, message) => {
    write('people.csv', text)
    const { users, ...ended } = await read({ path: 'people.csv' })
    expect(ended).toMatchObject({ outcome: 'Partial', message: expect.stringContaining(message) })
    expect(users[0]).toEqual({ id: '1', active: true })
  })

  it('names five of the rows that cannot be taken', async () => {
    write('people.csv', `id,mail,first,teams\n1,,,\n${',x,,\n'.repeat(9)}`)
    expect(await read({ path: 'people.csv' })).toMatchObject({ message: expect.stringMatching(/line 7 .* and 4 more/) })
  })

  it('without a column that is named says which there are, and tells of nobody', async () => {
    write('people.csv', 'number,mail,first,teams\n1,,,\n')
    expect(await read({ path: 'people.csv' })).toMatchObject({
      outcome: 'Failed',
      reason: 'InvalidSpec',
      message: 'people.csv has no column "id"; it has "number", "mail", "first", "teams"',
      users: [],
    })
  })

  it('of a hundred thousand rows is told page by page, and waited for after each', async () => {
    const rows = Array.from({ length: 100_000 }, (_, at) => `${at},p${at}@acme.example,P,t${at % 700}`)
    write('people.csv', `id,mail,first,teams\n${rows.join('\n')}\n`)
    let most = 0
    const driver = fileDriver({ file: { path: 'people.csv', columns: COLUMNS }, folder })
    let [people, groups, at] = [0, 0, 0]
    const ended = await driver.read({
      signal: new AbortController().signal,
      take: async page => {
        at += 1
        most = Math.max(most, at)
        await new Promise(setImmediate)
        at -= 1
        people += page.users?.length ?? 0
        groups += page.groups?.length ?? 0
      },
    })
    expect([ended.outcome, people, groups, most]).toEqual(['Complete', 100_000, 700, 1])
  })
})

describe('a list of people', () => {
  it('is read from JSON, with numbers and lists', async () => {
    write(
      'people.json',
      JSON.stringify([
        { id: 7, mail: 'ann@acme.example', teams: ['red', 'blue', 3, null, {}] },
        { id: 'b', first: null, teams: 'red; green' },
      ]),
    )
    const { outcome, users, groups } = await read({ path: 'people.json' })
    expect(outcome).toBe('Complete')
    expect(users.map(({ id, email }) => [id, email])).toEqual([
      ['7', 'ann@acme.example'],
      ['b', undefined],
    ])
    expect(groups.map(({ name, users: members }) => [name, members])).toEqual([
      ['red', ['7', 'b']],
      ['blue', ['7']],
      ['3', ['7']],
      ['green', ['b']],
    ])
  })

  it('is read from YAML, where every number stays as it is written', async () => {
    write('people.yaml', '- {id: 007, mail: a@acme.example}\n- {id: 1e3, first: ~}\n- {id: 0x1F}\n')
    const { outcome, users } = await read({ path: 'people.yaml' })
    expect([outcome, users.map(({ id }) => id)]).toEqual(['Complete', ['007', '1e3', '0x1F']])
    expect(users[1]).toEqual({ id: '1e3', active: true })
  })

  it('does not take two large numbers for one', async () => {
    write('people.json', '[{"id": 9007199254740993}, {"id": 9007199254740992}, {"id": "1"}]')
    expect(await read({ path: 'people.json' })).toMatchObject({ outcome: 'Partial', users: [{ id: '1' }] })
  })

  it.each([
    ['people.json', '[{"id": "1", "mail": "secret@acme.example"', 'people.json is no JSON'],
    ['people.json', '{"id": 1}', 'people.json is no list of objects'],
    ['people.yaml', '- {id: 1\n', 'people.yaml is no YAML'],
    ['people.yaml', `${'['.repeat(50)}`, 'people.yaml is no YAML'],
    ['people.txt', 'id\n', 'name the format'],
  ])('%s that says %j is refused, and nothing of it is repeated', async (path, text, message) => {
    write(path, text)
    const ended = await read({ path })
    expect(ended).toMatchObject({ outcome: 'Failed', reason: 'InvalidSpec', message: expect.stringContaining(message) })
    expect(JSON.stringify(ended)).not.toContain('secret')
  })

  it('with an entry that is no object is not complete', async () => {
    write('people.yaml', '- {id: 1}\n- hello\n')
    expect(await read({ path: 'people.yaml' })).toMatchObject({
      outcome: 'Partial',
      message: expect.stringContaining('entry 2 is no object'),
      users: [{ id: '1' }],
    })
  })
})

describe('the file of a directory', () => {
  it.each([
    ['../outside.csv', 'NotAllowed'],
    ['link.csv', 'NotAllowed'],
    ['linked/outside.csv', 'NotAllowed'],
    ['nobody.csv', 'PathNotFound'],
    ['sub', 'InvalidSpec'],
  ])('%s is not read: %s', async (path, reason) => {
    const outside = mkdtempSync(join(tmpdir(), 'roster-outside-'))
    try {
      writeFileSync(join(outside, 'outside.csv'), 'id,mail,first,teams\n1,,,\n')
      writeFileSync(join(folder, '..', 'outside.csv'), 'id,mail,first,teams\n1,,,\n')
      mkdirSync(join(folder, 'sub'))
      symlinkSync(join(outside, 'outside.csv'), join(folder, 'link.csv'))
      symlinkSync(outside, join(folder, 'linked'))
      expect(await read({ path })).toMatchObject({ outcome: 'Failed', reason, users: [] })
    } finally {
      rmSync(outside, { recursive: true, force: true })
      rmSync(join(folder, '..', 'outside.csv'), { force: true })
    }
  })

  it('is not read where the controller was given no folder', async () => {
    write('people.csv', 'id,mail,first,teams\n')
    const options = { folder: undefined } as unknown as { folder: string }
    expect(await read({ path: 'people.csv' }, options)).toMatchObject({
      outcome: 'Failed',
      reason: 'NotAllowed',
      message: expect.stringContaining('--directory-files'),
    })
  })

  it('that is written anew while it is read is not complete', async () => {
    write('people.csv', 'id,mail,first,teams\n1,,,\n2,,,\n')
    const ended = await read(
      { path: 'people.csv' },
      { pageSize: 1, onPage: () => write('people.csv', 'id,mail,first,teams\n1,,,\n') },
    )
    expect(ended).toMatchObject({ outcome: 'Partial', reason: 'Retrying' })
  })

  it('that is still being written is waited for, and not for ever', async () => {
    writeFileSync(join(folder, 'people.csv'), 'id,mail,first,teams\n1,,,\n')
    let tries = 0
    const driver = fileDriver({
      file: { path: 'people.csv', columns: COLUMNS },
      folder,
      sleep: async () => {
        tries += 1
        writeFileSync(join(folder, 'people.csv'), 'id,mail,first,teams\n1,,,\n')
      },
    })
    const ended = await driver.read({ signal: new AbortController().signal, take: () => undefined })
    expect([ended, tries]).toEqual([expect.objectContaining({ outcome: 'Failed', reason: 'Retrying' }), 5])
  })

  it('is left when the signal aborts', async () => {
    write('people.csv', `id,mail,first,teams\n${Array.from({ length: 10 }, (_, at) => `${at},,,`).join('\n')}\n`)
    const stop = new AbortController()
    const reading = read({ path: 'people.csv' }, { pageSize: 2, signal: stop.signal, onPage: () => stop.abort() })
    await expect(reading).rejects.toThrow(/abort/i)
  })

  it('is looked at by a check', async () => {
    write('people.csv', 'id\n')
    const check = (path: string) =>
      fileDriver({ file: { path, columns: COLUMNS }, folder }).check({ signal: new AbortController().signal })
    expect(await check('people.csv')).toEqual({
      server: 'people.csv, 3 bytes, changed 2026-01-01T00:00:00.000Z',
      rights: [{ held: true, what: 'read people.csv' }],
    })
    expect(await check('gone.csv')).toMatchObject({ outcome: 'Failed', reason: 'PathNotFound' })
  })
})
