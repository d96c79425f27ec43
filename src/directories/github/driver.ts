import type { DirectoryDriver } from '../../ports/directory.ts'
import type { ServiceClient } from '../client.ts'
import { endedCheck, endedRead } from '../ended.ts'
import { ServiceTrouble } from '../trouble.ts'
import { checkOrganization } from './check.ts'
import { readEverything } from './reading.ts'
import { type GithubOptions, githubClient, openSession } from './session.ts'

/**
 * Reads an organization on GitHub. Members, teams and who is in them come over GraphQL: its cursors do not skip anybody when a list moves, it counts, and
 * it tells of hundreds of people and dozens of teams at once, where REST takes three requests a team; what it does not hold (outside collaborators,
 * invitations) comes over REST. One client for all reads, so that they share one budget.
 */
export const githubDriver = (options: GithubOptions): DirectoryDriver => {
  let client: ServiceClient | undefined
  let closed = false
  // Not at once: an address that is none is trouble of a read, and no exception of whoever opens a driver.
  const opened = (): ServiceClient => {
    if (closed) throw new ServiceTrouble('Unreachable', 'the directory was closed')
    client ??= githubClient(options)
    return client
  }
  return {
    capabilities: { groups: true, nestedGroups: true, disabled: false, counts: true },
    read: async ({ signal, take }) => {
      const tally = { requests: 0 }
      const stopped = new AbortController()
      const either = AbortSignal.any([signal, stopped.signal])
      let last: Promise<void> = Promise.resolve()
      return await endedRead({ signal, take }, tally, told =>
        readEverything(openSession(opened(), options, { signal: either, tally }), {
          stop: () => stopped.abort(),
          // Lists are read beside each other, and told one after the other.
          take: page => {
            last = last.then(() => told(page))
            return last
          },
        }),
      )
    },
    check: async ({ signal }) =>
      await endedCheck(signal, async () =>
        checkOrganization(openSession(opened(), options, { signal, tally: { requests: 0 } })),
      ),
    close: async () => {
      closed = true
      await client?.close()
    },
  }
}
