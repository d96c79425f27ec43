import type { FoundGroup, FoundUser, ReadOutcome } from '../api/found.ts'

export type { FoundGroup, FoundUser, ReadOutcome }

/** Part of a snapshot, as one page of the service holds it. Nobody comes twice. */
export interface FoundPage {
  readonly users?: readonly FoundUser[]
  readonly groups?: readonly FoundGroup[]
}

/** What a driver can do at all, whatever the service behind it allows us. */
export interface Capabilities {
  /** Whether it reads groups. */
  readonly groups: boolean
  /** Whether groups may hold groups. */
  readonly nestedGroups: boolean
  /** Whether it sees that an account is disabled. */
  readonly disabled: boolean
  /** Whether the service tells how many there are, so that a read that lacks some is noticed. */
  readonly counts: boolean
}

/** What a connection was found to be good for. */
export interface DirectoryCheck {
  /** The server and what it says it is, for people: `ldaps://ldap.acme.example, OpenLDAP`. */
  readonly server: string
  /** Rights that were tried, one sentence each. */
  readonly rights: readonly { readonly held: boolean; readonly what: string }[]
}

/**
 * Reads one connected service. Trouble of the service is an outcome, never an exception; only an abort is thrown.
 * Reads go page by page, each with a deadline of its own, in a number of requests that grows with the pages and not with the people.
 */
export interface DirectoryDriver {
  readonly capabilities: Capabilities
  /**
   * Everything that is there now.
   * @param options.take given one page after the other as they come; a driver reads one page ahead at most while it is under way
   * @returns how it ended, and how many requests it took
   * @throws the signal's reason once it aborts
   */
  read(options: {
    signal: AbortSignal
    take: (page: FoundPage) => Promise<void> | void
  }): Promise<ReadOutcome & { requests: number }>
  /** Connects and looks, and changes nothing. */
  check(options: { signal: AbortSignal }): Promise<DirectoryCheck | Exclude<ReadOutcome, { outcome: 'Complete' }>>
  /** Ends what is open to the service. */
  close(): Promise<void>
}
