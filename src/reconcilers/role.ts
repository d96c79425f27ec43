import type { Readiness } from '../api/conditions.ts'
import type { Membership } from '../api/membership.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { Role } from '../api/role.ts'
import { normalizeAddress } from '../decide/address.ts'
import { standingOf } from '../decide/can.ts'
import { progressOf } from '../decide/invitation.ts'
import { currentSeries } from '../decide/membership.ts'
import { permissionProblem } from '../decide/permissions.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { isPaused, recordEvent, settingsFor, type World, watch, writeStatus } from './context.ts'
import { withFinalizer } from './finalizer.ts'
import { place } from './indexes.ts'
import { Pace } from './pace.ts'
import { isDeleting } from './people.ts'

/** Holders and invitations that the passes over one role may count in a second. */
const COUNTED_PER_SECOND = 20_000
/** Addresses that an Event names. */
const NAMED = 10

/** A role: who holds it, which open invitations carry it, and whether what it says means anything. It takes nothing itself: that follows on its holders. */
export const roleReconciler = (world: World): Reconciler<'Role'> => {
  const pace = new Pace(COUNTED_PER_SECOND)
  return {
    kind: 'Role',
    changed: ({ metadata, spec }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.pause], spec],
    watches: [
      watch({
        kind: 'Membership',
        changed: ({ spec }) => {
          const last = spec.attempts.at(-1)
          return [
            [spec.settled?.roles, spec.joined, spec.left, spec.ended, spec.declined],
            [currentSeries(spec), last?.number, last?.outcome, last?.withdrawnTime],
          ]
        },
        *wakes({ spec }, cache) {
          yield* spec.settled?.roles ?? []
          for (const invitation of cache.by('Invitation', 'place', place(spec.organization, spec.address)))
            yield* invitation.spec.roles ?? []
        },
      }),
      watch({
        kind: 'Invitation',
        changed: ({ metadata, spec }) => [metadata.deletionTimestamp, spec.roles],
        wakes: ({ spec }) => spec.roles ?? [],
      }),
      watch({
        kind: 'Organization',
        changed: ({ metadata }) => [metadata.uid, metadata.deletionTimestamp],
        wakes: ({ metadata }, cache) => cache.by('Role', 'organization', metadata.name).map(role => role.metadata.name),
      }),
    ],
    reconcile: async name => {
      const role = world.cache.get('Role', name)
      if (!role) {
        pace.forget(name)
        return undefined
      }
      const { cache } = world
      const cost = cache.by('Membership', 'role', name).length + cache.by('Invitation', 'role', name).length
      const wait = pace.take(name, cost, world.clock.now())
      if (wait !== undefined) return { again: wait }
      // Saved first, so that a deletion that comes next is met here; what was written wakes nobody.
      return withFinalizer(world.store, role, {
        apply: saved => reconcileRole(world, saved),
        cleanup: going => tellOpen(world, going),
      })
    },
  }
}

/** Who is invited to a role that goes is told of it. */
const tellOpen = async (world: World, { metadata: { name, uid } }: Role): Promise<'done'> => {
  const open = openInvitations(world, name).addresses
  const ref = { kind: 'Role' as const, name, uid }
  if (open.length > 0) await recordEvent(world, ref, 'Warning', 'RoleChanged', `deleted; ${carried(open)}`)
  return 'done'
}

const reconcileRole = async (world: World, role: Role): Promise<ReconcileResult | undefined> => {
  const { metadata, status } = role
  const { name, uid } = metadata
  const { conditions: _, ...before } = status ?? {}
  const ref = { kind: 'Role' as const, name, uid }
  if (isPaused(role)) {
    await writeStatus(world, role, before, { is: 'ready', reason: 'Paused', message: 'reconciling is paused' })
    return undefined
  }

  const open = openInvitations(world, name)
  const seen = status?.conditions?.find(condition => condition.type === 'Ready')?.observedGeneration
  if (seen !== undefined && seen !== metadata.generation && open.addresses.length > 0)
    await recordEvent(world, ref, 'Warning', 'RoleChanged', `changed; ${carried(open.addresses)}`)

  const holders = holdersOf(world, name)
  await writeStatus(
    world,
    role,
    { holders: holders.people, openInvitations: open.addresses.length },
    readinessOf(world, role),
  )
  const times = [open.until, holders.until].filter(time => time !== undefined)
  return times.length > 0 ? { again: Math.min(...times) } : undefined
}

const readinessOf = (world: World, { spec }: Role): Readiness => {
  if (!settingsFor(world, spec.organization))
    return {
      is: 'stalled',
      reason: 'ReferenceNotFound',
      message: `organization ${spec.organization} does not exist`,
    }
  const problems = [...(spec.allow ?? []), ...(spec.deny ?? [])].flatMap(one => permissionProblem(one) ?? [])
  if (problems.length > 0) return { is: 'stalled', reason: 'InvalidSpec', message: problems.slice(0, 5).join('; ') }
  return { is: 'ready', reason: 'Succeeded', message: 'everything is as declared' }
}

/** People who hold the role somewhere, each once. */
const holdersOf = ({ cache, clock }: World, role: string): { people: number; until: number | undefined } => {
  const people = new Set<string>()
  let until: number | undefined
  const now = clock.now()
  for (const { spec } of cache.by('Membership', 'role', role)) {
    if (!spec.settled?.roles.includes(role) || !isInForce(spec, now)) continue
    people.add(spec.user?.uid ?? spec.address)
    const end = spec.declared?.until === undefined ? undefined : Date.parse(spec.declared.until)
    if (end !== undefined) until = Math.min(until ?? end, end)
  }
  return { people: people.size, until }
}

/** Whether somebody belongs to the organization now. Suspended people hold what they hold. */
const isInForce = (spec: Membership['spec'], now: number): boolean => {
  const standing = standingOf(spec, { suspended: false, now })
  return standing === 'Active' || standing === 'Restricted'
}

/** Invitations that may still be accepted, or are yet to be sent, and carry the role. */
export const openInvitations = (
  world: { cache: World['cache']; clock: Pick<World['clock'], 'now'> },
  role: string,
): { addresses: string[]; until: number | undefined } => {
  const { cache, clock } = world
  const now = clock.now()
  const addresses = new Set<string>()
  let until: number | undefined
  const most = new Map<string, number>()
  const mostAttempts = (organization: string): number => {
    const known = most.get(organization) ?? settingsFor(world, organization)?.settings.invitations.maxAttempts ?? 1
    most.set(organization, known)
    return known
  }
  for (const invitation of cache.by('Invitation', 'role', role)) {
    if (isDeleting(invitation)) continue
    const { organization, email } = invitation.spec
    // By its address and not by its name, which would take a digest for each of thousands.
    const record = cache
      .by('Membership', 'address', normalizeAddress(email))
      .find(({ spec }) => spec.organization === organization)
    const maxAttempts = mostAttempts(organization)
    const progress = record && progressOf(record.spec, { now, maxAttempts })
    if (progress && progress.state !== 'Queued' && progress.state !== 'Pending' && progress.state !== 'Expired')
      continue
    addresses.add(email)
    const end = progress?.attempt === undefined ? undefined : Date.parse(progress.attempt.expirationTime)
    if (end !== undefined && end > now) until = Math.min(until ?? end, end)
  }
  return { addresses: [...addresses].sort(), until }
}

const carried = (addresses: readonly string[]): string => {
  const more = addresses.length - NAMED
  const names = `${addresses.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  return addresses.length === 1
    ? `the open invitation of ${names} carries it`
    : `${addresses.length} open invitations carry it: ${names}`
}
