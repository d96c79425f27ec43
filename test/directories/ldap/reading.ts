import type { LdapDirectory } from '../../../src/api/services/ldap.ts'
import { dialer } from '../../../src/app/dialer.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { ldapDriver } from '../../../src/directories/ldap/driver.ts'
import type { DirectoryDriver } from '../../../src/ports/directory.ts'
import type { ContractGroup, ContractPerson } from '../../contract/directory.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { escapeDn, GROUPS, type Ldif, PASSWORD, PEOPLE, READER } from '../../peers/slapd.ts'

/** A driver for a server on this machine, as its reader; each part may be another. */
export const driverFor = (
  url: string,
  more: {
    spec?: Partial<LdapDirectory>
    password?: string
    hosts?: string[]
    ca?: string
    anonymous?: boolean
  } = {},
): DirectoryDriver =>
  ldapDriver({
    spec: {
      url,
      ...(more.anonymous ? {} : { bindDn: READER, passwordSecretRef: { name: 'ldap', key: 'password' } }),
      users: { base: PEOPLE },
      groups: { base: GROUPS },
      ...more.spec,
    },
    dialer: dialer({ allowPrivate: ['*'] }),
    ...(more.anonymous
      ? {}
      : {
          password: async () => ({ value: more.password ?? PASSWORD, hosts: more.hosts ?? ['localhost', '127.0.0.1'] }),
        }),
    ca: async () => ({ value: more.ca ?? LOCALHOST_CERTIFICATE, hosts: [] }),
    clock: systemClock(),
  })

export const personDn = (login: string): string => `uid=${escapeDn(login)},${PEOPLE}`
export const groupDn = (name: string): string => `cn=${escapeDn(name)},${GROUPS}`

export const personEntry = (person: ContractPerson): Ldif => [
  personDn(person.login),
  {
    objectClass: 'inetOrgPerson',
    uid: person.login,
    cn: person.displayName ?? person.login,
    sn: person.familyName,
    ...(person.givenName === undefined ? {} : { givenName: person.givenName }),
    ...(person.email === undefined ? {} : { mail: person.email }),
    ...(person.disabled ? { pwdAccountLockedTime: '000001010000Z' } : {}),
  },
]

/** The reader stands in each, since no group of LDAP is empty; it is not among the people. */
export const groupEntry = (group: ContractGroup): Ldif => [
  groupDn(group.name),
  {
    objectClass: 'groupOfNames',
    cn: group.name,
    member: [READER, ...group.users.map(personDn), ...group.groups.map(groupDn)],
  },
]
