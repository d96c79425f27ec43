import type { Readiness, Verdict } from '../api/conditions.ts'
import type { Membership } from '../api/membership.ts'
import { ADMIN_PERMISSIONS, ANNOTATIONS } from '../api/names.ts'
import type { Organization } from '../api/organization.ts'
import { isAdmin, type Suspension, standingOf, suspensionOf } from '../decide/can.ts'
import { countsOf } from '../decide/counts.ts'
import { currentSeries } from '../decide/membership.ts'
import { allows, permissionsOf, reachesDown } from '../decide/permissions.ts'
import { placement } from '../decide/settings.ts'
import { isTimeZone } from '../decide/time.ts'
import type { Cache, ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import {
  adminsHereOrAbove,
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
  const { conditions: _, ...before } = organization.status ?? {}
  const message = `to be deleted, but still has ${left.join(', ')}; delete or end these first`
  await writeStatus(world, organization, before, { is: 'stalled', reason: 'InUse', message })
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

/** Whether an active member, here or above, is an admin here; or somebody invited or declared is to be one. */
const hasAdmin = (world: World, name: string): boolean => {
  const { cache, clock } = world
  const chain = settingsFor(world, name)?.settings.chain ?? [name]
  const now = clock.now()
  for (const admin of adminsHereOrAbove(cache, name, chain)) {
    const memberships = memberOf(cache, admin)
    if (isAdmin({ chain, memberships, suspended: suspensionIn(cache, admin.spec), now })) return true
  }
  return willHaveAdmin(world, name, chain)
}

const willHaveAdmin = (world: World, name: string, chain: readonly string[]): boolean => {
  const { cache, clock } = world
  const makeAdmin = (roles: readonly string[]) => {
    const specs = roles.flatMap(role => cache.get('Role', role)?.spec ?? [])
    const permissions = permissionsOf(specs.filter(spec => chain.includes(spec.organization)))
    return ADMIN_PERMISSIONS.some(permission => allows(permissions, permission, 'here'))
  }
  const known = new Map<string, boolean>()
  const remembered = (roles: readonly string[]) => {
    const key = roles.join(' ')
    const answer = known.get(key) ?? makeAdmin(roles)
    known.set(key, answer)
    return answer
  }
  for (const { spec } of cache.by('Membership', 'organization', name)) {
    if (standingOf(spec, { suspended: false, now: clock.now() }) !== 'Invited') continue
    if (remembered([...(spec.declared?.roles ?? []), ...(spec.attempts.at(-1)?.roles ?? [])])) return true
  }
  for (const user of cache.by('User', 'organization', name)) {
    const entry = user.spec.memberships?.find(one => one.organization === name && one.state !== 'Ended')
    if (
      entry &&
      remembered(entry.roles ?? []) &&
      !cache.by('Membership', 'user', user.metadata.name).some(one => one.spec.organization === name)
    )
      return true
  }
  return false
}

/** All memberships of the person who has this one. */
const memberOf = (cache: Cache, { spec }: Membership): Membership['spec'][] =>
  spec.user ? cache.by('Membership', 'userUid', spec.user.uid).map(one => one.spec) : [spec]

const suspensionIn = (cache: Cache, { user }: Membership['spec']): Suspension =>
  suspensionOf(user && cache.get('User', user.name))

/** What keeps an organization from going, in words: `3 users, 1 group`. Records of what is over do not. */
const leftIn = (cache: Cache, name: string): string[] => {
  const users = new Set(
    cache
      .by('User', 'organization', name)
      .filter(user => user.spec.memberships?.some(one => one.organization === name && one.state !== 'Ended'))
      .map(user => user.metadata.name),
  )
  for (const { spec } of cache.by('Membership', 'organization', name))
    if (spec.joined && !spec.ended && !(spec.left && !spec.left.released)) users.add(spec.user?.name ?? spec.address)
  const rest = [
    ['organization below', 'organizations below', cache.by('Organization', 'parent', name)],
    ['group', 'groups', cache.by('Group', 'organization', name)],
    ['role', 'roles', cache.by('Role', 'organization', name)],
    ['license pool', 'license pools', cache.by('LicensePool', 'organization', name)],
    ['directory', 'directories', cache.by('Directory', 'organization', name)],
    ['invitation', 'invitations', cache.by('Invitation', 'organization', name)],
  ] as const
  return [
    ...named('user', 'users', [...users]),
    ...rest.flatMap(([one, several, all]) =>
      named(
        one,
        several,
        all.map(object => object.metadata.name),
      ),
    ),
  ]
}

const named = (one: string, several: string, names: readonly string[]): string[] => {
  const [first] = names
  if (first === undefined) return []
  return names.length === 1 ? [`${one} ${first}`] : [`${names.length} ${several} (${first}, …)`]
}
