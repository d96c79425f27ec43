import { resolve } from 'node:path'
import type { SourceSpec } from '../api/source.ts'
import { folderReader } from '../source/folder.ts'
import { gitReader } from '../source/git.ts'
import type { SourceReader } from '../source/revision.ts'
import { dialer } from './dialer.ts'
import type { Realm } from './realm.ts'

/** The reader of one source, with what the controller's own settings allow it. */
export const sourceReader = (
  realm: Pick<Realm, 'settings' | 'paths' | 'secrets' | 'clock'>,
  { name, spec }: { name: string; spec: SourceSpec },
): SourceReader => {
  const { settings, paths, secrets, clock } = realm
  if (spec.folder) return folderReader({ path: resolve(spec.folder.path), tables: settings.tables })
  if (!spec.git) throw new TypeError(`Source/${name} names neither git nor folder`)
  return gitReader({
    name,
    git: spec.git,
    folder: paths.sources,
    secrets,
    dialer: dialer({ allowPrivate: settings.allowPrivate }),
    clock,
    tables: settings.tables,
    signers: settings.signers,
  })
}
