import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openCredentials } from '../accounts/credentials.ts'
import { mountedKeyFolder, ownKeyFolder, storedFingerprint } from '../accounts/keys.ts'
import { openEmbeddedStore } from '../store/embedded/store.ts'
import { StoreUnusableError } from '../store/errors.ts'
import { auditOf } from './auditing.ts'
import { type DataPaths, dataPaths } from './paths.ts'
import { NoStoreError, type Realm, type RealmOptions, type Self } from './realm.ts'
import { RealmKeys } from './realmkeys.ts'
import { fileSecrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import { steadyClock } from './system-clock.ts'

/** Whether the data folder of the settings holds a store. */
export const hasStore = (settings: Settings): boolean => existsSync(join(settings.data, 'roster.sqlite'))

/** Everything in one folder. @throws NoStoreError, StoreUnusableError */
export const openEmbeddedRealm = async (options: RealmOptions, self: Self): Promise<Realm> => {
  const { settings, environment, create } = options
  const paths = dataPaths(settings.data)
  if (!create && !hasStore(settings)) throw new NoStoreError(`there is no store in ${paths.folder}`)
  refuseEmptied(paths)
  const { clock, store, catchUp } = await steadyClock(first =>
    openEmbeddedStore({ folder: paths.folder, clock: first }),
  )
  await catchUp()
  const audit = auditOf(options, clock)
  const keys = new RealmKeys({
    store,
    source: settings.keys === undefined ? ownKeyFolder(paths.keys) : mountedKeyFolder(settings.keys),
    // Passwords lie in a file of their own, and are not sealed.
    purposes: ['link', 'form', 'fingerprint'],
  })
  return {
    ...self,
    settings,
    place: `the store ${paths.folder}`,
    paths,
    clock,
    store,
    audit,
    secrets: fileSecrets(settings, environment),
    replicated: false,
    catchUp,
    credentials: async () => openCredentials(paths.credentials),
    keys: () => keys.open(),
    lostKeys: () => keys.lost(),
    acceptKeys: () => keys.accept(),
    fingerprint: async () => storedFingerprint(settings.keys ?? paths.keys),
    [Symbol.asyncDispose]: async () => {
      await audit[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      clock.stop()
    },
  }
}

/**
 * A store that is being made is empty for a moment, but then nothing of ours lies beside it. Emptied later, it would read as a new one, and everybody would be invited again.
 * @throws StoreUnusableError
 */
const refuseEmptied = ({ folder, keys }: DataPaths): void => {
  const file = join(folder, 'roster.sqlite')
  const size = statSync(file, { throwIfNoEntry: false })?.size
  // The first page, of 4096 bytes, holds no table of ours. What a running store has not moved into its file yet lies in the log.
  if (size === undefined || size > 4096 || existsSync(`${file}-wal`) || !existsSync(keys)) return
  throw new StoreUnusableError(
    `${file} is empty, and the folder was in use before`,
    'If it was copied, copy its -wal file too; else restore the last backup into a new folder (`roster restore`). To begin anew, name another folder with --data',
  )
}
