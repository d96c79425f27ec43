import type { Directory } from '../api/directory.ts'
import { fileDriver } from '../directories/file/driver.ts'
import type { DirectoryDriver } from '../ports/directory.ts'
import type { DirectoryParts } from '../reconcilers/directory.ts'
import type { Realm } from './realm.ts'

export type DirectoryOptions = Pick<Realm, 'settings' | 'secrets' | 'clock'>

/** The driver of one directory, with what the controller's own settings allow it. */
export const directoryDriver = ({ settings }: DirectoryOptions, { metadata, spec }: Directory): DirectoryDriver => {
  if (spec.file) return fileDriver({ file: spec.file, folder: settings.directoryFiles })
  throw new TypeError(`Directory/${metadata.name} names no service`)
}

/** The drivers of all directories, one each, kept as long as what they read from stays the same: they keep connections. */
export const openDirectories = (realm: DirectoryOptions): DirectoryParts & AsyncDisposable => {
  const drivers = new Map<string, { of: string; driver: DirectoryDriver }>()
  const release = async (name: string): Promise<void> => {
    const kept = drivers.get(name)
    drivers.delete(name)
    await kept?.driver.close()
  }
  return {
    driver: async directory => {
      const { name } = directory.metadata
      const of = JSON.stringify([directory.spec.type, directory.spec.file, directory.spec.ldap])
      const kept = drivers.get(name)
      if (kept?.of === of) return kept.driver
      await release(name)
      const driver = directoryDriver(realm, directory)
      drivers.set(name, { of, driver })
      return driver
    },
    release,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...drivers.keys()].map(release))
    },
  }
}
