import { createHash } from 'node:crypto'
import { KINDS, type Kind } from '../api/names.ts'
import { takesAccess } from '../decide/membership.ts'
import type { Change } from '../effects/change.ts'
import { plannedEffects } from '../effects/planned.ts'
import { mailComposer } from '../mail/composer.ts'
import type { Clock } from '../ports/clock.ts'
import type { SecretReader } from '../ports/secrets.ts'
import { indexes } from '../reconcilers/indexes.ts'
import type { Lines } from '../reconcilers/lines.ts'
import { isGenerated, requestsOf } from '../reconcilers/people.ts'
import { openLoop, type Rest } from '../runtime/loop.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { type Snapshot, takeSnapshot } from '../store/overlay/snapshot.ts'
import { overlayStore } from '../store/overlay/store.ts'
import type { ResourceStore } from '../store/store.ts'
import { senderOf } from './mail.ts'
import type { Realm } from './realm.ts'
import { expectingRecords } from './recordloss.ts'
import { notRestored } from './restored.ts'
import { portalUrl } from './settings.ts'
import { reconcilersOf, worldOf } from './world.ts'

/** What would follow from a change. */
export interface Rehearsal<T> {
  /** Version of the store that it was rehearsed on. */
  base: string
  /** What `change` gave back. */
  result: T
  /** What people would see of it. */
  changes: Change[]
  rest: Rest
  /** The world as it would be. */
  cache: Cache
  /** When it would happen; the Clock's milliseconds. */
  now: number
  /** Whom secrets were asked for (`licensepool/suite`), and why they could not be read, if they could not. */
  secrets: ReadonlyMap<string, { trouble: string | undefined }>
}

/** One moment of a realm, on which several things can be rehearsed. */
export interface Stage {
  readonly snapshot: Snapshot
  readonly clock: Clock
}

/** Reads the whole store once, at one version, and stops the clock. */
export const stageOf = async ({ store, clock }: Pick<Realm, 'store' | 'clock'>): Promise<Stage> => ({
  snapshot: await takeSnapshot(store),
  clock: frozen(clock),
})

/** What a rehearsal reads. */
export type RehearsedRealm = Pick<Realm, 'store' | 'clock' | 'settings' | 'secrets' | 'fingerprint'>

/**
 * Makes a change on an overlay of the store and lets the same reconcilers run on it, with effects that only note what they would do. The clock stands still,
 * randomness comes from a seed over its purpose: the same store and change give the same answer. Nothing is written, sent or contacted.
 * @param change is given the overlay, and the cache over it, which every write of its own is in
 * @param options `all`: every key runs, not only those that the change reaches; `wake`: these run too; `stage`: instead of the store as it is now
 * @throws RestlessKeyError when a key would run for ever; what `change` throws; the signal's reason
 */
export const rehearse = async <T>(
  realm: RehearsedRealm,
  change: (store: ResourceStore, cache: Cache) => Promise<T>,
  options: { signal: AbortSignal; all?: boolean; wake?: readonly { kind: Kind; name: string }[]; stage?: Stage },
): Promise<Rehearsal<T>> => {
  const { snapshot, clock } = options.stage ?? (await stageOf(realm))
  let uids = 0
  await using overlay = await overlayStore(realm.store, {
    clock,
    snapshot,
    random: size => seeded(size, 'uid', String(uids++)),
  })
  const { epoch: storeEpoch, binding, resourceVersion: base } = await overlay.info()
  // As the loop would be: the one that runs, or the one that would begin.
  const lease = await realm.store.lease.read()
  const epoch = (lease?.epoch ?? 0) + (lease?.held ? 0 : 1)
  const publicUrl = binding?.publicUrl ?? portalUrl(realm.settings)
  const fingerprint =
    (await realm.fingerprint()) ?? ((key: string) => seeded(32, 'fingerprint', key).toString('base64url'))
  const noted: Change[] = []
  const asked = new Map<string, { trouble: string | undefined }>()
  let lines: Lines | undefined
  const loop = await openLoop({
    store: overlay,
    kinds: KINDS,
    indexes,
    clock,
    random: () => 0.5,
    alone: true,
    lazy: true,
    expecting: expectingRecords(overlay),
    wakeInitial: options.all ?? false,
    signal: options.signal,
    reconcilers: ({ store, cache }) => {
      const world = worldOf({
        cache,
        store,
        effects: plannedEffects({ overlay: store, clock, note: one => noted.push(one), takes: takesAccess }),
        clock,
        random: seeded,
        composer: mailComposer({ from: senderOf(realm.settings.mailFrom, publicUrl) }),
        restoring: notRestored,
        links: { publicUrl, invitationUrl: () => `${publicUrl}/invitations/planned` },
        secrets: noting(realm.secrets, asked),
        fingerprint,
        epoch,
        // Runs one key at a time, the guard last: it is asked when everything is worked out.
        removals: { collectFor: 0, retriesBefore: () => false, whenComplete: async () => undefined },
        storeEpoch,
      })
      lines = world.lines
      return reconcilersOf(world)
    },
    onFilled: () => lines?.readAll(),
  })
  try {
    const { cache } = loop.world
    const result = await change(loop.world.store, cache)
    for (const { kind, name } of options.wake ?? []) loop.controller(kind)?.wake(name)
    const rest = await loop.runUntilIdle({ maxRuns: MOST_RUNS })
    options.signal.throwIfAborted()
    const changes = noted.map(one => namedForPeople(one, cache))
    return { base, result, changes, rest, cache, now: clock.now(), secrets: asked }
  } finally {
    await loop.stop(0)
  }
}

/** Whoever loses something runs once more for asking, and once more for the answer. */
const MOST_RUNS = 16

/** What cannot be read here may well be read where the plan is carried out. */
const noting = (secrets: SecretReader, asked: Map<string, { trouble: string | undefined }>): SecretReader => ({
  read: async (ref, audience) => {
    try {
      const secret = await secrets.read(ref, audience)
      if (!asked.has(audience)) asked.set(audience, { trouble: undefined })
      return secret
    } catch (error) {
      asked.set(audience, { trouble: error instanceof Error ? error.message : String(error) })
      throw error
    }
  },
})

/** A mail is noted on the record that remembers it; people know the User it goes to, or the Invitation that asks for it. */
const namedForPeople = (change: Change, cache: Cache): Change => {
  if (change.kind === 'User') return { ...change, ...calledIn(cache, change.name) }
  if (change.kind !== 'Membership') return change
  const { user, organization, address } = cache.get('Membership', change.name)?.spec ?? {}
  if (user && cache.get('User', user.name))
    return { ...change, kind: 'User', name: user.name, ...calledIn(cache, user.name) }
  if (organization === undefined || address === undefined) return change
  const [request] = requestsOf(cache, organization, address)
  return request ? { ...change, kind: 'Invitation', name: request.metadata.name } : change
}

/** Of a User that Roster made, and of one that it has removed since, whom their records remember. */
const calledIn = (cache: Cache, name: string): { called?: string } => {
  const user = cache.get('User', name)
  if (user) return isGenerated(user) ? { called: user.spec.email } : {}
  const address = cache.by('Membership', 'generatedUser', name)[0]?.spec.address
  return address === undefined ? {} : { called: address }
}

/** Time stands still at the base; what waits for a time is listed, not run. */
const frozen = (clock: Clock): Clock => {
  const now = clock.now()
  return { now: () => now, at: () => () => undefined, suspect: clock.suspect }
}

/** Bytes that are the same in every rehearsal, and in no other place. */
const seeded = (size: number, ...key: string[]): Buffer => {
  const chunks: Buffer[] = []
  for (let block = 0; block * 32 < size; block++)
    chunks.push(
      createHash('sha256')
        .update(JSON.stringify(['plan', block, ...key]))
        .digest(),
    )
  return Buffer.concat(chunks).subarray(0, size)
}
