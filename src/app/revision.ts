import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** The same for a plan, which leaves nothing behind: a repository is fetched into a folder of its own that goes afterwards. */
export const readForPlan = async (
  realm: Pick<Realm, 'settings' | 'paths' | 'secrets' | 'clock'>,
  ...[given, source, signal]: [Arguments, string, AbortSignal]
): ReturnType<typeof readRevision> => {
  const sources = await mkdtemp(join(tmpdir(), 'roster-plan-'))
  try {
    return await readRevision({ ...realm, paths: { ...realm.paths, sources } }, given, source, signal)
  } finally {
    await rm(sources, { recursive: true, force: true })
  }
}
