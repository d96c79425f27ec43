import type { DirectoryDriver } from '../../ports/directory.ts'
import type { ServiceClient } from '../client.ts'
import { endedCheck, endedRead } from '../ended.ts'
import { ServiceTrouble } from '../trouble.ts'
import { checkServer } from './check.ts'
import { readEverything } from './reading.ts'
import { type KeycloakOptions, keycloakClient, sessionOf } from './session.ts'

/** Reads a realm of Keycloak, or one of its organizations, by the admin API. Each read or check has a token of its own. */
export const keycloakDriver = (options: KeycloakOptions): DirectoryDriver => {
  const { spec } = options
  let client: ServiceClient | undefined
  let closed = false
  const opened = () => {
    if (closed) throw new ServiceTrouble('Unreachable', 'the directory was closed')
    client ??= keycloakClient(options)
    return client
  }
  return {
    capabilities: { groups: true, nestedGroups: true, disabled: true, counts: true },
    read: async ({ signal, take }) => {
      const tally = { requests: 0 }
      return await endedRead({ signal, take }, tally, async told =>
        readEverything({ session: sessionOf(opened(), options, { signal, tally }), spec, take: told }),
      )
    },
    check: async ({ signal }) =>
      await endedCheck(signal, async () =>
        checkServer(sessionOf(opened(), options, { signal, tally: { requests: 0 } }), spec),
      ),
    close: async () => {
      closed = true
      await client?.close()
    },
  }
}
