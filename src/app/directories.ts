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
  if (ldap) {
    const { ldapDriver } = await import('../directories/ldap/driver.ts')
    return ldapDriver({
      spec: ldap,
      dialer: dialer({ allowPrivate: settings.allowPrivate }),
      clock,
      ...(ldap.passwordSecretRef && { password: secretOf(ldap.passwordSecretRef) }),
      ...(ldap.caSecretRef && { ca: secretOf(ldap.caSecretRef) }),
    })
  }
  if (scim) {
    const { scimDriver } = await import('../directories/scim/driver.ts')
    return scimDriver({
      spec: scim,
      dialer: dialer({ allowPrivate: settings.allowPrivate }),
      clock,
      limits: spec.requests ?? {},
      token: secretOf(scim.tokenSecretRef),
      ...(scim.caSecretRef && { ca: secretOf(scim.caSecretRef) }),
    })
  }
  if (keycloak) {
    const { keycloakDriver } = await import('../directories/keycloak/driver.ts')
    return keycloakDriver({
      spec: keycloak,
      dialer: dialer({ allowPrivate: settings.allowPrivate }),
      clock,
      limits: spec.requests ?? {},
      secret: secretOf(keycloak.clientSecretRef),
      ...(keycloak.caSecretRef && { ca: secretOf(keycloak.caSecretRef) }),
    })
  }
  if (github) {
    const { githubDriver } = await import('../directories/github/driver.ts')
    return githubDriver({
      spec: github,
      limits: spec.requests ?? {},
      dialer: dialer({ allowPrivate: settings.allowPrivate }),
      clock,
      token: secretOf(github.tokenSecretRef),
      ...(github.caSecretRef && { ca: secretOf(github.caSecretRef) }),
    })
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
      const { type, file, ldap, scim, keycloak, github, requests } = directory.spec
      const of = JSON.stringify([type, file, ldap, scim, keycloak, github, requests])
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
