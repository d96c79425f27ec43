import { isDeepStrictEqual } from 'node:util'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { keyOf } from './inventory.ts'
import type { PlacedManifest } from './revision.ts'

/**
 * What one source last applied, and at which version that left each object. An object that is still at this version was changed by nobody since, neither in its
 * fields nor in their owners; so applying the same to it again would change nothing, and is not done. Lost at a restart, which costs one full pass.
 */
export class SyncMemory {
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

  /** Forgets everything but these. */
  forget(but: ReadonlySet<string>): void {
    for (const key of this.#applied.keys()) if (!but.has(key)) this.#applied.delete(key)
  }
}
