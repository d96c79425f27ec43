import type { ScimDirectory } from '../../../src/api/services/scim.ts'
import { dialer } from '../../../src/app/dialer.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { scimDriver } from '../../../src/directories/scim/driver.ts'
import type { DirectoryDriver } from '../../../src/ports/directory.ts'
import type { ContractPerson } from '../../contract/directory.ts'
import { type ScimResource, TOKEN } from '../../peers/scim.ts'

/** A driver for a service on this machine, which does not pause between tries; each part may be another. */
export const driverFor = (
  url: string,
  more: {
    spec?: Partial<ScimDirectory>
    token?: string
    hosts?: string[]
    ca?: string
    limits?: { perSecond?: number; concurrency?: number }
  } = {},
): DirectoryDriver =>
  scimDriver({
    spec: { url, tokenSecretRef: { name: 'scim', key: 'token' }, groups: {}, ...more.spec },
    dialer: dialer({ allowPrivate: ['*'] }),
    clock: systemClock(),
    limits: more.limits ?? {},
    token: async () => ({ value: more.token ?? TOKEN, hosts: more.hosts ?? ['localhost', '127.0.0.1'] }),
    ...(more.ca !== undefined && { ca: async () => ({ value: more.ca ?? '', hosts: [] }) }),
    random: () => 0,
  })

export const personResource = (person: ContractPerson): ScimResource => ({
  userName: person.login,
  name: { familyName: person.familyName, ...(person.givenName !== undefined && { givenName: person.givenName }) },
  ...(person.displayName !== undefined && { displayName: person.displayName }),
  ...(person.email !== undefined && { emails: [{ value: person.email, type: 'work', primary: true }] }),
  active: !person.disabled,
})
