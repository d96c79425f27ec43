import type { ReadResult } from '../manifests/read.ts'
import { revisionOf } from '../source/folder.ts'
import { parseGitUrl } from '../source/git.ts'
import type { Revision } from '../source/revision.ts'
import { type Arguments, readArguments } from './reading.ts'
import type { Realm } from './realm.ts'
import { SettingsError } from './settings.ts'
import { sourceReader } from './sources.ts'

/** Reads one revision from a command line, for `plan` and `apply`; with the findings as text has them where paths were read. */
export const readRevision = async (
  realm: Pick<Realm, 'settings' | 'paths' | 'secrets' | 'clock'>,
  given: Arguments,
  source: string,
  signal: AbortSignal,
): Promise<{ revision: Revision; result?: ReadResult }> => {
  const [first, ...more] = given.paths
  const git = first === undefined ? undefined : parseGitUrl(first)
  if (!git) {
    const result = await readArguments(given, realm.settings)
    return { revision: revisionOf(result), result }
  }
  if (more.length > 0) throw new SettingsError('a Git URL is given alone')
  const reader = sourceReader(realm, { name: source, spec: { git } })
  try {
    return { revision: await reader.read({ signal }) }
  } finally {
    await reader.close()
  }
}
