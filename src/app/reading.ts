import { resolve } from 'node:path'
import { checkTemplate } from '../mail/liquid.ts'
import { stopsRevision } from '../manifests/finding.ts'
import { type ManifestInput, type ReadOptions, type ReadResult, readManifests } from '../manifests/read.ts'
import { revisionOf } from '../source/folder.ts'
import { parseGitUrl } from '../source/git.ts'
import type { Revision } from '../source/revision.ts'
import type { Realm } from './realm.ts'
import { type Settings, SettingsError } from './settings.ts'
import { sourceReader } from './sources.ts'

/** What a command line names: paths, `-` for standard input, or one Git URL. */
export interface Arguments {
  paths: readonly string[]
  cwd: string
  stdin: () => Promise<string>
}

/** Reads and judges paths and standard input as `validate` does. @throws SettingsError for a Git URL */
export const readArguments = async (
  { paths, cwd, stdin }: Arguments,
  settings: Pick<Settings, 'tables'>,
  options: Omit<ReadOptions, 'tables' | 'relativeTo' | 'checkTemplate'> = {},
): Promise<ReadResult> => {
  const inputs: ManifestInput[] = []
  for (const path of paths) {
    if (parseGitUrl(path))
      throw new SettingsError(`${path} is a Git URL; name it alone, or check it out and name the folder`)
    inputs.push(path === '-' ? { file: '-', text: await stdin() } : { path: resolve(cwd, path) })
  }
  return readManifests(inputs, { relativeTo: cwd, tables: settings.tables, checkTemplate, ...options })
}

/** Reads one revision from a command line: for `plan` and `apply`. */
export const readRevision = async (
  realm: Pick<Realm, 'settings' | 'paths' | 'secrets' | 'clock'>,
  given: Arguments,
  source: string,
  signal: AbortSignal,
): Promise<{ revision: Revision; result?: ReadResult }> => {
  const [first, ...more] = given.paths
  const git = first === undefined ? undefined : parseGitUrl(first)
  if (git && more.length > 0) throw new SettingsError('a Git URL is given alone')
  if (git) {
    const reader = sourceReader(realm, { name: source, spec: { git } })
    try {
      return { revision: await reader.read({ signal }) }
    } finally {
      await reader.close()
    }
  }
  const result = await readArguments(given, realm.settings)
  return { revision: revisionOf(result), result }
}

export { stopsRevision }
