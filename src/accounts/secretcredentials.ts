import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import type { CredentialStore, Session, Ticket } from '../ports/credentials.ts'
import type { SecretObjects } from '../ports/secretobjects.ts'
import type { Key } from './keyring.ts'
import { type Entries, SealedSecrets } from './sealedsecrets.ts'
import { sealingWith } from './sealing.ts'
import { Shards } from './secretshards.ts'

/** More than so many events of one key are not written down; they are over every limit anyway. */
const MOST_EVENTS = 1000
/** Sessions of one account at most; the next one ends the one that would end first. */
const MOST_SESSIONS = 64

/** What is kept of an account was not sealed by this realm, or for another account. Nobody signs in with it. */
export class CredentialsTamperedError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
  constructor({ namespace }: SecretObjects, secret: string) {
    super(
      `what the Secret ${secret} in the namespace ${namespace} holds was not sealed with a key of this realm for this account; put back the realm's keys, or delete that Secret: its person has no password then, and \`roster sign-in-link\` lets them in`,
    )
  }
}

/**
 * The credential store in Secrets of a namespace of its own, sealed with the realm's key, found by name and never listed: one Secret an account with its password and the list of its sessions,
 * and 256 each for sessions, tickets and counts. Several replicas may use it at the same time.
 * @param options.keys the newest last; it seals
 */
export const secretCredentials = (options: { objects: SecretObjects; keys: readonly Key[] }): CredentialStore => {
  const secrets = new SealedSecrets({ objects: options.objects, sealing: sealingWith(options.keys) })
  const sessions = new Shards<Session>(secrets, 'sessions')
  const tickets = new Shards<Ticket>(secrets, 'tickets')
  const counts = new Shards<number[]>(secrets, 'tries')
  /** The highest time that was heard of: what is over by then is given to nobody. */
  let heard = 0
  const hear = (time: string): number => {
    heard = Math.max(heard, Date.parse(time))
    return heard
  }

  const entry = (account: string, entries: Entries, name: 'password' | 'sessions'): string | undefined => {
    const sealed = entries[name]
    if (sealed === undefined) return undefined
    const text = secrets.open(account, name, sealed)
    if (text === undefined) throw new CredentialsTamperedError(options.objects, account)
    return text
  }
  const passwordHash = async (account: string) => entry(account, await secrets.read(account), 'password')
  const setPassword = (account: string, hash: string, replace: boolean): Promise<boolean> =>
    secrets.change(account, entries => {
      // What cannot be opened is never replaced by who is new here: it may be somebody's.
      const before = replace ? undefined : entry(account, entries, 'password')
      if (before !== undefined) return { result: before === hash }
      return { after: { ...entries, password: secrets.seal(account, 'password', hash) }, result: true }
    })

  const listOf = (account: string, entries: Entries): Listed[] => {
    const text = entries['sessions'] === undefined ? undefined : secrets.open(account, 'sessions', entries['sessions'])
    return text === undefined ? [] : (JSON.parse(text) as Listed[])
  }
  const changeList = (account: string, change: (before: Listed[]) => Listed[]): Promise<void> =>
    secrets.change(account, entries => {
      const before = listOf(account, entries)
      const after = change(before)
      if (JSON.stringify(after) === JSON.stringify(before)) return { result: undefined }
      const { sessions: _, ...rest } = entries
      const listed = after.length === 0 ? {} : { sessions: secrets.seal(account, 'sessions', JSON.stringify(after)) }
      return { after: { ...rest, ...listed }, result: undefined }
    })
  const drop = (hash: string): Promise<boolean> =>
    sessions.change(hash, heard, before => ({
      ...(before && { to: 'nothing' as const }),
      result: before !== undefined,
    }))

  return {
    hasCredential: async account => (await passwordHash(account)) !== undefined,
    passwordHash,
    insertPassword: (account, hash) => setPassword(account, hash, false),
    replacePassword: async (account, hash) => void (await setPassword(account, hash, true)),

    createSession: async session => {
      const now = hear(session.created)
      const expires = Date.parse(session.expires)
      // Before it is listed: whoever ends all sessions meanwhile ends those before this one, and after it this one too.
      await sessions.change(session.hash, now, () => ({ to: { value: session, expires }, result: undefined }))
      let dropped: Listed[] = []
      await changeList(session.account, before => {
        const living = [...before.filter(one => one.expires > now), { hash: session.hash, expires }]
        const kept = living.sort((a, b) => a.expires - b.expires).slice(-MOST_SESSIONS)
        dropped = living.filter(one => !kept.includes(one))
        return kept
      })
      for (const { hash } of dropped) await drop(hash)
    },
    session: async hash => {
      const found = await sessions.get(hash)
      return found && found.expires > heard ? found.value : undefined
    },
    touchSession: (hash, lastSeen) =>
      sessions.change(hash, hear(lastSeen), before => ({
        ...(before &&
          before.lastSeen < lastSeen && {
            to: { value: { ...before, lastSeen }, expires: Date.parse(before.expires) },
          }),
        result: undefined,
      })),
    endSession: async hash => void (await drop(hash)),
    endSessions: async account => {
      const listed = listOf(account, await secrets.read(account))
      const ended = await Promise.all(listed.map(({ hash }) => drop(hash)))
      const hashes = new Set(listed.map(({ hash }) => hash))
      // Only now, and only those: what a crash leaves here is ended the next time.
      await changeList(account, before => before.filter(({ hash }) => !hashes.has(hash)))
      return ended.filter(Boolean).length
    },

    createTicket: ticket =>
      tickets.change(ticket.hash, heard, () => ({
        to: { value: ticket, expires: Date.parse(ticket.expires) },
        result: undefined,
      })),
    takeTicket: (hash, now) =>
      tickets.change(hash, hear(now), before => ({
        ...(before && { to: 'nothing' as const }),
        result: before && Date.parse(before.expires) > Date.parse(now) ? before : undefined,
      })),

    count: (key, now, windowSeconds) => {
      const time = Date.parse(now)
      const begin = time - windowSeconds * 1000
      hear(now)
      return counts.change(key, time, before => {
        const times = (before ?? []).filter(one => one > begin)
        const result = times.length + 1
        if (times.length >= MOST_EVENTS) return { result }
        return { to: { value: [...times, time], expires: time + windowSeconds * 1000 }, result }
      })
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

/** A session in the list of its account. */
interface Listed {
  hash: string
  /** Milliseconds since 1970. */
  expires: number
}
