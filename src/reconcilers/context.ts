import { isDeepStrictEqual } from 'node:util'
import { conditionsOf, type Readiness, readiness, type Verdict } from '../api/conditions.ts'
import type { ResourceOf, StatusOf } from '../api/kinds.ts'
import type { Membership } from '../api/membership.ts'
import type { DeclaredKind, Kind, Reason } from '../api/names.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { Organization } from '../api/organization.ts'
import type { Condition, Metadata, ObjectRef } from '../api/resource.ts'
import { timestamp } from '../api/timestamp.ts'
import type { GroupResolver } from '../decide/groups.ts'
import { type OrganizationSettings, type PlacementProblem, placement, settingsOf } from '../decide/settings.ts'
import type { Effects } from '../effects/effects.ts'
import type { Clock } from '../ports/clock.ts'
import type { MailComposer } from '../ports/composer.ts'
import type { LinkSigner } from '../ports/links.ts'
import type { SecretReader } from '../ports/secrets.ts'
import type { Cache, Watch } from '../runtime/reconciler.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Restoring } from './frozen.ts'
import type { Lines } from './lines.ts'

/** When a set of removals is complete. */
export interface Removals {
  /** Milliseconds of quiet after which edits by hand make one set. 0 where everything was written before the loop began to run: a plan, an apply. */
  readonly collectFor: number
  /** Whether somebody's run failed and is tried again before this time (the Clock's milliseconds), so that what they are to lose may not be known yet. */
  retriesBefore(time: number): boolean
  /** Resolves at a moment at which nothing is being written and everything that was written is worked out. */
  whenComplete(signal: AbortSignal): Promise<void>
}

/** What every reconciler is built from: readers, one way to act, and time. A plan gives it an overlay, planned effects and a frozen clock. */
export interface World {
  /** What is, with the indexes of `indexes.ts`. */
  readonly cache: Cache
  /** Own writes that concern nobody: statuses, finalizers, events. The store of the lease, which refuses them once it is lost. */
  readonly store: ResourceStore
  /** Everything else that a reconciler does. */
  readonly effects: Effects
  readonly clock: Clock
  /** Random bytes, drawn once a record. `key` names what they are for: a plan seeds them by it. */
  readonly random: (bytes: number, key: string) => Buffer
  readonly composer: MailComposer
  readonly links: LinkSigner
  readonly secrets: SecretReader
  /** Keyed digest (HMAC) of a licence key, base64url: recognises it in a ledger without telling it. The same for one store, run after run. */
  readonly fingerprint: (key: string) => string
  /** Who is in which group, over the cache. */
  readonly groups: GroupResolver
  /** Who waits for an invitation, and what went: one for all reconcilers of a process. */
  readonly lines: Lines
  /** Whether everything is only looked at yet, because the realm came out of a backup. */
  readonly restoring: Restoring
  /** How the guard learns that everything which one change wants taken is known. */
  readonly removals: Removals
  /** Epoch of the lease under which this process acts; written into claims. */
  readonly epoch: number
  /** The rights that the cluster does not give us, in words; undefined when none is missing. */
  readonly missingRights?: () => string | undefined
  /** Epoch of the store; grows with a restore. */
  readonly storeEpoch: number
}

/**
 * The settings in force in an organization, or undefined when there is none of that name.
 * One that is being deleted is a problem of its place: nothing new happens in it, and what is there can still be ended.
 */
export const settingsFor = (
  world: Pick<World, 'cache'>,
  organization: string,
): { settings: OrganizationSettings; problem?: PlacementProblem } | undefined => {
  const { chain, problem: placed } = placement(organization, name => world.cache.get('Organization', name))
  const [self] = chain
  if (!self) return undefined
  const problem =
    self.metadata.deletionTimestamp === undefined
      ? placed
      : { reason: 'ReferenceNotFound' as const, message: `organization ${organization} is being deleted` }
  return { settings: settingsOf(chain), ...(problem && { problem }) }
}

/** Organizations at the top: those that name no parent. */
export const rootsAmong = (organizations: Iterable<Organization>): Organization[] =>
  [...organizations].filter(({ spec }) => spec.parent === undefined)

/** This organization and everything below it that is confirmed by its parent's `children`. */
export const organizationsBelow = (cache: Cache, organization: string): string[] => {
  const found = new Set([organization])
  for (const name of found) {
    const children = new Set(cache.get('Organization', name)?.spec.children)
    for (const { metadata } of cache.by('Organization', 'parent', name))
      if (children.has(metadata.name)) found.add(metadata.name)
  }
  return [...found]
}

/** Everything below an organization, without itself. */
export const organizationsUnder = (cache: Cache, organization: string): string[] =>
  organizationsBelow(cache, organization).filter(one => one !== organization)

/** This organization and everything that names it as its parent, or names one that does, confirmed or not: whom a change of it may concern. */
export const organizationsConcerned = (cache: Cache, organization: string): string[] => {
  const found = new Set([organization])
  for (const name of found) for (const child of cache.by('Organization', 'parent', name)) found.add(child.metadata.name)
  return [...found]
}

/** Memberships that make somebody an admin where they are, in an organization and above it: as declared, and those that still reach it. */
export function* adminsHereOrAbove(
  cache: Cache,
  organization: string,
  chain: readonly string[],
): Generator<Membership> {
  for (const at of chain) yield* cache.by('Membership', 'admins', at)
  for (const record of cache.by('Membership', 'reach', organization))
    if (!chain.includes(record.spec.organization)) yield record
}

/** Memberships above an organization, confirmed or not, that reach down, and those that reach it by their settled access: whom a change of its place may concern. */
export const reachingDown = (cache: Cache, { metadata, spec }: Organization): Membership[] => {
  const above = new Set([metadata.name])
  for (let parent = spec.parent; parent !== undefined && !above.has(parent); ) {
    above.add(parent)
    parent = cache.get('Organization', parent)?.spec.parent
  }
  return [
    ...[...above].flatMap(name => cache.by('Membership', 'reaching', name)),
    ...cache.by('Membership', 'reach', metadata.name),
  ]
}

export const now = (world: Pick<World, 'clock'>): string => timestamp(world.clock.now())

type StatusBody<K extends DeclaredKind> = Omit<StatusOf<K>, 'conditions' | 'observedGeneration'>

/**
 * Writes a status where it differs from the one that is there: readiness, further verdicts, and the kind's own fields.
 * Times of transitions are kept; so a pass that finds nothing new writes nothing.
 */
export const writeStatus = async <K extends DeclaredKind>(
  world: Pick<World, 'store' | 'clock'>,
  object: ResourceOf<K> & { kind: K; metadata: Metadata; status?: { conditions?: Condition[] } },
  body: StatusBody<K>,
  is: Readiness,
  further: readonly Verdict[] = [],
): Promise<void> => {
  const { name, uid, generation } = object.metadata
  const conditions = conditionsOf(object.status?.conditions, [...readiness(is), ...further], {
    now: now(world),
    generation,
  })
  const status = { ...body, observedGeneration: generation, conditions }
  if (isDeepStrictEqual(status, object.status)) return
  await world.store.patchStatus({ kind: object.kind, name }, status as unknown as StatusOf<K>, { ifUid: uid })
}

/** A status without what {@link writeStatus} writes beside it. */
export const bodyOf = <S extends { conditions?: unknown; observedGeneration?: unknown }>({
  status,
}: {
  status?: S
}): Partial<Omit<S, 'conditions' | 'observedGeneration'>> => {
  if (status === undefined) return {}
  const { conditions: _, observedGeneration: __, ...body } = status
  return body as Partial<typeof body>
}

/** Notes something for people. Call it where a state changes, never in every pass. */
export const recordEvent = (
  world: Pick<World, 'store' | 'clock'>,
  ref: ObjectRef,
  type: 'Normal' | 'Warning',
  reason: Reason,
  message: string,
): Promise<void> => world.store.events.record({ ref, type, reason, message, time: now(world) })

/** A sentence as long as a condition or an Event takes it. */
export const short = (text: string): string => (text.length <= 1000 ? text : `${text.slice(0, 999)}…`)

/** Points at this life of an object. */
export const refOf = ({ kind, metadata }: { kind: Kind; metadata: Metadata }): ObjectRef => ({
  kind,
  name: metadata.name,
  uid: metadata.uid,
})

/** Whether reconciling of this object was stopped by `roster pause`. */
export const isPaused = (object: { metadata: Metadata }): boolean =>
  object.metadata.annotations?.[ANNOTATIONS.pause] !== undefined

/** Where an object is declared, for reasons that people read: `users/alice.yaml:1`, or `User/alice`. */
export const declaredAt = (object: { kind: Kind; metadata: Metadata }): string =>
  object.metadata.annotations?.[ANNOTATIONS.sourcePath] ?? `${object.kind}/${object.metadata.name}`

/** Types a watch of one kind, and forgets the kind for the list. */
export const watch = <K extends Kind>(of: Watch<K>): Watch => of as unknown as Watch
