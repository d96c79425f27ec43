import type { Readiness, Verdict } from '../api/conditions.ts'
import { ADMIN_PERMISSIONS, ANNOTATIONS } from '../api/names.ts'
import type { Organization } from '../api/organization.ts'
import { countsOf } from '../decide/counts.ts'
import { currentSeries } from '../decide/membership.ts'
import { reachesDown } from '../decide/permissions.ts'
import { placement } from '../decide/settings.ts'
import { isTimeZone } from '../decide/time.ts'
import type { Cache, ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { hasAdmin, suspensionIn } from './administered.ts'
import { leftIn } from './belongings.ts'
import {
  bodyOf,
  declaredAt,
  isPaused,
  organizationsBelow,
  organizationsConcerned,
  recordEvent,
  settingsFor,
  type World,
  watch,
  writeStatus,
} from './context.ts'
import { sharingDomains } from './domains.ts'
import { withFinalizer } from './finalizer.ts'
import { frozenVerdict } from './frozen.ts'
import { Pace } from './pace.ts'
import { keptText } from './wantedlosses.ts'

/** Counts are made anew a few times at once, and then at most every ten seconds: one in ten runs a second. */
const COUNTS_PER_SECOND = 0.1

/** An organization: its place under a parent, its counts, whether anybody can administer it, and that nothing of it is left when it goes. */
export const organizationReconciler = (world: World): Reconciler<'Organization'> => {
  const pace = new Pace(COUNTS_PER_SECOND)
  return {
    kind: 'Organization',
    // Who administers it is asked when its people have come, not while a source is still bringing them.
    yieldsTo: ['Source', 'Role', 'User', 'Invitation'],
    changed: ({ metadata, spec }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.pause], spec],
    watches: [
      watch({
        kind: 'Organization',
        changed: ({ metadata, spec }) => [
          metadata.uid,
          metadata.deletionTimestamp,
          spec.parent,
          spec.children,
          spec.domains,
          spec.frozen,
        ],
        *wakes({ metadata, spec }, cache) {
          // All below, confirmed or not, a parent that may not be confirmed, and whoever has one of its domains.
          yield* organizationsConcerned(cache, metadata.name)
          if (spec.parent !== undefined) yield spec.parent
          for (const other of sharingDomains(cache, spec.domains ?? [])) yield other.metadata.name
        },
      }),
      watch({
        kind: 'Membership',
        changed: ({ spec }) => {
          const last = spec.attempts.at(-1)
          return [
            [spec.user, spec.joined, spec.left, spec.ended, spec.declined, spec.declared],
            [spec.settled?.roles, spec.settled?.permissions, spec.settled?.reach, spec.settled?.suspended],
            [currentSeries(spec), last?.number, last?.series, last?.outcome, last?.withdrawnTime],
          ]
        },
        // An admin of what is above is one below, where their permissions reach down.
        wakes: ({ spec }, cache) =>
          reachesDown(spec.settled?.permissions ?? [])
            ? spec.settled?.reach
              ? [spec.organization, ...spec.settled.reach]
              : organizationsBelow(cache, spec.organization)
            : [spec.organization],
      }),
      watch({
        kind: 'User',
        changed: ({ metadata, spec }) => [metadata.uid, spec.suspended, spec.memberships],
        *wakes({ metadata, spec }, cache) {
          for (const entry of spec.memberships ?? []) yield entry.organization
          for (const membership of cache.by('Membership', 'user', metadata.name)) yield membership.spec.organization
        },
      }),
      watch({
        kind: 'Role',
        changed: ({ metadata, spec }) => [metadata.uid, spec.allow, spec.deny, spec.scope],
        // It may be given below, too.
        wakes: ({ spec }, cache) => organizationsBelow(cache, spec.organization),
      }),
      watch({ kind: 'RemovalSet', changed: ({ spec }) => spec.state, wakes: ({ spec }) => [spec.organization] }),
      watch({ kind: 'Group', changed: ({ metadata }) => metadata.uid, wakes: ({ spec }) => [spec.organization] }),
      watch({ kind: 'Invitation', changed: ({ metadata }) => metadata.uid, wakes: ({ spec }) => [spec.organization] }),
      watch({ kind: 'Directory', changed: ({ metadata }) => metadata.uid, wakes: ({ spec }) => [spec.organization] }),
      watch({
        kind: 'LicensePool',
        changed: ({ metadata, spec }) => [metadata.uid, spec.seats],
        wakes: ({ spec }) => [spec.organization],
      }),
      watch({
        kind: 'SeatLedger',
        changed: ({ spec }) => spec.slots.length,
        wakes: ({ spec }, cache) => [cache.get('LicensePool', spec.pool)?.spec.organization ?? ''],
      }),
    ],
    reconcile: async name => {
      const organization = world.cache.get('Organization', name)
      if (!organization) {
        pace.forget(name)
        return undefined
      }
      return withFinalizer(world.store, organization, {
        apply: saved => reconcileOrganization(world, saved, pace),
        cleanup: going => empty(world, going),
      })
    },
  }
}

/** An organization goes after everything in it. */
const empty = async (world: World, organization: Organization): Promise<'done' | ReconcileResult> => {
  const left = leftIn(world.cache, organization.metadata.name)
  if (left.length === 0) return 'done'
  const message = `to be deleted, but still has ${left.join(', ')}; delete or end these first`
  await writeStatus(world, organization, bodyOf(organization), { is: 'stalled', reason: 'InUse', message })
  return {}
}

const reconcileOrganization = async (
  world: World,
  organization: Organization,
  pace: Pace,
): Promise<ReconcileResult | undefined> => {
  const { name, uid } = organization.metadata
  const ref = { kind: 'Organization' as const, name, uid }
  const { conditions, ...before } = organization.status ?? {}
  const frozen = await frozenVerdict(world, organization, settingsFor(world, name)?.settings.frozen)
  const missing = missingRights(world, organization)
  if (isPaused(organization)) {
    await writeStatus(
      world,
      organization,
      before,
      { is: 'ready', reason: 'Paused', message: 'reconciling is paused' },
      [...missing, ...(frozen ? [frozen] : [])],
    )
    return undefined
  }

  const wait = pace.take(name, COUNTS_PER_SECOND, world.clock.now())
  const said = conditions?.find(condition => condition.type === 'Ready')
  // Looking through everybody is for the paced passes; in between it stays as it was said.
  const is = readinessOf(world, organization, () =>
    wait === undefined || said === undefined ? hasAdmin(world, name) : said.reason !== 'NoAdmin',
  )
  if (is.reason === 'NoAdmin' && said?.reason !== 'NoAdmin')
    await recordEvent(world, ref, 'Warning', is.reason, is.message)
  const { until, ...counts } = wait === undefined ? count(world, name) : { ...before, until: wait }
  const held = heldText(world.cache, name)
  const further = [...missing]
  if (held !== undefined)
    further.push({ type: 'RemovalsHeld', status: 'True', reason: 'WaitingForApproval', message: held })
  if (frozen) further.push(frozen)
  const shown: Readiness = is.is === 'ready' ? (waitingIn(frozen, held) ?? is) : is
  await writeStatus(world, organization, counts, shown, further)
  return until === undefined ? undefined : { again: until }
}

/** What the cluster does not let us do belongs to no object in particular: the organizations at the top show it. */
const missingRights = (world: World, { spec }: Organization): Verdict[] => {
  const message = spec.parent === undefined ? world.missingRights?.() : undefined
  return message === undefined ? [] : [{ type: 'RightsMissing', status: 'True', reason: 'NotAllowed', message }]
}

/** What somebody has to do before it goes on. */
const waitingIn = (frozen: Verdict | undefined, held: string | undefined): Readiness | undefined => {
  if (frozen) return { is: 'ready', reason: frozen.reason, message: frozen.message }
  return held === undefined ? undefined : { is: 'ready', reason: 'WaitingForApproval', message: held }
}

/** What is held here, and what releases it. */
const heldText = (cache: Cache, name: string): string | undefined => {
  const held = cache.by('RemovalSet', 'organization', name).filter(({ spec }) => spec.state === 'Held')
  if (held.length === 0) return undefined
  const texts = held.map(
    ({ spec }) => `${keptText(spec)}; an Approval of ${spec.hash} releases it (\`roster approve ${name}\`)`,
  )
  return [...texts.join('. ')].slice(0, 2000).join('')
}

const count = (world: World, name: string) =>
  countsOf({
    members: world.cache
      .by('Membership', 'organization', name)
      .map(({ spec }) => ({ membership: spec, suspended: suspensionIn(world.cache, spec) })),
    pools: world.cache.by('LicensePool', 'organization', name).map(pool => ({
      seats: pool.spec.seats,
      ledgers: world.cache.by('SeatLedger', 'pool', pool.metadata.name).map(ledger => ledger.spec),
    })),
    maxAttempts: settingsFor(world, name)?.settings.invitations.maxAttempts ?? 1,
    now: world.clock.now(),
  })

const readinessOf = (world: World, organization: Organization, isAdministered: () => boolean): Readiness => {
  const { cache } = world
  const { metadata, spec } = organization
  const { problem } = placement(metadata.name, name => cache.get('Organization', name))
  if (problem) {
    const message = `${problem.message}; nothing new happens here until that is settled, and what people have stays`
    return { is: 'stalled', reason: problem.reason, message }
  }
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone))
    return { is: 'stalled', reason: 'InvalidSpec', message: `${spec.timeZone} is no time zone of the IANA database` }
  for (const domain of spec.domains ?? []) {
    const owner = sharingDomains(cache, [domain])[0]
    if (owner && owner.metadata.uid !== metadata.uid) {
      const message = `${domain} belongs to organization ${owner.metadata.name} (${declaredAt(owner)}), which is older; a domain has one owner`
      return { is: 'stalled', reason: 'Conflict', message }
    }
  }
  if (!isAdministered()) {
    const message = `nobody can administer ${metadata.name}: no member holds ${ADMIN_PERMISSIONS.join(' or ')}, and nobody invited would`
    return { is: 'ready', reason: 'NoAdmin', message }
  }
  return { is: 'ready', reason: 'Succeeded', message: 'everything is as declared' }
}
