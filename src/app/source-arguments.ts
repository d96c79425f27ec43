import { resolve } from 'node:path'
import { API_VERSION } from '../api/names.ts'
import type { SourceSpec } from '../api/source.ts'
import { parseGitUrl } from '../source/git.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Realm } from './realm.ts'

/** The source of a path or Git URL on the command line. */
export const sourceSpecOf = (argument: string, options: { cwd: string; prune: boolean }): SourceSpec => {
  const git = parseGitUrl(argument)
  const prune = options.prune ? { prune: true } : {}
  return git ? { git, ...prune } : { folder: { path: resolve(options.cwd, argument) }, ...prune }
}

/**
 * As whom manifests are applied or planned where nobody says it: as the one Source that reads them anyway, else as `default`.
 * @param from undefined for standard input, and for more than one path
 */
export const sourceReading = async (store: ResourceStore, from: SourceSpec | undefined): Promise<string> => {
  if (!from) return sourceName(0)
  const names = (await store.list('Source')).items
    .filter(({ spec }) => placeOf(spec) === placeOf(from))
    .map(({ metadata }) => metadata.name)
  const [only, ...more] = names
  return only === undefined || more.length > 0 ? sourceName(0) : only
}

/** From where a Source of this name reads, if not from here. */
export const readElsewhere = async (
  store: ResourceStore,
  name: string,
  from: SourceSpec | undefined,
): Promise<string | undefined> => {
  const existing = await store.get('Source', name)
  if (!existing || (from && placeOf(existing.spec) === placeOf(from))) return undefined
  const { folder, git } = existing.spec
  return folder?.path ?? git?.url ?? 'elsewhere'
}

/** What the paths of a command line are, as a source; undefined for standard input, and for more than one path. */
export const sourceOfPaths = (paths: readonly string[], cwd: string): SourceSpec | undefined => {
  const [only, ...more] = paths
  return only === undefined || only === '-' || more.length > 0 ? undefined : sourceSpecOf(only, { cwd, prune: false })
}

const placeOf = ({ folder, git }: SourceSpec): string =>
  JSON.stringify(folder ? [resolve(folder.path)] : [git?.url, git?.ref ?? null, git?.path ?? null])

/** Whether an argument names a repository of a server. */
export const isGitUrl = (argument: string): boolean => parseGitUrl(argument) !== undefined

/** `default`, then `default-2` and so on, in the order of the command line. */
export const sourceName = (index: number): string => (index === 0 ? 'default' : `default-${index + 1}`)

/** `run PATH…` declares one Source an argument; those of an earlier command line that are no longer named are let go of, and what they applied stays. */
export const declareSources = async (
  realm: Pick<Realm, 'store' | 'actor' | 'settings'>,
  sources: readonly string[],
  cwd: string,
): Promise<void> => {
  if (sources.length === 0) return
  const names = new Set(sources.map((_, index) => sourceName(index)))
  for (const [index, argument] of sources.entries())
    await realm.store.apply(
      {
        apiVersion: API_VERSION,
        kind: 'Source',
        metadata: { name: sourceName(index) },
        spec: sourceSpecOf(argument, { cwd, prune: realm.settings.prune }),
      },
      { manager: realm.actor, force: true },
    )
  for (const { metadata } of (await realm.store.list('Source')).items)
    if (/^default(-\d+)?$/.test(metadata.name) && !names.has(metadata.name))
      await realm.store.delete({ kind: 'Source', name: metadata.name }, { ifUid: metadata.uid })
}
