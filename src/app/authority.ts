import { relative, resolve, sep } from 'node:path'
import type { SyncOptions } from '../source/sync.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Settings } from './settings.ts'

/** What `apply` and `plan` may do as a source: what the Source of that name may, where there is one, and the controller's policy. */
export const authorityOf = async (
  { settings }: { settings: Pick<Settings, 'policy'> },
  store: ResourceStore,
  source: string,
  pathOf?: (file: string) => string,
): Promise<NonNullable<SyncOptions['authority']>> => ({
  may: (await store.get('Source', source))?.spec.may,
  policy: settings.policy,
  ...(pathOf && { pathOf }),
})

/** Files are named from where the command was typed; a source names them from its folder. Of several that hold a file the longest counts. */
export const pathInside =
  (paths: readonly string[], cwd: string): ((file: string) => string) =>
  file => {
    const full = resolve(cwd, file)
    const roots = paths
      .map(path => resolve(cwd, path))
      .filter(root => full.startsWith(root.endsWith(sep) ? root : root + sep))
    const [root] = roots.sort((a, b) => b.length - a.length)
    return (root === undefined ? file : relative(root, full)).replaceAll(sep, '/')
  }
