import { RosterError } from '../api/errors.ts'
import { fileOf } from './authority.ts'
import { holderOf, keyOf, unknownChange } from './inventory.ts'
import type { Live } from './live.ts'
import type { SyncOptions } from './pass.ts'
import type { Earlier, PlacedManifest } from './revision.ts'
import { syncRevision } from './sync.ts'

/** Revisions whose history is asked for in one pass: it is one, unless a store is older than the notes. */
const MOST_REVISIONS = 4

/**
 * Notes on the objects of a source who had changed their files last, where the pass could not tell: they were there at the first commit that was read.
 * Everything is applied by then, and nothing waits for it; what cannot be had now is asked for again at the next pass.
 */
export const noteAuthors = async (
  history: (of: {
    revision: string
    files: ReadonlySet<string>
    signal: AbortSignal
  }) => Promise<ReadonlyMap<string, Earlier> | undefined>,
  options: SyncOptions & { live: Live; signal: AbortSignal },
): Promise<void> => {
  const { source, revision, live, signal } = options
  const untold = new Map<string, PlacedManifest[]>()
  for (const placed of revision.manifests) {
    const { kind, metadata } = placed.manifest
    const object = live.get(kind, metadata.name)
    const at = object && holderOf(object) === source ? unknownChange(object) : undefined
    if (at === undefined) continue
    const same = untold.get(at)
    if (same) same.push(placed)
    else untold.set(at, [placed])
  }
  const told = new Map<string, PlacedManifest>()
  for (const [at, all] of [...untold].slice(0, MOST_REVISIONS)) {
    const asked = { revision: at, files: new Set(all.map(({ place }) => fileOf(place))), signal }
    const found = await history(asked).catch(error => {
      signal.throwIfAborted()
      if (error instanceof RosterError) return undefined
      throw error
    })
    for (const placed of all) {
      const earlier = found?.get(fileOf(placed.place))
      if (earlier) told.set(keyOf(placed.manifest), { ...placed, earlier: { ...earlier, at } })
    }
  }
  if (told.size === 0) return
  const manifests = revision.manifests.map(placed => told.get(keyOf(placed.manifest)) ?? placed)
  const planned = new Map(Array.from(told.keys(), key => [key, () => undefined]))
  await syncRevision({ ...options, revision: { ...revision, manifests }, planned })
}
