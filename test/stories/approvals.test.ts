import { beforeEach, describe, expect, it } from 'vitest'
import type { SourceSpec } from '../../src/api/source.ts'
import { type SyncResult, syncRevision } from '../../src/source/sync.ts'
import { type Complete, placed, revisionWith } from '../app/planning.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 8 }, (_, at) => `p${at}`)
const SIX = PEOPLE.slice(0, 6)
/** A source that may declare everything, Approvals too. */
const EVERYTHING: SourceSpec['may'] = { kinds: ['Organization', 'Role', 'User', 'Approval'] }
let realm: Realm
let hash: string

const revision = (without: readonly string[], approval?: string): Complete =>
  revisionWith(
    placed('Organization', 'acme', {}),
    placed('Role', 'editor', { organization: 'acme', allow: ['documents:*'] }),
    ...PEOPLE.map(name =>
      placed('User', name, {
        email: `${name}@acme.example`,
        memberships: [{ organization: 'acme', roles: without.includes(name) ? [] : ['editor'], join: 'None' }],
      }),
    ),
    ...(approval === undefined
      ? []
      : [
          placed('Approval', approval, {
            organization: 'acme',
            releases: hash,
            reason: 'clean-up',
            expirationTime: '2026-03-07T09:00:00Z',
          }),
        ]),
  )

/** One commit, as the source reads it while nothing is decided, and all that follows. */
const commit = async (of: Complete, may?: SourceSpec['may']): Promise<SyncResult> => {
  const sync = await syncRevision({
    store: realm.store,
    source: 'people',
    revision: of,
    prune: false,
    authority: { may },
    permit: async objects => ({ permitted: objects, because: '' }),
  })
  await realm.run()
  return sync
}
const held = async () => (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held')
const without = async () =>
  (await realm.store.list('Membership')).items.filter(({ spec }) => spec.settled?.roles.length === 0).length
const state = async (name: string) => (await realm.store.get('Approval', name))?.status?.state

beforeEach(async () => {
  realm = await openRealm()
  await commit(revision([]))
  await realm.pass(2 * DAY)
  // What the hash will be is no secret: whoever may write into the repository can work it out.
  await commit(revision(SIX))
  hash = (await held())?.spec.hash ?? ''
  await commit(revision([]))
  expect(await held()).toBeUndefined()
  return async () => realm[Symbol.asyncDispose]()
})

describe('an Approval from a repository', () => {
  it('is refused from a source that may not, and what it names stays held', async () => {
    const { failed } = await commit(revision(SIX, 'sneaky'))
    expect(failed).toMatchObject([{ ref: { kind: 'Approval', name: 'sneaky' }, reason: 'NotAllowed' }])
    expect([await realm.store.get('Approval', 'sneaky'), await without()]).toEqual([undefined, 0])
    // Nor in a commit of its own.
    await commit(revision(SIX, 'sneaky'))
    expect([(await held())?.spec.people, await without()]).toEqual([6, 0])
  })

  it('in the commit that it approves releases nothing, and neither does one of a commit before', async () => {
    await commit(revision(SIX, 'same'), EVERYTHING)
    expect([await state('same'), await without()]).toEqual(['Refused', 0])
    await commit(revision([], 'same'), EVERYTHING)
    await commit(revision(SIX, 'same'), EVERYTHING)
    await realm.pass(DAY)
    expect([await state('same'), (await held())?.spec.people, await without()]).toEqual(['Refused', 6, 0])
  })

  it('in a commit after it releases exactly that, once, though it stays in the repository', async () => {
    await commit(revision(SIX), EVERYTHING)
    await commit(revision(SIX, 'later'), EVERYTHING)
    expect([await state('later'), await held(), await without()]).toEqual(['Used', undefined, 6])
    await commit(revision([], 'later'), EVERYTHING)
    await realm.pass(2 * DAY)
    await commit(revision(SIX, 'later'), EVERYTHING)
    expect([await state('later'), (await held())?.spec.people, await without()]).toEqual(['Used', 6, 0])
  })

  it('is worth nothing anew where somebody had its object made again before', async () => {
    await commit(revision(SIX), EVERYTHING)
    await commit(revision(SIX, 'again'), EVERYTHING)
    await commit(revision([], 'again'), EVERYTHING)
    await realm.pass(2 * DAY)
    await realm.remove('Approval', 'again')
    await commit(revision([], 'again'), EVERYTHING)
    await commit(revision(SIX, 'again'), EVERYTHING)
    expect([await state('again'), (await held())?.spec.people, await without()]).toEqual(['Refused', 6, 0])
  })

  it('has expired when it was not used in time, and then releases nothing', async () => {
    await commit(revision([], 'late'), EVERYTHING)
    await realm.pass(6 * DAY)
    expect(await state('late')).toBe('Expired')
    await commit(revision(SIX, 'late'), EVERYTHING)
    expect([await state('late'), await without()]).toEqual(['Expired', 0])
  })
})
