import { describe, expect, it } from 'vitest'
import { ConflictError } from '../../src/store/errors.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'
import { CrashError, every, type Faults, type FaultyStore, faultyStore } from '../faults/faulty-store.ts'

const PEOPLE = Array.from({ length: 8 }, (_, at) => `p${at}`)
const MINUTE = 60_000
const declare = (realm: Realm, name: string, roles: string[]) =>
  realm.declare('User', name, {
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles, join: 'None' }],
  })
const heldIn = async (realm: Realm) =>
  (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held')

/** Six are held, one of them is given back, an Approval releases the rest. */
const story: ((realm: Realm) => Promise<unknown>)[] = [
  async realm => {
    for (const name of PEOPLE.slice(0, 6)) await declare(realm, name, [])
  },
  async realm => {
    const set = await heldIn(realm)
    return realm.declare(
      'Approval',
      'yes',
      {
        organization: 'acme',
        releases: set?.spec.hash as string,
        reason: 'clean-up',
        expirationTime: new Date(realm.clock.now() + 24 * 60 * MINUTE).toISOString(),
      },
      { manager: 'local/bob' },
    )
  },
  realm => declare(realm, 'p7', []),
]

/** What the world came to: who has what, what was decided and why, who was mailed; without the times, which a crash may move. */
const endOf = async (realm: Realm) => ({
  access: (await realm.store.list('Membership')).items.map(({ spec }) => [
    spec.address,
    spec.settled?.roles,
    spec.losing?.producer,
  ]),
  sets: (await realm.store.list('RemovalSet')).items
    .map(({ spec }) => [spec.state, spec.hash, spec.people, spec.reason, spec.released?.approval?.name, spec.because])
    .sort(),
  claims: (await realm.store.get('RemovalSet', 'acme'))?.spec.mails?.map(({ outcome }) => outcome),
  approval: (await realm.store.get('Approval', 'yes'))?.status?.state,
  people: (await realm.store.list('User')).items.map(({ metadata, status }) => [metadata.name, status?.state]),
})

/** Tells it on a store with faults, from where everybody belongs; a process that dies is followed by another that goes on. */
const tell = async (faults: Faults) => {
  const realm = await openRealm()
  await realm.declare('Organization', 'acme', {
    contacts: [{ name: 'Bob', email: 'bob@acme.example', purpose: 'Technical' }],
  })
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  for (const name of PEOPLE) await declare(realm, name, ['editor'])
  await realm.run()
  await realm.pass(48 * 60 * MINUTE)
  let faulty: FaultyStore | undefined
  await realm.restart({
    wrap: store => {
      faulty = faultyStore(store, faults)
      return faulty
    },
  })
  for (const step of story) {
    await step(realm)
    for (;;) {
      try {
        await realm.pass(10 * MINUTE)
        break
      } catch (error) {
        if (error instanceof ConflictError) continue
        if (!(error instanceof CrashError)) throw error
        await realm.restart()
      }
    }
  }
  const result = {
    end: await endOf(realm),
    mails: realm.mailer.sent.map(mail => mail.messageId),
    writes: faulty?.writes ?? 0,
    dead: faulty?.crashed ?? false,
  }
  await realm[Symbol.asyncDispose]()
  return result
}

describe('the way from holding to releasing', async () => {
  const undisturbed = await tell({})

  it('is a story in which six are held, released by an Approval, and one more is held', () => {
    expect(undisturbed.writes).toBeGreaterThan(40)
    expect(undisturbed.end.approval).toBe('Used')
    expect(undisturbed.end.access.filter(([, roles]) => (roles as string[]).length === 0)).toHaveLength(6)
    expect(undisturbed.end.sets.map(([state, , people]) => [state, people])).toEqual([
      ['Done', 6],
      ['Held', 1],
      ['Open', undefined],
    ])
    expect(undisturbed.mails).toHaveLength(2)
  })

  it.each(['before', 'after'] as const)(
    'comes to the same end when the process dies %s any of its writes',
    async effect => {
      const wrong: string[] = []
      for (let atWrite = 1; atWrite <= undisturbed.writes; atWrite++) {
        const { end, mails, dead } = await tell({ crash: { atWrite, effect } })
        if (!dead) wrong.push(`write ${atWrite}: nothing died`)
        try {
          expect(end).toEqual(undisturbed.end)
        } catch (error) {
          wrong.push(`write ${atWrite}: ${error instanceof Error ? error.message : error}`)
        }
        // The same mails; one of them once more at most, as the same mail.
        if (new Set(mails).size !== 2 || mails.length > 3) wrong.push(`write ${atWrite}: ${mails.length} mails`)
      }
      expect(wrong).toEqual([])
    },
    300_000,
  )

  it.each<[string, Faults]>([
    ['every third write is told that somebody else was faster', { conflict: every(3) }],
    ['every second read is old', { staleEvery: 2 }],
    ['every second event comes twice', { event: number => (number % 2 === 0 ? 'double' : 'deliver') }],
    ['every third event is late', { event: number => (number % 3 === 0 ? 'delay' : 'deliver') }],
    ['changes are forgotten', { gone: { every: 2, after: 3 } }],
  ])('comes to the same end when %s', async (_, faults) => {
    const { end, mails } = await tell(faults)
    expect(end).toEqual(undisturbed.end)
    // A set that was decided a moment later has another name, and its mail another id.
    expect([mails.length, new Set(mails).size]).toEqual([2, 2])
  })
})
