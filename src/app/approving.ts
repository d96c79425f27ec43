import type { ApprovalSpec } from '../api/approval.ts'
import { API_VERSION, LABELS, MANAGED_BY } from '../api/names.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User } from '../api/user.ts'
import { LONGEST_APPROVAL } from '../decide/approval.ts'
import { generatedName } from '../decide/record-names.ts'
import { durationMilliseconds, durationText } from '../decide/time.ts'
import type { Change } from '../effects/change.ts'
import { declaredAt } from '../reconcilers/context.ts'
import { isDeleting } from '../reconcilers/people.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { type HeldSet, heldSets } from './held.ts'
import { type HeldHistory, heldHistories } from './heldhistory.ts'
import type { Plan } from './plan.ts'
import { organizationOf } from './plan-changes.ts'
import type { Realm } from './realm.ts'
import { type RehearsedRealm, rehearse } from './rehearsal.ts'
import { rehearsedPlan } from './rehearsedplan.ts'
import { RequestError } from './requests.ts'
import { type HeldRestore, heldRestore, restoredOf } from './restored.ts'
import { SettingsError } from './settings.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'
import { waitWhile } from './waiting.ts'
import { checkOrganization } from './why/permission.ts'

/** One thing that waits for an Approval, and what one of it names. Whatever else is held one day is one more of {@link FINDERS}. */
export type HeldThing =
  | { is: 'removals'; organization: string; hash: string; set: HeldSet }
  | { is: 'revision'; hash: string; history: HeldHistory }
  | { is: 'restore'; hash: string; restore: HeldRestore }

type Finder = (snapshot: Snapshot, organization: string | undefined) => HeldThing[]

const FINDERS: readonly Finder[] = [
  ({ cache }, organization) =>
    heldSets(cache, organization).map(set => ({
      is: 'removals',
      organization: set.organization,
      hash: set.hash,
      set,
    })),
  // What a source takes in, concerns every organization.
  ({ cache }, organization) =>
    organization === undefined
      ? heldHistories(cache.list('Source')).map(history => ({ is: 'revision', hash: history.hash, history }))
      : [],
]

/** A manifest, as it can be applied or kept in Git. */
export interface ApprovalManifest {
  apiVersion: typeof API_VERSION
  kind: 'Approval'
  metadata: { name: string }
  spec: ApprovalSpec
}

export interface Approving {
  /** Absent: whatever is held anywhere. */
  organization?: string | undefined
  /** Names of RemovalSets, `source/NAME`, or hashes; absent: all. */
  only?: readonly string[] | undefined
  /** Absent: only what is held is asked for. */
  reason?: string | undefined
  /** `24h`, `7d`; at most seven days. */
  validFor: string
}

/** What is held, and an Approval for each. */
export interface Approvals {
  things: HeldThing[]
  /** In the order of `things`. */
  manifests: ApprovalManifest[]
}

/**
 * Finds what is held and makes an Approval for each, without writing any.
 * @throws SettingsError for an organization that is not, a time that cannot be; RequestError for a set that is not held
 */
export const planApprovals = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  { organization: asked, only, reason, validFor }: Approving,
): Promise<Approvals> => {
  const lasts = lastsFor(validFor)
  if (reason?.trim() === '') throw new SettingsError('--reason is empty: say why, for the audit trail')
  if (reason !== undefined && reason.length > 500) throw new SettingsError('--reason is longer than 500 characters')
  const snapshot = await takeSnapshot(realm)
  const organization = asked === undefined ? undefined : checkOrganization(snapshot, asked)
  const restored = organization === undefined ? await restoredOf(realm.store) : undefined
  const held: HeldThing[] = [
    ...(restored ? [{ is: 'restore' as const, hash: restored.hash, restore: heldRestore(restored, snapshot) }] : []),
    ...FINDERS.flatMap(find => find(snapshot, organization)),
  ]
  const things = only === undefined ? held : chosen(held, only)
  const expirationTime = timestamp(snapshot.now + lasts)
  const what = { reason: reason ?? '', expirationTime }
  return { things, manifests: things.map(thing => manifestOf(thing, what, snapshot.now)) }
}

/** What would follow if these were applied now: by the same reconcilers, on a copy. Nothing is written. */
export const rehearseApprovals = async (
  realm: RehearsedRealm,
  manifests: readonly ApprovalManifest[],
  signal: AbortSignal,
): Promise<Plan> => {
  let going: User[] = []
  const rehearsal = await rehearse(
    realm,
    async (store, cache) => {
      going = [...cache.list('User')].filter(isDeleting)
      for (const { kind, metadata, spec } of manifests)
        await store.create({ kind, metadata, spec }, { manager: 'planned' })
    },
    // After a restore whatever was written meanwhile, or waited before, follows too.
    { signal, all: (await realm.store.marks()).restored !== undefined },
  )
  return rehearsedPlan(rehearsal, goneIn(rehearsal.cache, going))
}

/** People whom nothing kept any more but what was held: their Users go with it. */
const goneIn = (after: Cache, going: readonly User[]): Change[] =>
  going
    .filter(user => after.get('User', user.metadata.name)?.metadata.uid !== user.metadata.uid)
    .map(user => {
      const organization = organizationOf(user)
      return {
        action: 'delete',
        target: 'resource',
        kind: 'User',
        name: user.metadata.name,
        because: declaredAt(user),
        fields: {},
        ...(organization !== undefined && { organization }),
      }
    })

/** How long a running controller is waited for, in milliseconds. */
const PATIENCE = 30_000

/** What became of an Approval. */
export interface Approved {
  approval: string
  /** Absent for a rewritten history. */
  organization?: string
  releases: string
  /** `Waiting`: the controller has not looked at it yet. */
  state: 'Used' | 'Waiting' | 'Refused' | 'Expired'
  /** Why, where it released nothing. */
  message?: string
}

/** Writes the Approvals under the field manager of who asks. Where a controller runs, waits until it has used them. */
export const approve = async (
  realm: Pick<Realm, 'store' | 'audit' | 'actor'>,
  manifests: readonly ApprovalManifest[],
  signal: AbortSignal,
): Promise<Approved[]> => {
  const { store, audit, actor } = realm
  for (const { kind, metadata, spec } of manifests) {
    await audit.append({
      phase: 'change',
      actor,
      action: 'approval.create',
      target: `Approval/${metadata.name}`,
      ...(spec.organization !== undefined && { organization: spec.organization }),
      after: { releases: spec.releases, expirationTime: spec.expirationTime },
      because: spec.reason,
    })
    const labels = {
      [LABELS.managedBy]: MANAGED_BY,
      ...(spec.organization !== undefined && { [LABELS.organization]: spec.organization }),
    }
    await store.create({ kind, metadata: { ...metadata, labels }, spec }, { manager: actor })
  }
  const runs = (await store.lease.read())?.held === true
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const results: Approved[] = []
  for (const { metadata, spec } of manifests) {
    const { organization, releases } = spec
    const result = { approval: metadata.name, ...(organization !== undefined && { organization }), releases }
    const seen = runs
      ? await waitWhile(
          realm,
          { kind: 'Approval', name: metadata.name },
          object => {
            const { state, conditions } = object?.status ?? {}
            if (object && (state === undefined || state === 'Waiting')) return undefined
            return { state: state ?? 'Refused', message: conditions?.find(({ type }) => type === 'Ready')?.message }
          },
          patience,
        )
      : undefined
    signal.throwIfAborted()
    results.push({
      ...result,
      state: seen?.state ?? 'Waiting',
      ...(seen && seen.state !== 'Used' && seen.message !== undefined && { message: seen.message }),
    })
  }
  return results
}

const lastsFor = (text: string): number => {
  let lasts: number
  try {
    const [, days] = /^([1-9]\d{0,3})d$/.exec(text) ?? []
    lasts = durationMilliseconds(days === undefined ? text : `${Number(days) * 24}h`)
  } catch {
    throw new SettingsError(`--for ${JSON.stringify(text)} is no duration; write 24h, 90m or 7d`)
  }
  if (lasts <= 0) throw new SettingsError('--for must be longer than nothing')
  if (lasts > LONGEST_APPROVAL)
    throw new SettingsError(
      `--for ${text} is too long: an Approval is made for at most ${durationText(LONGEST_APPROVAL)} (7 days)`,
    )
  return lasts
}

const chosen = (held: readonly HeldThing[], only: readonly string[]): HeldThing[] => {
  const named = (text: string) => text.replace(/^(removalsets?)\//i, '')
  const found = only.map(text => {
    const thing = held.find(one => [one.hash, nameOf(one)].includes(named(text)))
    if (thing) return thing
    const known = held.map(nameOf)
    throw new RequestError(
      'ReferenceNotFound',
      `nothing is held as ${JSON.stringify(text)}${didYouMean(text, known) || (known.length > 0 ? `; held are ${known.join(', ')}` : '')}`,
    )
  })
  return [...new Set(found)]
}

const nameOf = (thing: HeldThing): string => {
  switch (thing.is) {
    case 'removals':
      return thing.set.name
    case 'revision':
      return `source/${thing.history.source}`
    case 'restore':
      return 'restore'
    default:
      return thing satisfies never
  }
}

const manifestOf = (
  thing: HeldThing,
  { reason, expirationTime }: { reason: string; expirationTime: string },
  now: number,
): ApprovalManifest => ({
  apiVersion: API_VERSION,
  kind: 'Approval',
  // The same may be held again one day, and needs another Approval then.
  metadata: {
    name:
      thing.is === 'removals'
        ? generatedName(thing.organization, 'Approval', thing.set.name, String(now))
        : generatedName(
            thing.is === 'revision' ? thing.history.source : 'restore',
            'Approval',
            thing.hash,
            String(now),
          ),
  },
  spec: {
    ...(thing.is === 'removals' && { organization: thing.organization }),
    releases: thing.hash,
    reason,
    expirationTime,
  },
})
