import type { Reason } from './names.ts'

/** What somebody is in a service that tells people apart. */
export const RELATIONS = ['Owner', 'Member', 'OutsideCollaborator', 'Invited', 'InvitationFailed'] as const
export type Relation = (typeof RELATIONS)[number]

/** A person as a service tells of them. Nothing of it is checked: what comes from outside is judged by `decide/found.ts`. */
export interface FoundUser {
  /** The service's own id, which it never gives to anybody else and never changes: not the login, not an address, not a distinguished name. */
  readonly id: string
  /** The id that whoever fills the service has for the person (RFC 7643 section 3.1): no more than a claim. */
  readonly externalId?: string
  readonly login?: string
  /** The address that the service holds for the main one. */
  readonly email?: string
  readonly aliases?: readonly string[]
  readonly givenName?: string
  readonly familyName?: string
  readonly displayName?: string
  readonly locale?: string
  readonly relation?: Relation
  /** False: the account is disabled there, or whoever has it was only invited. */
  readonly active: boolean
}

/** A group as a service tells of it. Members that are neither people nor groups which the driver reads stand in neither list. */
export interface FoundGroup {
  readonly id: string
  readonly name: string
  readonly description?: string
  /** Ids of people who are members by themselves, each once. */
  readonly users: readonly string[]
  /** Ids of groups whose members are members here too, each once; they may form circles. */
  readonly groups: readonly string[]
  /** Ids of those among `users` who look after the group there. */
  readonly maintainers?: readonly string[]
}

/**
 * How a read ended. `Complete`: what was not told is not there. `Partial`: what was told is true, and what was not told may be there all the same.
 * `Failed`: nothing was told. Only `Complete` ever removes anything.
 */
export type ReadOutcome =
  | { readonly outcome: 'Complete' }
  | { readonly outcome: 'Partial' | 'Failed'; readonly reason: Reason; readonly message: string }
