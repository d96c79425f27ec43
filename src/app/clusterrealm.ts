import { type Keys, mountedKeyFolder, storedFingerprint } from '../accounts/keys.ts'
import { keySecret, storedSecretFingerprint } from '../accounts/keysecret.ts'
import { secretCredentials } from '../accounts/secretcredentials.ts'
import { KINDS } from '../api/names.ts'
import { NoRealmError } from '../store/errors.ts'
import type { ClusterOptions } from '../store/kubernetes/cluster.ts'
import { openKubernetesStore } from '../store/kubernetes/store.ts'
import type { ResourceStore } from '../store/store.ts'
import { auditOf } from './auditing.ts'
import { clusterSecretReader } from './clustersecrets.ts'
import { dataPaths } from './paths.ts'
import { NoStoreError, type Realm, type RealmOptions, type Self } from './realm.ts'
import { RealmKeys } from './realmkeys.ts'
import { fileSecrets, OWN_SECRETS, secretsOfEither } from './secrets.ts'
import { type Settings, SettingsError } from './settings.ts'
import { steadyClock } from './system-clock.ts'

/** The Secret with the keys of a realm, in its namespace. The chart makes it empty and keeps it. */
const KEYS_SECRET = 'roster-keys'

/**
 * One namespace of a cluster; what belongs to this process alone (copies of repositories, mails without a server) stays in its data folder.
 * @throws NoStoreError, StoreUnusableError, ClusterUnreachableError, ForbiddenError
 */
export const openClusterRealm = async (options: RealmOptions, self: Self): Promise<Realm> => {
  const { settings, environment, create, restoring } = options
  const { clock, store, catchUp } = await steadyClock(first =>
    openKubernetesStore({ ...clusterOf(settings), clock: first, create, ...(restoring && { restoring }) }),
  )
  const { place } = store
  const audit = auditOf(options, clock)
  const close = async (): Promise<void> => {
    await audit[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    clock.stop()
  }
  try {
    if (!options.patient) await catchUp()
    if (!create) await store.info()
  } catch (error) {
    // What is left of a realm whose namespace is being deleted can be saved and let go all the same.
    if (!(error instanceof NoRealmError && (await holdsAny(store)))) {
      await close()
      throw error instanceof NoRealmError ? new NoStoreError(error.message) : error
    }
  }
  const objects = store.secrets()
  const source =
    settings.keys === undefined ? keySecret({ objects, name: KEYS_SECRET }) : mountedKeyFolder(settings.keys)
  const realmKeys = new RealmKeys({ store, source, purposes: ['link', 'form', 'fingerprint', 'credentials'] })
  // What a namespace that is being restored remembers is of the realm before, of which nothing is left.
  const keys = restoring ? () => source.open() : () => realmKeys.open()
  return {
    ...self,
    settings,
    place: `namespace ${place.namespace} of ${place.server}`,
    paths: dataPaths(settings.data),
    clock,
    store,
    audit,
    secrets: secretsOfEither(
      fileSecrets(settings, environment),
      clusterSecretReader({ objects, own: [...OWN_SECRETS, KEYS_SECRET] }),
    ),
    replicated: true,
    rights: store.rights,
    catchUp,
    credentials: async () =>
      secretCredentials({
        objects: store.secrets(settings.credentialsNamespace ?? `${place.namespace}-credentials`),
        keys: sealingKeys(await keys(), settings.keys),
      }),
    keys,
    lostKeys: () => realmKeys.lost(),
    acceptKeys: () => realmKeys.accept(),
    fingerprint: async () =>
      settings.keys === undefined
        ? await storedSecretFingerprint({ objects, name: KEYS_SECRET })
        : storedFingerprint(settings.keys),
    [Symbol.asyncDispose]: close,
  }
}

const holdsAny = async (store: Pick<ResourceStore, 'list'>): Promise<boolean> => {
  for (const kind of KINDS) if ((await store.list(kind)).items.length > 0) return true
  return false
}

/** How the cluster of the settings is reached. */
export const clusterOf = ({ kubeconfig, context, namespace }: Settings): ClusterOptions => ({
  ...(kubeconfig !== undefined && { kubeconfig }),
  ...(context !== undefined && { context }),
  ...(namespace !== undefined && { namespace }),
})

/** @throws SettingsError when the keys that somebody provides have none for credentials */
const sealingKeys = ({ sealing }: Keys, folder: string | undefined): Keys['sealing'] => {
  if (sealing.length > 0) return sealing
  throw new SettingsError(
    `--keys: ${folder} holds no key credentials.1, which seals passwords; put 32 random bytes there, as base64url`,
  )
}
