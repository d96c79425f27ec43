import { isDeepStrictEqual } from 'node:util'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { covers, keyOf } from './inventory.ts'
import type { PlacedManifest } from './revision.ts'

/**
 * What one source last applied, and at which version that left each object. An object that is still at this version was changed by nobody since, neither in its
 * fields nor in their owners; so applying the same to it again would change nothing, and is not done. Lost at a restart, which costs one full pass.
 */
export class SyncMemory {
  readonly #undone = new Map<string, number>()
  readonly #applied = new Map<string, { uid: string; version: string; desired: AnyManifest; placed: PlacedManifest }>()

  /**
   * The same document at the same place, read once and not again, and an object that is as it left it: nothing is to be compared.
   */
  knows({ manifest, place }: PlacedManifest, live: DeclaredResource | undefined): boolean {
    const before = this.#applied.get(keyOf(manifest))
    return (
      before?.placed.manifest === manifest &&
      before.placed.place === place &&
      before.uid === live?.metadata.uid &&
      before.version === live.metadata.resourceVersion
    )
  }

  holds(desired: AnyManifest, live: DeclaredResource): boolean {
    const before = this.#applied.get(keyOf(desired))
    return (
      before !== undefined &&
      before.uid === live.metadata.uid &&
      before.version === live.metadata.resourceVersion &&
      isDeepStrictEqual(before.desired, desired)
    )
  }

  keep(desired: AnyManifest, left: DeclaredResource, placed: PlacedManifest): void {
    const { uid, resourceVersion: version } = left.metadata
    this.#applied.set(keyOf(desired), { uid, version, desired, placed })
  }

  /**
   * Whether somebody changed what this source declares: a field, a label, or the object is gone. What others own beside it is theirs.
   * Once a minute for each object: two who undo each other are not to do it as fast as they can.
   */
  isUndone(key: string, live: DeclaredResource | undefined, now: number): boolean {
    const before = this.#applied.get(key)
    if (!before || holdsStill(before.desired, live)) return false
    for (const [other, time] of this.#undone) if (now - time >= PAUSE) this.#undone.delete(other)
    if (this.#undone.has(key)) return false
    this.#undone.set(key, now)
    return true
  }

  /** Forgets everything but these. */
  forget(but: ReadonlySet<string>): void {
    for (const key of this.#applied.keys()) if (!but.has(key)) this.#applied.delete(key)
  }
}

/** Milliseconds in which the same object is not taken back a second time at once; the next look at the source does it. */
const PAUSE = 60_000

const holdsStill = (desired: AnyManifest, live: DeclaredResource | undefined): boolean => {
  if (!live) return false
  // On its way out, it is the finalizer's.
  if (live.metadata.deletionTimestamp !== undefined) return true
  return (
    covers(live.metadata.labels ?? {}, desired.metadata.labels ?? {}) &&
    covers(live.metadata.annotations ?? {}, desired.metadata.annotations ?? {}) &&
    coversSpec(live, desired)
  )
}

/** Memberships belong to managers one by one: another's stand beside ours. */
const coversSpec = (live: DeclaredResource, desired: AnyManifest): boolean => {
  if (live.kind !== 'User' || desired.kind !== 'User') return covers(live.spec, desired.spec)
  const { memberships: there = [], ...rest } = live.spec
  const { memberships: wanted = [], ...others } = desired.spec
  return (
    covers(rest, others) &&
    wanted.every(item =>
      covers(
        there.find(({ organization }) => organization === item.organization),
        item,
      ),
    )
  )
}
