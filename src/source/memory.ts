import { isDeepStrictEqual } from 'node:util'
import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { keyOf } from './inventory.ts'

/**
 * What one source last applied, and at which version that left each object. An object that is still at this version was changed by nobody since, neither in its
 * fields nor in their owners; so applying the same to it again would change nothing, and is not done. Lost at a restart, which costs one full pass.
 */
export class SyncMemory {
  readonly #applied = new Map<string, { uid: string; version: string; desired: AnyManifest }>()

  holds(desired: AnyManifest, live: DeclaredResource): boolean {
    const before = this.#applied.get(keyOf(desired))
    return (
      before !== undefined &&
      before.uid === live.metadata.uid &&
      before.version === live.metadata.resourceVersion &&
      isDeepStrictEqual(before.desired, desired)
    )
  }

  keep(desired: AnyManifest, left: DeclaredResource): void {
    const { uid, resourceVersion: version } = left.metadata
    this.#applied.set(keyOf(desired), { uid, version, desired })
  }

  /** Forgets everything but these. */
  forget(but: ReadonlySet<string>): void {
    for (const key of this.#applied.keys()) if (!but.has(key)) this.#applied.delete(key)
  }
}
