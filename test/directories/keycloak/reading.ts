import type { KeycloakDirectory } from '../../../src/api/services/keycloak.ts'
import { dialer } from '../../../src/app/dialer.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { keycloakDriver } from '../../../src/directories/keycloak/driver.ts'
import type { DirectoryDriver } from '../../../src/ports/directory.ts'
import type { ContractGroup, ContractPerson } from '../../contract/directory.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { CLIENT, CLIENT_SECRET, type Realm, type Representation } from '../../peers/keycloak.ts'

/** A driver for a realm on this machine, which does not pause between tries; each part may be another. */
export const driverFor = (
  url: string,
  realm: Pick<Realm, 'name'>,
  more: { spec?: Partial<KeycloakDirectory>; secret?: string; hosts?: string[]; ca?: string } = {},
): DirectoryDriver =>
  keycloakDriver({
    spec: {
      url,
      realm: realm.name,
      clientId: CLIENT,
      clientSecretRef: { name: 'keycloak', key: 'secret' },
      ...more.spec,
    },
    dialer: dialer({ allowPrivate: ['*'] }),
    clock: systemClock(),
    limits: {},
    secret: async () => ({ value: more.secret ?? CLIENT_SECRET, hosts: more.hosts ?? ['localhost', '127.0.0.1'] }),
    ca: async () => ({ value: more.ca ?? LOCALHOST_CERTIFICATE, hosts: [] }),
    random: () => 0,
  })

/** What a realm is filled with; the name of a group is its way from the top. */
export const realmOf = (people: readonly ContractPerson[], groups: readonly ContractGroup[]): Representation => {
  const beneath = (above: string): Representation[] =>
    groups
      .filter(({ name }) => name.startsWith(above) && !name.slice(above.length).includes('/'))
      .map(({ name }) => ({ name: name.slice(above.length), subGroups: beneath(`${name}/`) }))
  return {
    users: people.map(person => ({
      username: person.login,
      email: person.email,
      firstName: person.givenName,
      lastName: person.familyName,
      enabled: person.disabled !== true,
      groups: groups.filter(({ users }) => users.includes(person.login)).map(({ name }) => `/${name}`),
    })),
    groups: beneath(''),
  }
}
