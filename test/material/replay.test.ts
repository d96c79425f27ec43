import { describe, expect, it } from 'vitest'
import type { AnyManifest } from '../../src/api/kinds.ts'
import { type FileReading, readManifests, readText } from '../../src/manifests/read.ts'
import { revisionOf } from '../../src/source/folder.ts'
import { SyncMemory } from '../../src/source/memory.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { material, REAL_SHAPE } from './organization.ts'

const KINDS = ['Organization', 'Role', 'Group', 'User'] as const
/** Of the stream of a thousand commits. */
const COMMITS = 120

describe('an organization of real size', () => {
  it('is the same for the same seed, and has the shape that it is to have', () => {
    const { files } = material()
    const count = (folder: string) => [...files.keys()].filter(path => path.startsWith(folder)).length
    expect([count('users/'), count('groups/')]).toEqual([REAL_SHAPE.people, REAL_SHAPE.groups])
    expect([...material().files]).toEqual([...files])
    expect(files.has('users/0x1f.yaml')).toBe(true)
  })

  it('stands in the store as its manifests say, after each commit', async () => {
    await using store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock('2026-11-22T09:00:00Z') })
    const { files, commit } = material()
    const memory = new SyncMemory()
    const readings = new Map<string, { text: string; reading: FileReading }>()
    const permit = async (objects: Parameters<Parameters<typeof syncRevision>[0]['permit']>[0]) => ({
      permitted: objects,
      because: '',
    })
    for (let number = 0; number <= COMMITS; number++) {
      const what = number === 0 ? 'the beginning' : commit()
      const now = [...files].map(([file, text]) => {
        const known = readings.get(file)
        if (known?.text === text) return known.reading
        const reading = readText({ file, text })
        readings.set(file, { text, reading })
        return reading
      })
      const revision = revisionOf(await readManifests(now), `c${number}`)
      if (revision.outcome !== 'Complete') expect.fail(`${what}: ${revision.message}`)
      const result = await syncRevision({ store, source: 'people', revision, prune: true, permit, memory })
      expect(result.failed, what).toEqual([])
      if (number > 0) expect(result.updated.length + result.created.length + result.pruned.length).toBeLessThan(30)
      expect(await standing(store), what).toEqual(
        new Map(revision.manifests.map(({ manifest }) => [nameOf(manifest), JSON.stringify(sorted(manifest.spec))])),
      )
    }
  }, 120_000)
})

const nameOf = ({ kind, metadata }: Pick<AnyManifest, 'kind' | 'metadata'>): string => `${kind}/${metadata.name}`
const standing = async (store: Awaited<ReturnType<typeof openEmbeddedStore>>): Promise<Map<string, string>> => {
  const all = new Map<string, string>()
  for (const kind of KINDS)
    for (const object of (await store.list(kind)).items)
      all.set(nameOf(object as never), JSON.stringify(sorted(object.spec)))
  return all
}
/** Fields by name: their order says nothing. */
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
