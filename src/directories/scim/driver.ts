import type { ScimDirectory } from '../../api/services/scim.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Dialer } from '../../ports/dialer.ts'
import type { DirectoryDriver } from '../../ports/directory.ts'
import type { Secret } from '../../ports/secrets.ts'
import { secretFor } from '../audience.ts'
import { type ServiceClientOptions, serviceClient } from '../client.ts'
import { endedCheck, endedRead, type Tally } from '../ended.ts'
import { checkService } from './check.ts'
import { profiles } from './profile.ts'
import { readEverything } from './reading.ts'
import { type Service, serviceOf } from './service.ts'

export interface ScimOptions {
  /** The block of the Directory. */
  readonly spec: ScimDirectory
  readonly dialer: Dialer
  readonly clock: Clock
  readonly limits: ServiceClientOptions['limits']
  /** Asked for at each read, and once more when it is refused. */
  readonly token: () => Promise<Secret>
  /** PEM of the authority that signed the certificate of the service; undefined: those that this computer trusts. */
  readonly ca?: () => Promise<Secret>
  /** From 0 to 1, for the pauses between tries. */
  readonly random?: () => number
}

/** Reads a service that speaks SCIM 2.0. */
export const scimDriver = (options: ScimOptions): DirectoryDriver => {
  const { spec, dialer, clock, limits, token, ca, random } = options
  let sent: string | undefined
  const open = () =>
    serviceClient({
      base: spec.url,
      dialer,
      clock,
      limits,
      authorize: async () => {
        sent = await secretFor(spec.url, token, 'tokenSecretRef')
        return { authorization: `Bearer ${sent}` }
      },
      ...(ca && { ca }),
      ...(random && { random }),
    })
  let client: ReturnType<typeof open> | undefined
  const service = (signal: AbortSignal, tally: Tally): Service => {
    // Made at the first read: a url that is none is trouble of the directory.
    client ??= open()
    return serviceOf({ session: client.session({ signal, tally }), host: client.host, secret: () => sent })
  }

  const groups = spec.groups !== undefined
  return {
    capabilities: {
      groups,
      nestedGroups: groups,
      disabled: true,
      counts: !profiles[spec.profile ?? 'Standard'].cursor,
    },
    read: async ({ signal, take }) => {
      const tally = { requests: 0 }
      return await endedRead({ signal, take }, tally, told =>
        readEverything({ service: service(signal, tally), spec, take: told }),
      )
    },
    check: async ({ signal }) => await endedCheck(signal, () => checkService(service(signal, { requests: 0 }), spec)),
    close: async () => {
      await client?.close()
    },
  }
}
