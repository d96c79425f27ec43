import { hostname, userInfo } from 'node:os'
import { MANAGERS } from '../api/names.ts'
import { openEmbeddedStore } from '../store/embedded/store.ts'
import { noAuditLog } from '../telemetry/audit.ts'
import { openEmbeddedRealm } from './embeddedrealm.ts'
import { dataPaths } from './paths.ts'
import { NoStoreError, type Realm, type RealmOptions, type Self } from './realm.ts'
import { fileSecrets } from './secrets.ts'
import { systemClock } from './system-clock.ts'

/** Opens the data folder, or the namespace of a cluster. @throws NoStoreError, StoreUnusableError */
export const openRealm = async (options: RealmOptions): Promise<Realm> => {
  if (!options.settings.kubernetes) return await openEmbeddedRealm(options, self())
  const { openClusterRealm } = await import('./clusterrealm.ts')
  return await openClusterRealm(options, self())
}

/** The realm, or an empty one in memory where there is none yet: for a plan, which makes nothing. */
export const openRealmOrEmpty = async (options: Omit<RealmOptions, 'create'>): Promise<Realm> => {
  try {
    return await openRealm({ ...options, create: false })
  } catch (error) {
    if (error instanceof NoStoreError) return await emptyRealm(options, error)
    throw error
  }
}

/** A realm in memory with nothing in it. @param missing thrown by what needs more than resources */
export const emptyRealm = async (
  { settings, environment }: Pick<RealmOptions, 'settings' | 'environment'>,
  missing: NoStoreError,
): Promise<Realm> => {
  const clock = systemClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  const nothing = (): never => {
    throw missing
  }
  return {
    ...self(),
    settings,
    place: 'an empty store',
    absent: true,
    paths: dataPaths(settings.data),
    clock,
    store,
    audit: noAuditLog(),
    secrets: fileSecrets(settings, environment),
    replicated: false,
    catchUp: async () => undefined,
    credentials: async () => nothing(),
    keys: async () => nothing(),
    lostKeys: async () => [],
    acceptKeys: async () => nothing(),
    fingerprint: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      clock.stop()
    },
  }
}

const self = (): Self => ({ actor: MANAGERS.local(osUser()), holder: `${hostname()}/${process.pid}` })

const osUser = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
