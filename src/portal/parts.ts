import type { Keys } from '../accounts/keys.ts'
import type { Links } from '../accounts/links.ts'
import type { Passwords } from '../accounts/password.ts'
import type { Sessions } from '../accounts/sessions.ts'
import type { SignInLinks } from '../accounts/sign-in-links.ts'
import type { Tries } from '../accounts/tries.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Lookups } from './lookups.ts'
import type { Outbox } from './outbox.ts'
import type { People } from './people.ts'

/** What the pages are made of: one set a process. */
export interface Parts {
  store: ResourceStore
  lookups: Lookups
  people: People
  /** Settings in force; undefined for an organization that is not there. */
  settings(organization: string): OrganizationSettings | undefined
  credentials: CredentialStore
  keys: Keys
  links: Links
  passwords: Passwords
  sessions: Sessions
  signInLinks: SignInLinks
  tries: Tries
  clock: Clock
  audit: AuditLog
  /** Origin of the public URL: the only name the portal knows itself by. */
  publicUrl: string
  outbox: Outbox | undefined
  random: (size: number) => Buffer
  /** Work of one key, one after the other. */
  inLine<T>(key: string, work: () => Promise<T>): Promise<T>
}
