import type { Account } from '../api/account.ts'
import type { DirectoryRecord, DirectoryRecordSpec } from '../api/directoryrecord.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import type { DeclaredKind } from '../api/names.ts'
import type { RemovalSet, RemovalSetSpec } from '../api/removalset.ts'
import type { ObjectRef } from '../api/resource.ts'
import type { SeatLedger, SeatLedgerSpec } from '../api/seatledger.ts'
import type { OutgoingMail } from '../ports/mailer.ts'
import type { NewObject } from '../store/store.ts'
import type { Change } from './change.ts'
import type { Permit } from './permit.ts'

/**
 * The only way in which reconcilers act on the world or on records. `live` does the thing and writes the audit trail;
 * `planned` notes the {@link Change}, holds no mail connection, and writes only to the overlay it was given.
 * Methods that take something from somebody need a {@link Permit}.
 */
export interface Effects {
  /**
   * Sends one mail at most once, as far as mail can: claim by compare-and-swap → audit line → transport → outcome by compare-and-swap → audit line.
   * A claim that is lost to another process is {@link MailResult} `lost`: read again and decide anew.
   */
  mail<R extends MailKeeper>(act: MailAct<R>): Promise<MailResult<R>>
  /** Until when no mail need be claimed, because the whole mail server is out of reach: the Clock's milliseconds; 0 where it is not known to be. */
  mailHeldUntil(): number

  /** Makes a Membership that does not exist yet. Gives the existing one back when it was made meanwhile. */
  createMembership(name: string, spec: MembershipSpec, what: Explained): Promise<Membership>
  /** Writes a Membership anew: series, claims withdrawn, gains, what was seen. Takes nothing: `settled` may only grow, `ended` is not set. @throws ConflictError; Error when it would take something */
  updateMembership(before: Membership, spec: MembershipSpec, what: Explained): Promise<Membership>
  /** Like {@link updateMembership}, and may take: `settled` shrinks, `ended` is set. */
  takeAccess(before: Membership, spec: MembershipSpec, permit: Permit, what: Explained): Promise<Membership>

  /** `join: Account`: makes the Account that the person will sign in with once its set-up link was used. Gives the existing one back. */
  createAccount(name: string, spec: Account['spec'], what: Explained): Promise<Account>

  /** Writes one page of seats, with its version (`undefined`: a new page). Seats that go from one holder to nobody need no permit: seats follow access. */
  writeSeats(
    page: { name: string; before: SeatLedger | undefined; spec: SeatLedgerSpec },
    what: Explained,
  ): Promise<SeatLedger>

  /** Writes a set of removals, with its version (`before: undefined`: a new one), or removes it (`spec: undefined`). It takes nothing by itself: see `reconcilers/permits.ts`. */
  writeRemovalSet(
    set: { name: string; before: RemovalSet | undefined; spec: RemovalSetSpec | undefined },
    what: Explained,
  ): Promise<void>

  /** Writes down what a directory says of somebody, with its version (`before: undefined`: a new record), or forgets it (`spec: undefined`). Gives and takes nothing by itself. */
  writeDirectoryRecord(
    record: { name: string; before: DirectoryRecord | undefined; spec: DirectoryRecordSpec | undefined },
    what: Explained,
  ): Promise<void>

  /** Makes a resource that Roster itself wants: a generated Invitation or User. */
  createGenerated<K extends DeclaredKind>(object: NewObject<K>, what: Explained): Promise<void>
  /** Brings the spec of a generated resource up to date. */
  updateGenerated<K extends DeclaredKind>(
    object: NewObject<K>,
    options: { ifUid: string },
    what: Explained,
  ): Promise<void>
  /** Removes a generated resource, or a finished Invitation: nobody loses anything by it. */
  removeGenerated(ref: ObjectRef<DeclaredKind> & { uid: string }, what: Explained): Promise<void>
}

/** Whose change it is and why, for the audit trail and the plan. */
export interface Explained {
  actor: string
  because: string
  organization?: string
  /** What `plan` shows, where the write is a consequence for a person; none: a write that only remembers. */
  changes?: Change[]
}

/** A record in which mails are claimed: of a person, or the open RemovalSet of an organization. */
export type MailKeeper = Membership | RemovalSet

/** Where in a record the intent of one mail stands. */
export type MailSlot = { in: 'attempts'; number: number } | { in: 'mails'; key: string }

export interface MailAct<R extends MailKeeper = Membership> {
  /** The record as read; the claim is a compare-and-swap on it. */
  record: R
  /** The record with the claim in it: an attempt or mail with `claimedTime`, `epoch`, `deadline`, `tries` and no outcome. */
  claimed: R['spec']
  slot: MailSlot
  /** Called only after the claim holds, and again with the same values on a retry: the same claim composes the same mail, byte for byte. */
  compose: (record: R) => Promise<OutgoingMail>
  explained: Explained
}

export type MailResult<R extends MailKeeper = Membership> =
  /** Sent or not, the record says so; `record` is as written. */
  | { is: 'done'; record: R }
  /** Somebody else wrote the record first: nothing was sent. */
  | { is: 'lost' }
