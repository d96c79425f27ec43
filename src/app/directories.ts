import type { Directory } from '../api/directory.ts'
import { fileDriver } from '../directories/file/driver.ts'
import type { DirectoryDriver } from '../ports/directory.ts'
import type { DirectoryParts } from '../reconcilers/directory.ts'
import { dialer } from './dialer.ts'
import type { Realm } from './realm.ts'

type SecretRef = Parameters<Realm['secrets']['read']>[0]

export type DirectoryOptions = Pick<Realm, 'settings' | 'secrets' | 'clock'>

/** The driver of one directory, with what the controller's own settings allow it. */
export const directoryDriver = async (
  { settings, secrets, clock }: DirectoryOptions,
  { metadata, spec }: Directory,
): Promise<DirectoryDriver> => {
  const { file, ldap, scim, keycloak, github } = spec
  if (file) return fileDriver({ file, folder: settings.directoryFiles })
  const secretOf = (ref: SecretRef) => () => secrets.read(ref, `directory/${metadata.name}`)
  const connecting = ({ caSecretRef }: { caSecretRef?: SecretRef }) => ({
    dialer: dialer({ allowPrivate: settings.allowPrivate }),
    clock,
    ...(caSecretRef && { ca: secretOf(caSecretRef) }),
  })
  const limits = spec.requests ?? {}
  if (ldap) {
    const { ldapDriver } = await import('../directories/ldap/driver.ts')
    const password = ldap.passwordSecretRef && { password: secretOf(ldap.passwordSecretRef) }
    return ldapDriver({ spec: ldap, ...connecting(ldap), ...password })
  }
  if (scim) {
    const { scimDriver } = await import('../directories/scim/driver.ts')
    return scimDriver({ spec: scim, ...connecting(scim), limits, token: secretOf(scim.tokenSecretRef) })
  }
  if (keycloak) {
    const { keycloakDriver } = await import('../directories/keycloak/driver.ts')
    return keycloakDriver({
      spec: keycloak,
      ...connecting(keycloak),
      limits,
      secret: secretOf(keycloak.clientSecretRef),
    })
  }
  if (github) {
    const { githubDriver } = await import('../directories/github/driver.ts')
    return githubDriver({ spec: github, ...connecting(github), limits, token: secretOf(github.tokenSecretRef) })
  }
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
      const { organization: _, policy: __, import: ___, interval: ____, ...source } = directory.spec
      const of = JSON.stringify(source)
      const kept = drivers.get(name)
      if (kept?.of === of) return kept.driver
      await release(name)
      const driver = await directoryDriver(realm, directory)
      drivers.set(name, { of, driver })
      return driver
    },
    release,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...drivers.keys()].map(release))
    },
  }
}
