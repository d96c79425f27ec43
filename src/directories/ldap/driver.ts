import type { DirectoryDriver, ReadOutcome } from '../../ports/directory.ts'
import { checkServer } from './check.ts'
import type { Connection } from './connection.ts'
import { readEverything } from './reading.ts'
import { type LdapOptions, openSession, type Session } from './session.ts'
import { type Lack, LdapTrouble, lackOf } from './trouble.ts'

/** Reads an LDAP server. One connection for each read or check, gone at its end. */
export const ldapDriver = (options: LdapOptions): DirectoryDriver => {
  const open = new Set<Connection>()
  let closed = false

  const inSession = async <Value>(
    signal: AbortSignal,
    tally: { requests: number },
    work: (session: Session) => Promise<Value>,
  ): Promise<Value> => {
    if (closed) throw new LdapTrouble('Unreachable', 'the directory was closed')
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
      let told = false
      const ended = (lack: Lack): ReadOutcome => ({ outcome: told ? 'Partial' : 'Failed', ...lack })
      try {
        const lack = await inSession(signal, tally, session =>
          readEverything({
            session,
            spec: options.spec,
            take: async page => {
              told = true
              await take(page)
              signal.throwIfAborted()
            },
          }),
        )
        return { ...(lack ? ended(lack) : { outcome: 'Complete' as const }), ...tally }
      } catch (error) {
        signal.throwIfAborted()
        const lack = lackOf(error)
        if (!lack) throw error
        return { ...ended(lack), ...tally }
      }
    },
    check: async ({ signal }) => {
      try {
        return await inSession(signal, { requests: 0 }, session => checkServer(session, options.spec))
      } catch (error) {
        signal.throwIfAborted()
        const lack = lackOf(error)
        if (!lack) throw error
        return { outcome: 'Failed', ...lack }
      }
    },
    close: async () => {
      closed = true
      for (const connection of open) connection.close()
      open.clear()
    },
  }
}
