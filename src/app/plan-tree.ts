import { createHash } from 'node:crypto'
import type { PlacedManifest } from '../source/revision.ts'
import { canonicalText } from './canonical.ts'

/** File inside the source → digest of what it declares and on which lines. */
export type ManifestTree = Readonly<Record<string, string>>

/**
 * What a revision consists of, whatever it is called: the same files, with the same manifests on the same lines.
 * @param pathOf the file inside the source, for a file as it was named
 */
export const treeOf = (manifests: readonly PlacedManifest[], pathOf: (file: string) => string = same): ManifestTree => {
  const hashes = new Map<string, ReturnType<typeof createHash>>()
  for (const { manifest, place } of manifests) {
    const [, file = place, line = ''] = /^(.*):(\d+)$/s.exec(place) ?? []
    const path = pathOf(file)
    const hash = hashes.get(path) ?? createHash('sha256')
    hashes.set(path, hash.update(`${line} ${canonicalText(manifest)}\n`))
  }
  return Object.fromEntries(
    [...hashes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, hash]) => [path, hash.digest('hex').slice(0, 32)]),
  )
}

/** Files that differ, by name. */
export const treeMoves = (
  planned: ManifestTree,
  now: ManifestTree,
): { file: string; is: 'changed' | 'new' | 'gone' }[] =>
  [...new Set([...Object.keys(planned), ...Object.keys(now)])].sort().flatMap(file => {
    if (planned[file] === now[file]) return []
    const is = planned[file] === undefined ? 'new' : now[file] === undefined ? 'gone' : 'changed'
    return [{ file, is } as const]
  })

const same = (file: string): string => file
