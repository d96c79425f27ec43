import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { RosterError } from '../../src/api/errors.ts'
import type { UserSpec } from '../../src/api/user.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'
import { overriding } from '../faults/overriding.ts'

const PEOPLE = 10_000
/** Of each kind of trouble. */
const BAD = 50
const TROUBLES = ['refused', 'roleless', 'poolless', 'unwritable'] as const
type Trouble = (typeof TROUBLES)[number]

/** Every write about some people fails. */
class Unwritable extends RosterError {
  readonly retry = 'backoff'
  readonly reason = 'Retrying'
}
const withoutWrites = (store: ResourceStore): ResourceStore =>
  overriding(store, {
    patchStatus: async (...args: Parameters<ResourceStore['patchStatus']>) => {
      if (args[0].name.startsWith('unwritable')) throw new Unwritable('the disk has a hole where this person was to be')
      return store.patchStatus(...args)
    },
  })

const specOf = (name: string, trouble: Trouble | undefined): UserSpec => ({
  email: `${name}@acme.example`,
  memberships: [
    {
      organization: 'acme',
      roles: [trouble === 'roleless' ? 'vanished' : 'editor'],
      join: trouble === 'refused' ? 'Invitation' : 'None',
    },
  ],
  ...(trouble === 'poolless' && { licenses: [{ pool: 'vanished' }] }),
})
const nameOf = (number: number): { name: string; trouble: Trouble | undefined } => {
  const trouble = number < BAD * TROUBLES.length ? TROUBLES[number % TROUBLES.length] : undefined
  return { name: `${trouble ?? 'well'}-${number}`, trouble }
}

describe('a few people with whom something is wrong', () => {
  it(`get their condition, and hold up none of the ${PEOPLE} others`, async () => {
    const runs = new Map<string, number>()
    await using realm: Realm = await openRealm({
      wrap: withoutWrites,
      reconcilers: world =>
        reconcilersOf(world).map(reconciler => ({
          ...reconciler,
          reconcile: (name, run) => {
            if (reconciler.kind === 'User') runs.set(name, (runs.get(name) ?? 0) + 1)
            return reconciler.reconcile(name, run)
          },
        })),
    })
    realm.mailer.answers = mail => ({
      outcome: mail.to.address.startsWith('refused') ? 'Refused' : 'Sent',
      response: '550 5.1.1 user unknown',
    })
    await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
    await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    const people = Array.from({ length: PEOPLE }, (_, number) => nameOf(number))
    // The bad ones come first in every line.
    for (const { name, trouble } of people) await realm.declare('User', name, specOf(name, trouble))
    realm.loop.start()
    const idle = async () => {
      await realm.loop.informer.caughtUp()
      while (realm.loop.idleVersion() === undefined) await setImmediate()
    }
    await idle()
    await realm.clock.advance(60_000)
    await idle()

    const states = new Map<string, Set<string>>()
    for (const { metadata, status } of (await realm.store.list('User')).items) {
      const is = (status?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`)
      const trouble = metadata.name.split('-')[0] as string
      states.set(trouble, new Set([...(states.get(trouble) ?? []), [status?.state, ...is].join(', ')]))
    }
    expect(Object.fromEntries([...states].map(([trouble, all]) => [trouble, [...all]]))).toMatchInlineSnapshot(`
      {
        "poolless": [
          "Active, Ready False ReferenceNotFound, Stalled True ReferenceNotFound",
        ],
        "refused": [
          "Invited, Ready False DeliveryRefused, Stalled True DeliveryRefused",
        ],
        "roleless": [
          "Restricted, Ready False ReferenceNotFound, Stalled True ReferenceNotFound",
        ],
        "unwritable": [
          "",
        ],
        "well": [
          "Active, Ready True Succeeded",
        ],
      }
    `)

    // A day later the bad ones were tried no oftener than every few minutes, and nobody else was run for it.
    const before = new Map(runs)
    for (let passed = 0; passed < DAY; passed += 60_000) {
      await realm.clock.advance(60_000)
      await idle()
    }
    const more = people.map(({ name, trouble }) => ({ trouble, runs: (runs.get(name) ?? 0) - (before.get(name) ?? 0) }))
    const most = (of: Trouble | undefined) =>
      Math.max(...more.filter(({ trouble }) => trouble === of).map(({ runs }) => runs))
    // At most one in two and a half minutes; as little as the hourly resync for the others.
    expect(most('unwritable')).toBeGreaterThan(24)
    expect(most('unwritable')).toBeLessThanOrEqual(600)
    for (const others of [undefined, 'roleless', 'poolless'] as const) expect(most(others)).toBeLessThanOrEqual(30)
  }, 240_000)
})
