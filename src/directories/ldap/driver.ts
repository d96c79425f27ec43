import type { DirectoryDriver } from '../../ports/directory.ts'
import { endedCheck, endedRead, type Tally } from '../ended.ts'
import { ServiceTrouble } from '../trouble.ts'
import { checkServer } from './check.ts'
import type { Connection } from './connection.ts'
import { readEverything } from './reading.ts'
import { type LdapOptions, openSession, type Session } from './session.ts'

/** Reads an LDAP server. One connection for each read or check, gone at its end. */
export const ldapDriver = (options: LdapOptions): DirectoryDriver => {
  const open = new Set<Connection>()
  let closed = false

  const inSession = async <Value>(
    signal: AbortSignal,
    tally: Tally,
    work: (session: Session) => Promise<Value>,
  ): Promise<Value> => {
    if (closed) throw new ServiceTrouble('Unreachable', 'the directory was closed')
    let connection: Connection | undefined
    try {
      const onOpen = (opened: Connection) => {
        connection = opened
        open.add(opened)
      }
      return await work(await openSession({ ...options, signal, tally, onOpen }))
    } finally {
      if (connection) {
        open.delete(connection)
        connection.close()
      }
    }
  }

  return {
    capabilities: { groups: true, nestedGroups: true, disabled: true, counts: false },
    read: async ({ signal, take }) => {
      const tally = { requests: 0 }
      return await endedRead({ signal, take }, tally, told =>
        inSession(signal, tally, session => readEverything({ session, spec: options.spec, take: told })),
      )
    },
    check: async ({ signal }) =>
      await endedCheck(signal, () => inSession(signal, { requests: 0 }, session => checkServer(session, options.spec))),
    close: async () => {
      closed = true
      for (const connection of open) connection.close()
      open.clear()
    },
  }
}
