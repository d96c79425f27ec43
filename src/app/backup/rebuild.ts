import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyManifest, AnyResource, SpecOf } from '../../api/kinds.ts'
import { API_VERSION, FINALIZERS, type Kind, MANAGERS, RECORD_KINDS, type RecordKind } from '../../api/names.ts'
import type { Metadata } from '../../api/resource.ts'
import { byAge } from '../../decide/age.ts'
import { transplanted } from '../../decide/transplant.ts'
import type { CredentialStore } from '../../ports/credentials.ts'
import { indexes } from '../../reconcilers/indexes.ts'
import { StoreUnusableError } from '../../store/errors.ts'
import { firstFinalizers } from '../../store/semantics/deletion.ts'
import { fieldsOf, partsOf } from '../../store/semantics/fields.ts'
import { type Fields, sameJson } from '../../store/semantics/object.ts'
import type { OwnedObject } from '../../store/snapshot.ts'
import type { ResourceStore } from '../../store/store.ts'
import { byKind, type StoredCredential } from './portable.ts'

export interface RebuildOptions {
  store: ResourceStore
  /** In the order of a backup: declared kinds before records. */
  objects: AsyncIterable<OwnedObject>
  credentials: Pick<CredentialStore, 'insertPassword' | 'replacePassword' | 'passwordHash'>
  passwords: AsyncIterable<StoredCredential>
  /** Whether something of the same backup is there already. What differs from it is made anew. */
  resumed: boolean
  /** Where a store can be told the time: told when each object was made. One after the other then, and each keeps its time. */
  setTime?: (time: string) => void
  signal: AbortSignal
  onProgress?: (made: number) => void
}

/** Objects that are made at the same time. */
const AT_ONCE = 16
/** How often an object that is not younger than its rival is made again, once a second. */
const TRIES = 30

/**
 * Makes everything of a backup in a store that nobody else writes to: declared objects with their owners, then records that point at the new uids, then credentials, so that nobody can sign in before their
 * records are there. Done twice, the second time changes nothing. What was being deleted and is held by Roster is deleted again; what only others still held is gone.
 * @throws StoreUnusableError where something is there that the backup does not know
 */
export const rebuild = async (options: RebuildOptions): Promise<void> => {
  const { store, signal } = options
  const uids = new Map<string, string>()
  const deleting: OwnedObject[] = []
  let made = 0
  for await (const [kind, all] of byKind(options.objects)) {
    const wanted = all.filter(({ object }) => !isGone(object))
    if (options.resumed) await refuseStrangers(store, kind, wanted)
    const rivals = new Rivals(wanted.map(({ object }) => object))
    const make = async (owned: OwnedObject): Promise<void> => {
      signal.throwIfAborted()
      options.setTime?.(owned.object.metadata.creationTimestamp)
      const { metadata } = owned.object
      if (isRecord(kind)) await makeRecord(options, owned.object, uids)
      else uids.set(metadata.uid, (await makeDeclared(options, owned, rivals)).uid)
      // A record is deleted by nobody who could mean it.
      if (metadata.deletionTimestamp !== undefined && !isRecord(kind)) deleting.push(owned)
      made += 1
      options.onProgress?.(made)
    }
    await eachOf(
      wanted.filter(({ object }) => !rivals.has(object)),
      options.setTime ? 1 : AT_ONCE,
      make,
    )
    for (const owned of wanted) if (rivals.has(owned.object)) await make(owned)
  }
  for (const { object } of deleting) {
    options.setTime?.(object.metadata.deletionTimestamp ?? '')
    await store.delete({ kind: object.kind, name: object.metadata.name })
  }
  for await (const { account, password } of options.passwords) {
    signal.throwIfAborted()
    if (await options.credentials.insertPassword(account, password)) continue
    if ((await options.credentials.passwordHash(account)) === password) continue
    await options.credentials.replacePassword(account, password)
  }
}

const isRecord = (kind: Kind): kind is RecordKind => (RECORD_KINDS as readonly Kind[]).includes(kind)

/** Others' finalizers are promises of controllers that watch the old object: a restored one has none of them. */
const finalizersOf = ({ kind, metadata }: AnyResource): string[] =>
  firstFinalizers(
    kind,
    metadata.finalizers?.filter(one => FINALIZERS.includes(one)),
  )

/** Being deleted, and Roster has nothing left to do for it. */
const isGone = (object: AnyResource): boolean =>
  object.metadata.deletionTimestamp !== undefined && finalizersOf(object).length === 0

const makeDeclared = async (options: RebuildOptions, owned: OwnedObject, rivals: Rivals): Promise<Metadata> => {
  const { store, resumed } = options
  const { object } = owned
  const ref = { kind: object.kind, name: object.metadata.name }
  for (let tries = 1; ; tries++) {
    let metadata = resumed && tries === 1 ? await standing(store, owned) : undefined
    metadata ??= await applyOwned(store, owned)
    if (rivals.fits(object, metadata)) return metadata
    if (tries === TRIES)
      throw new StoreUnusableError(
        `${object.kind}/${ref.name} cannot be made younger than its rival: the clock of the API server stands still`,
        'set the clock right, then restore again',
      )
    await discard(store, ref)
    await sleep(1_000, undefined, { signal: options.signal })
  }
}

/** As it stands, where it is as in the backup already; anything else of that name goes. */
const standing = async (store: ResourceStore, owned: OwnedObject): Promise<Metadata | undefined> => {
  const { object } = owned
  const ref = { kind: object.kind, name: object.metadata.name }
  const found = await store.get(ref.kind, ref.name)
  if (!found) return undefined
  const owners = await store.owners(ref)
  const same = sameContent(object, found) && sameJson(owners, completeOwners(owned).rows)
  if (same) return found.metadata
  await discard(store, ref)
  return undefined
}

const sameContent = (wanted: AnyResource, found: AnyResource): boolean =>
  sameJson(wanted.spec, found.spec) &&
  sameJson(wanted.metadata.labels, found.metadata.labels) &&
  sameJson(wanted.metadata.annotations, found.metadata.annotations) &&
  sameJson(finalizersOf(wanted), found.metadata.finalizers ?? [])

const discard = async (store: ResourceStore, ref: { kind: Kind; name: string }): Promise<void> => {
  const found = await store.get(ref.kind, ref.name)
  if (!found) return
  const ifVersion = found.metadata.resourceVersion
  const left = found.metadata.finalizers?.length ? await store.setFinalizers(ref, [], { ifVersion }) : found
  if (left) await store.delete(ref)
}

/**
 * Applied whole by the manager that owns most, since a part of an object need not be a valid one; then by each other manager as far as it owns it; then by the first again, who lets go of the rest.
 */
const applyOwned = async (store: ResourceStore, owned: OwnedObject): Promise<Metadata> => {
  const { object } = owned
  const { kind, metadata } = object
  const { parts, byManager } = completeOwners(owned)
  const manifest = (fields: ReadonlySet<string>): AnyManifest => {
    const kept = new Map([...fieldsOf(kind, parts)].filter(([field]) => fields.has(field)))
    const { spec, labels, annotations } = partsOf(kind, parts, kept)
    return { apiVersion: API_VERSION, kind, metadata: { name: metadata.name, labels, annotations }, spec } as never
  }
  const apply = async (fields: ReadonlySet<string>, manager: string): Promise<AnyResource> =>
    (await store.apply(manifest(fields) as never, { manager, force: true })).object as AnyResource
  const [first, ...others] = byManager
  const [manager, own] = first ?? [MANAGERS.unknown, new Set<string>()]
  let made = await apply(new Set(fieldsOf(kind, parts).keys()), manager)
  for (const [other, fields] of others) made = await apply(fields, other)
  if (others.length > 0) made = await apply(own, manager)
  const finalizers = finalizersOf(object)
  if (finalizers.length === 0) return made.metadata
  const ifVersion = made.metadata.resourceVersion
  return (
    (await store.setFinalizers({ kind, name: metadata.name }, finalizers, { ifVersion }))?.metadata ?? made.metadata
  )
}

/** Managers, the one of most fields first. A field without an owner goes to that one, or it would be lost. */
const completeOwners = ({ object, owners }: OwnedObject) => {
  const { kind, metadata } = object
  const parts = {
    spec: object.spec as unknown as Fields,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  }
  const fields = [...fieldsOf(kind, parts).keys()]
  const managers = new Map<string, Set<string>>()
  for (const { field, manager } of owners) {
    if (!fields.includes(field)) continue
    const name = manager || MANAGERS.unknown
    managers.set(name, (managers.get(name) ?? new Set()).add(field))
  }
  if (managers.size === 0) managers.set(MANAGERS.unknown, new Set())
  const byManager = [...managers].sort(([a, of], [b, or]) => or.size - of.size || (a < b ? -1 : 1))
  for (const field of fields) if (!byManager.some(([, own]) => own.has(field))) byManager[0]?.[1].add(field)
  const rows = byManager
    .flatMap(([manager, own]) => [...own].map(field => ({ field, manager })))
    .sort((a, b) => (a.field === b.field ? (a.manager < b.manager ? -1 : 1) : a.field < b.field ? -1 : 1))
  return { parts, byManager, rows }
}

const makeRecord = async (
  options: RebuildOptions,
  object: AnyResource,
  uids: ReadonlyMap<string, string>,
): Promise<void> => {
  const { store, resumed } = options
  const { kind, metadata } = object
  const spec = transplanted(kind, object.spec, uid => uids.get(uid))
  const ref = { kind: kind as RecordKind, name: metadata.name }
  if (resumed) {
    const found = await store.get(ref.kind, ref.name)
    if (found && sameContent({ ...object, spec } as AnyResource, found)) return
    if (found) await discard(store, ref)
  }
  const { labels, annotations } = metadata
  await store.create(
    {
      kind: ref.kind,
      metadata: { name: ref.name, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec: spec as SpecOf<RecordKind>,
    },
    { manager: MANAGERS.controller, finalizers: finalizersOf(object) },
  )
}

const refuseStrangers = async (store: ResourceStore, kind: Kind, wanted: readonly OwnedObject[]): Promise<void> => {
  const known = new Set(wanted.map(({ object }) => object.metadata.name))
  const stranger = (await store.list(kind)).items.find(({ metadata }) => !known.has(metadata.name))
  if (stranger)
    throw new StoreUnusableError(
      `${kind}/${stranger.metadata.name} is there and not in the backup`,
      'delete it, then restore again; or restore into another namespace',
    )
}

/** Objects of one kind whose age decides which of them counts: Users of one address, Organizations of one domain, Invitations of one address. They are made one after the other, and stay in that order. */
class Rivals {
  readonly #keys = new Map<AnyResource, string[]>()
  readonly #shared = new Set<string>()
  readonly #last = new Map<string, Metadata>()

  constructor(objects: readonly AnyResource[]) {
    const seen = new Set<string>()
    for (const object of objects) {
      const keys = keysOf(object)
      this.#keys.set(object, keys)
      for (const key of keys) (seen.has(key) ? this.#shared : seen).add(key)
    }
  }

  has(object: AnyResource): boolean {
    return this.#keys.get(object)?.some(key => this.#shared.has(key)) ?? false
  }

  /** Whether it is younger than those that came before it; then it is the last that did. */
  fits(object: AnyResource, made: Metadata): boolean {
    const keys = this.#keys.get(object)?.filter(key => this.#shared.has(key)) ?? []
    for (const key of keys) {
      const before = this.#last.get(key)
      if (before && byAge({ metadata: before }, { metadata: made }) >= 0) return false
    }
    for (const key of keys) this.#last.set(key, made)
    return true
  }
}

const keysOf = (object: AnyResource): string[] => {
  switch (object.kind) {
    case 'User':
      return [...indexes.User.address(object)]
    case 'Organization':
      return [...new Set(indexes.Organization.domain(object))]
    case 'Invitation':
      return indexes.Invitation.place(object)
    default:
      return []
  }
}

/** So many at a time; after the first error no other begins, and those in hand are waited for. */
const eachOf = async <T>(items: readonly T[], atOnce: number, act: (item: T) => Promise<void>): Promise<void> => {
  const rest = items.values()
  const errors: unknown[] = []
  const work = async (): Promise<void> => {
    for (const item of rest) {
      if (errors.length > 0) return
      await act(item).catch(error => void errors.push(error))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  if (errors.length > 0) throw errors[0]
}
