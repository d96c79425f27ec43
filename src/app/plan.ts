import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { openKeys } from '../accounts/keys.ts'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, DECLARED_KINDS, KINDS, type Kind, LABELS } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { takesAccess } from '../decide/membership.ts'
import type { Change } from '../effects/change.ts'
import { plannedEffects } from '../effects/planned.ts'
import { mailComposer } from '../mail/composer.ts'
import type { Clock } from '../ports/clock.ts'
import { indexes } from '../reconcilers/indexes.ts'
import { openLoop } from '../runtime/loop.ts'
import { keyOf } from '../source/inventory.ts'
import type { Revision } from '../source/revision.ts'
import { type SyncResult, syncRevision } from '../source/sync.ts'
import { overlayStore } from '../store/overlay/store.ts'
import type { ResourceStore } from '../store/store.ts'
import { senderOf } from './mail.ts'
import type { Realm } from './realm.ts'
import { portalUrl } from './settings.ts'
import { reconcilersOf, worldOf } from './world.ts'

export interface PlanOptions {
  realm: Realm
  source: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  prune: boolean
  allowEmpty: boolean
  /** Runs every key, not only those that the changes reach: shows what is due anyway, too. */
  all: boolean
  signal: AbortSignal
}

/** What would happen. Nothing was written, sent or contacted to find out. */
export interface Plan {
  /** Version of the store that the plan was made on. */
  base: string
  changes: Change[]
  /** What no longer stands in the source and is not deleted, with the reason. */
  held: { refs: ObjectRef[]; reason: string; message: string }[]
  /** What another source keeps, and what the store would refuse. */
  refused: { ref: ObjectRef; message: string }[]
  later: { kind: Kind; name: string; time: number }[]
  failed: { ref: ObjectRef; message: string }[]
}

/**
 * The same reconcilers on an overlay of the store, with effects that only note what they would do. The clock stands still, randomness comes from a seed over its purpose:
 * the same store and manifests give the same plan.
 * @throws RestlessKeyError when a key would run for ever
 */
export const planRevision = async ({
  realm,
  source,
  revision,
  prune,
  allowEmpty,
  all,
  signal,
}: PlanOptions): Promise<Plan> => {
  const clock = frozenClock(realm.clock)
  const overlay = await overlayStore(realm.store, { clock, random: size => seeded(size, 'uid', String(uids++)) })
  let uids = 0
  const { epoch: storeEpoch, resourceVersion: base } = await realm.store.info()
  const publicUrl = portalUrl(realm.settings)
  // Keys that are there are read; none are made.
  const fingerprint = existsSync(realm.paths.keys)
    ? openKeys(realm.paths.keys).fingerprint
    : (key: string) => seeded(32, 'fingerprint', key).toString('base64url')
  const noted: Change[] = []
  const loop = await openLoop({
    store: overlay,
    kinds: KINDS,
    indexes,
    clock,
    random: () => 0.5,
    alone: true,
    wakeInitial: all,
    signal,
    reconcilers: ({ store, cache }) =>
      reconcilersOf(
        worldOf({
          cache,
          store,
          effects: plannedEffects({ overlay: store, clock, note: change => noted.push(change), takes: takesAccess }),
          clock,
          random: seeded,
          composer: mailComposer({ from: senderOf(realm.settings.mailFrom, publicUrl) }),
          links: { publicUrl, invitationUrl: () => `${publicUrl}/invitations/planned` },
          secrets: realm.secrets,
          fingerprint,
          epoch: 0,
          storeEpoch,
        }),
      ),
  })
  try {
    const before = await declaredObjects(overlay)
    const sync = await syncRevision({
      store: loop.world.store,
      source,
      revision,
      prune,
      allowEmpty,
      signal,
      permit: async objects => ({ permitted: objects, because: '' }),
    })
    const rest = await loop.runUntilIdle()
    return {
      base,
      changes: [...resourceChanges(revision, before, sync), ...noted],
      held: sync.kept ? [sync.kept] : [],
      refused: [
        ...sync.conflicts.map(({ ref, holder, place }) => ({
          ref,
          message: `${place}: ${ref.kind}/${ref.name} is kept by ${holder}`,
        })),
        ...sync.failed.map(({ ref, message }) => ({ ref, message })),
      ],
      later: rest.later,
      failed: rest.failed.map(({ kind, name, error }) => ({
        ref: { kind, name },
        message: error instanceof Error ? error.message : String(error),
      })),
    }
  } finally {
    await loop.stop(0)
  }
}

/** Creation, change and deletion of declared resources, in the order in which they are applied. */
const resourceChanges = (
  revision: PlanOptions['revision'],
  before: ReadonlyMap<string, DeclaredResource>,
  sync: SyncResult,
): Change[] => {
  const desired = new Map(revision.manifests.map(({ manifest, place }) => [keyOf(manifest), { manifest, place }]))
  const of =
    (action: 'create' | 'update' | 'delete') =>
    (ref: ObjectRef): Change[] => {
      const key = `${ref.kind}/${ref.name}`
      const live = before.get(key)
      const given = desired.get(key)
      const organization = organizationOf(given?.manifest ?? live)
      const fields = action === 'update' && live && given ? changedFields(live, given.manifest) : {}
      // Only our own annotations would change: where a document stands is no change for anybody.
      if (action === 'update' && Object.keys(fields).length === 0) return []
      const because = given?.place ?? `${live?.metadata.annotations?.[ANNOTATIONS.sourcePath] ?? key} gone`
      return [
        {
          action,
          target: 'resource',
          kind: ref.kind,
          name: ref.name,
          because,
          fields,
          ...(organization === undefined ? {} : { organization }),
        },
      ]
    }
  return [
    ...sync.created.flatMap(of('create')),
    ...sync.updated.flatMap(of('update')),
    ...sync.pruned.flatMap(of('delete')),
  ]
}

/** Fields that differ, as `{from, to}`; absent ones as null. */
const changedFields = (
  live: DeclaredResource,
  desired: AnyManifest,
): Record<string, { from: unknown; to: unknown }> => {
  const fields: Record<string, { from: unknown; to: unknown }> = {}
  const compare = (
    prefix: string,
    from: Record<string, unknown>,
    to: Record<string, unknown>,
    keys: Iterable<string>,
  ): void => {
    for (const key of keys)
      if (JSON.stringify(from[key]) !== JSON.stringify(to[key]))
        fields[`${prefix}${key}`] = { from: from[key] ?? null, to: to[key] ?? null }
  }
  const [from, to] = [live.spec as Record<string, unknown>, desired.spec as Record<string, unknown>]
  compare('spec.', from, to, new Set([...Object.keys(from), ...Object.keys(to)]))
  const ours = new Set<string>([...Object.values(LABELS), ...Object.values(ANNOTATIONS)])
  for (const part of ['labels', 'annotations'] as const) {
    const [was, is] = [live.metadata[part] ?? {}, desired.metadata[part] ?? {}]
    compare(
      `metadata.${part}.`,
      was,
      is,
      new Set([...Object.keys(was), ...Object.keys(is)].filter(key => !ours.has(key))),
    )
  }
  return fields
}

const organizationOf = (object: AnyManifest | DeclaredResource | undefined): string | undefined => {
  if (!object) return undefined
  if (object.kind === 'Organization') return object.metadata.name
  return (object.spec as { organization?: string }).organization
}

const declaredObjects = async (store: ResourceStore): Promise<Map<string, DeclaredResource>> => {
  const objects = new Map<string, DeclaredResource>()
  for (const kind of DECLARED_KINDS)
    for (const object of (await store.list(kind)).items) objects.set(keyOf(object), object)
  return objects
}

/** Time stands still at the base; what waits for a time is listed, not run. */
const frozenClock = (clock: Clock): Clock => {
  const now = clock.now()
  return { now: () => now, at: () => () => undefined, suspect: clock.suspect }
}

/** Bytes that are the same in every plan, and in no other place. */
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
