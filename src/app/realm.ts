import type { Writable } from 'node:stream'
import type { LostKey } from '../accounts/keycheck.ts'
import type { Keys } from '../accounts/keys.ts'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import type { AuditEntry, AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'
import type { MissingRights } from '../ports/rights.ts'
import type { SecretReader } from '../ports/secrets.ts'
import type { ResourceStore } from '../store/store.ts'
import type { DataPaths } from './paths.ts'
import type { Settings } from './settings.ts'

/** There is no store where one is expected. */
export class NoStoreError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'ReferenceNotFound'
  readonly remedy =
    'Name the right place (--data, or --namespace with --kubernetes), or make one with roster run or roster apply'
}

/** What every verb that works on a store has in hand, wherever resources live. */
export interface Realm extends AsyncDisposable {
  readonly settings: Settings
  /** Where it lives, for people: `the store .roster`, `namespace people of https://10.0.0.1:6443`. */
  readonly place: string
  /** There is no store yet: it reads as an empty one. Only for plans. */
  readonly absent?: true
  /** What this process keeps in files of its own. */
  readonly paths: DataPaths
  readonly clock: Clock
  readonly store: ResourceStore
  readonly audit: AuditLog
  readonly secrets: SecretReader
  /** `local/<os user>`: the field manager and actor of who typed the command. */
  readonly actor: string
  /** Host and process, as the lease shows its holder. */
  readonly holder: string
  /** Whether several processes share the realm: one leads, the others serve people and stand by. */
  readonly replicated: boolean
  /** The rights that the cluster refused us; none where there is no cluster. */
  readonly rights?: MissingRights
  /**
   * Holds the clock to the last time that the realm remembers. Done by opening, except where that is patient: before then the clock judges nothing.
   * @returns that time: when the loop is known to have run last
   */
  catchUp(): Promise<string | undefined>
  /** Passwords and sessions. Whoever opens them closes them. */
  credentials(): Promise<CredentialStore>
  /** Makes those that are missing, unless somebody else provides them. @throws KeysLostError */
  keys(): Promise<Keys>
  /** Keys that this realm used and that are gone. Makes none. */
  lostKeys(): Promise<readonly LostKey[]>
  /** Goes on with the keys that are there, and makes those of which there is none. */
  acceptKeys(): Promise<Keys>
  /** Recognizes licence keys, where a key for it was made; makes none. */
  fingerprint(): Promise<Keys['fingerprint'] | undefined>
}

export interface RealmOptions {
  settings: Settings
  environment: NodeJS.ProcessEnv
  /** Makes the store where there is none. */
  create: boolean
  /** Opens a realm in a cluster also while it is being restored: for who finishes that, or gives it up. */
  restoring?: boolean
  /** Asks nothing of a cluster yet: for who waits for one that is away. */
  patient?: boolean
  /** Where lines of the audit trail go that the settings want on standard output; standard error when absent: there a command prints what was asked for. */
  auditStream?: Writable
  /** Told of each audit line that was written. */
  onAudit?: (entry: AuditEntry) => void
}

/** Who this process is. */
export type Self = Pick<Realm, 'actor' | 'holder'>
