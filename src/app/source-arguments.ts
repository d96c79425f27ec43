import { resolve } from 'node:path'
import { API_VERSION } from '../api/names.ts'
import type { SourceSpec } from '../api/source.ts'
import { parseGitUrl } from '../source/git.ts'
import type { Realm } from './realm.ts'

/** The source of a path or Git URL on the command line. */
export const sourceSpecOf = (argument: string, options: { cwd: string; prune: boolean }): SourceSpec => {
  const git = parseGitUrl(argument)
  const prune = options.prune ? { prune: true } : {}
  return git ? { git, ...prune } : { folder: { path: resolve(options.cwd, argument) }, ...prune }
}

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
