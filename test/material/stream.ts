import type { AnyManifest } from '../../src/api/kinds.ts'
import { type FileReading, readManifests, readText } from '../../src/manifests/read.ts'
import { revisionOf } from '../../src/source/folder.ts'
import { SyncMemory } from '../../src/source/memory.ts'
import { type SyncResult, syncRevision } from '../../src/source/sync.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { material, type Shape } from './organization.ts'

const KINDS = ['Organization', 'Role', 'Group', 'User'] as const

/** What one commit made of the store. */
export interface Replayed {
  /** The commit in words. */
  what: string
  result: SyncResult
  /** Seconds for reading and applying it. */
  seconds: number
  /** Objects that are not as the manifests say, or that no manifest names: none, or something is wrong. */
  differing: string[]
}

/**
 * The generated organization, commit by commit, into a store: the first one is the whole of it.
 * @param store empty; nobody else writes to it
 */
export async function* replay(store: ResourceStore, commits: number, shape?: Shape): AsyncGenerator<Replayed> {
  const { files, commit } = material(shape)
  const memory = new SyncMemory()
  const readings = new Map<string, { text: string; reading: FileReading }>()
  for (let number = 0; number <= commits; number++) {
    const what = number === 0 ? 'the beginning' : commit()
    const begun = performance.now()
    const now = [...files].map(([file, text]) => {
      const known = readings.get(file)
      if (known?.text === text) return known.reading
      const reading = readText({ file, text })
      readings.set(file, { text, reading })
      return reading
    })
    const revision = revisionOf(await readManifests(now), `c${number}`)
    if (revision.outcome !== 'Complete') throw new Error(`${what}: ${revision.message}`)
    const permit = async (permitted: Parameters<Parameters<typeof syncRevision>[0]['permit']>[0]) => ({
      permitted,
      because: '',
    })
    const result = await syncRevision({ store, source: 'people', revision, prune: true, permit, memory })
    const seconds = (performance.now() - begun) / 1000
    const declared = new Map(revision.manifests.map(({ manifest }) => [nameOf(manifest), specText(manifest.spec)]))
    yield { what, result, seconds, differing: differing(declared, await standing(store)) }
  }
}

const nameOf = ({ kind, metadata }: Pick<AnyManifest, 'kind' | 'metadata'>): string => `${kind}/${metadata.name}`
const standing = async (store: ResourceStore): Promise<Map<string, string>> => {
  const all = new Map<string, string>()
  for (const kind of KINDS)
    for (const object of (await store.list(kind)).items) all.set(nameOf(object as never), specText(object.spec))
  return all
}
const differing = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter(key => a.get(key) !== b.get(key))

/** Fields by name: their order says nothing. */
const specText = (spec: unknown): string => JSON.stringify(sorted(spec))
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, one]) => [key, sorted(one)]),
        )
      : value
