import type { Readiness, Verdict } from '../api/conditions.ts'
import { people } from '../api/counted.ts'
import type { LicensePool } from '../api/licensepool.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { currentSeries } from '../decide/membership.ts'
import { type Allocation, allocate } from '../decide/seats.ts'
import { durationMilliseconds } from '../decide/time.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import {
  bodyOf,
  isPaused,
  organizationsConcerned,
  recordEvent,
  settingsFor,
  type World,
  watch,
  writeStatus,
} from './context.ts'
import { keyedPages, named, writeSeats } from './ledgerpages.ts'
import { claimsOf, type KeyTrouble, keyRing, keyTrouble } from './licensekeys.ts'
import { Pace } from './pace.ts'
import { isDeleting } from './people.ts'
import { membersOf, type PoolMembers, poolsFor, sizeOf } from './poolmembers.ts'

/** Members that the passes over one pool may look at in a second: a pool of a hundred thousand gets one pass in it, one of a thousand a hundred. */
const MEMBERS_PER_SECOND = 100_000
const LOOK_AGAIN = 60_000

/**
 * Seats: the whole pool in one pass. What anybody gets depends on everybody else, so one key is one pool, and the queue makes one pass of many events;
 * a storm of them (a hundred thousand people changing) makes a pass a second. Each page is written once, only where it changed.
 * Keys are claimed here, with the seats; the SeatLedger reconciler mails them, so that a slow mail server keeps nobody from a seat.
 */
export const licensePoolReconciler = (world: World): Reconciler<'LicensePool'> => {
  const pace = new Pace(MEMBERS_PER_SECOND)
  return {
    kind: 'LicensePool',
    // When many come at once, who gets a seat is decided over all of them, as in a plan.
    yieldsTo: ['User', 'Invitation'],
    watches: [
      watch({
        kind: 'Membership',
        changed: ({ spec }) => {
          const last = spec.attempts.at(-1)
          return [
            [spec.user, spec.since, spec.joined, spec.left, spec.ended, spec.declined, spec.declared],
            [spec.settled?.roles, spec.settled?.groups, spec.settled?.suspended],
            [currentSeries(spec), last?.number, last?.series, last?.outcome, last?.withdrawnTime],
          ]
        },
        wakes: ({ spec }, cache) => poolsFor(cache, spec.organization),
      }),
      watch({
        kind: 'User',
        changed: ({ metadata, spec }) => {
          const { memberships: _memberships, previousNames: _names, ...rest } = spec
          return [metadata.labels, rest]
        },
        *wakes({ metadata, spec }, cache) {
          for (const { pool } of spec.licenses ?? []) yield pool
          const places = new Set(cache.by('Membership', 'user', metadata.name).map(one => one.spec.organization))
          for (const organization of places) yield* poolsFor(cache, organization)
        },
      }),
      watch({
        kind: 'Organization',
        changed: ({ metadata, spec }) => [
          metadata.deletionTimestamp,
          spec.parent,
          spec.children,
          spec.domains,
          spec.invitations?.maxAttempts,
        ],
        *wakes({ metadata, spec }, cache) {
          for (const below of organizationsConcerned(cache, metadata.name)) yield* poolsFor(cache, below)
          // Also those above the parent that this state names, which may be another one by now.
          if (spec.parent !== undefined) yield* poolsFor(cache, spec.parent)
        },
      }),
      // An address that is proven now may get its keys.
      watch({
        kind: 'Account',
        changed: ({ spec }) => [spec.proven, spec.closed],
        *wakes({ spec }, cache) {
          for (const membership of cache.by('Membership', 'address', spec.address))
            for (const name of poolsFor(cache, membership.spec.organization))
              if (cache.get('LicensePool', name)?.spec.keysSecretRef) yield name
        },
      }),
      // A role that a selector names comes or goes; a group also brings people in who are only invited yet.
      watch({
        kind: 'Role',
        changed: ({ metadata }) => metadata.uid,
        wakes: ({ metadata }, cache) => cache.by('LicensePool', 'role', metadata.name).map(pool => pool.metadata.name),
      }),
      watch({
        kind: 'Group',
        changed: ({ spec }) => [spec.members, spec.groups, spec.membersWhere, spec.roles],
        *wakes({ metadata, spec }, cache) {
          for (const pool of cache.by('LicensePool', 'group', metadata.name)) yield pool.metadata.name
          yield* poolsFor(cache, spec.organization)
        },
      }),
      // Only its coming and going: it is written here alone.
      watch({ kind: 'SeatLedger', changed: ({ metadata }) => metadata.uid, wakes: ({ spec }) => [spec.pool] }),
    ],
    changed: ({ metadata, spec }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.pause], spec],
    reconcile: async name => {
      const pool = world.cache.get('LicensePool', name)
      if (!pool || isDeleting(pool)) {
        // The ledger stays: a pool that comes back finds its people, and a key that was mailed stays theirs.
        pace.forget(name)
        return undefined
      }
      const wait = pace.take(name, sizeOf(world.cache, pool), world.clock.now())
      return wait === undefined ? reconcilePool(world, pool) : { again: wait }
    },
  }
}

const reconcilePool = async (world: World, pool: LicensePool): Promise<ReconcileResult | undefined> => {
  const { name } = pool.metadata
  if (isPaused(pool)) {
    await writeStatus(world, pool, bodyOf(pool), { is: 'ready', reason: 'Paused', message: 'reconciling is paused' })
    return undefined
  }
  const place = settingsFor(world, pool.spec.organization)
  if (!place || place.problem) {
    // Who has a seat keeps it; nobody gets one until the place is clear.
    const { reason, message } = place?.problem ?? {
      reason: 'ReferenceNotFound' as const,
      message: `organization ${pool.spec.organization} does not exist`,
    }
    await writeStatus(world, pool, bodyOf(pool), { is: 'stalled', reason, message })
    return undefined
  }

  const members = await membersOf(world, pool)
  const ledgers = world.cache.by('SeatLedger', 'pool', name)
  const allocation = allocate({
    seats: pool.spec.seats,
    releaseAfter: durationMilliseconds(pool.spec.releaseAfter ?? '72h'),
    pages: ledgers.map(ledger => ledger.spec),
    candidates: members.candidates,
    now: world.clock.now(),
    clockSuspect: world.clock.suspect,
  })

  // The secret is read only where somebody is to get a key by mail.
  const ring = members.mailed.size > 0 ? await keyRing(world, pool) : undefined
  const usable = ring && 'keys' in ring ? ring : undefined
  const claims =
    usable && claimsOf(world, pool, { pages: keyedPages(allocation.pages, ledgers), members, ring: usable })
  const written = await writeSeats(world, pool, { allocation, ledgers, claimed: claims?.pages })
  await tell(world, pool, allocation)

  const keys = keyTrouble(world, pool, { ring, ledgers: written, members, short: claims?.short.length ?? 0 })
  await writeStatus(world, pool, countsOf(pool, allocation), ...verdictOf(world, pool, allocation, members, keys))

  const now = world.clock.now()
  const times = [allocation.nextRelease, members.until, keys.trouble && now + LOOK_AGAIN]
  const due = times.filter(time => time !== undefined)
  if (due.length === 0) return undefined
  const again = Math.min(...due)
  // A release that is due but not believed (the clock jumped) is looked at again in a minute, not at once for ever.
  return { again: again > now ? again : now + LOOK_AGAIN }
}

const tell = async (world: World, pool: LicensePool, { given, freed }: Allocation): Promise<void> => {
  if (given.length > 0)
    await recordEvent(
      world,
      { kind: 'LicensePool', name: pool.metadata.name, uid: pool.metadata.uid },
      'Normal',
      'SeatGiven',
      `to ${named(world, given)}`,
    )
  if (freed.length > 0)
    await recordEvent(
      world,
      { kind: 'LicensePool', name: pool.metadata.name, uid: pool.metadata.uid },
      'Normal',
      'SeatFreed',
      `of ${named(world, freed)}`,
    )
}

const countsOf = (pool: LicensePool, { used, reserved, free, waiting }: Allocation) => ({
  seats: pool.spec.seats,
  used,
  reserved,
  free,
  waiting: waiting.length,
})

const verdictOf = (
  world: World,
  pool: LicensePool,
  allocation: Allocation,
  members: PoolMembers,
  keys: { unproven: number; trouble: KeyTrouble | undefined },
): [Readiness, Verdict[]] => {
  const { seats } = pool.spec
  const taken = allocation.used + allocation.reserved
  const waiting = allocation.waiting.length
  const further: Verdict[] = []
  if (allocation.free === 0)
    further.push({
      type: 'Exhausted',
      status: 'True',
      reason: 'NoFreeSeat',
      message: `all of the ${seats} seats are taken`,
    })
  if (taken > seats) {
    const message = `${taken} seats are taken, and there are ${seats}: nobody gets one until ${taken - seats} more than that are free`
    further.push({ type: 'OverAllocated', status: 'True', reason: 'SeatsReduced', message })
  }
  const missing = missingReferences(world, pool)
  if (missing.length > 0) return [{ is: 'stalled', reason: 'ReferenceNotFound', message: missing.join('; ') }, further]
  if (members.failing) {
    const message = `the expression of the selector fails for ${people(members.failing.people)}, who keep what they have: ${members.failing.problem}`
    return [{ is: 'stalled', reason: 'ExpressionFailed', message }, further]
  }
  if (keys.trouble) return [{ is: 'stalled', ...keys.trouble }, further]
  if (waiting > 0) {
    const message = `${people(waiting)} wait for a seat`
    return [{ is: 'ready', reason: 'WaitingForSeat', message }, further]
  }
  if (keys.unproven > 0) {
    const message = `the keys of ${people(keys.unproven)} wait until their address is proven`
    return [{ is: 'ready', reason: 'WaitingForPerson', message }, further]
  }
  return [{ is: 'ready', reason: 'Succeeded', message: `${taken} of ${seats} seats are taken` }, further]
}

const missingReferences = (world: World, { spec }: LicensePool): string[] => {
  const criteria = [...(spec.selector ? [spec.selector] : []), ...(spec.priority ?? [])]
  const roles = new Set(criteria.flatMap(one => one.roles ?? []))
  const groups = new Set(criteria.flatMap(one => one.groups ?? []))
  return [
    ...[...roles].filter(name => !world.cache.get('Role', name)).map(name => `role ${name} does not exist`),
    ...[...groups].filter(name => !world.cache.get('Group', name)).map(name => `group ${name} does not exist`),
  ]
}
