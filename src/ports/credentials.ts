/** Where credentials live: password hashes, sessions, one-use tickets. In no resource, no export. */
export interface CredentialStore extends AsyncDisposable {
  /** Whether any way to sign in exists for this account. */
  hasCredential(account: string): Promise<boolean>
  /** Stores a password hash if there is none. @returns false when one is there already: nothing changed */
  insertPassword(account: string, hash: string): Promise<boolean>
  /** Replaces the password hash. */
  replacePassword(account: string, hash: string): Promise<void>
  passwordHash(account: string): Promise<string | undefined>

  createSession(session: Session): Promise<void>
  /** By the hash of its token; undefined when unknown. */
  session(hash: string): Promise<Session | undefined>
  touchSession(hash: string, lastSeen: string): Promise<void>
  endSession(hash: string): Promise<void>
  /** All of an account. @returns how many there were */
  endSessions(account: string): Promise<number>

  /** Something that works once: a sign-in link, a form's answer. */
  createTicket(ticket: Ticket): Promise<void>
  /** Takes it: the first caller gets it, everybody else undefined. Expired ones are never given. */
  takeTicket(hash: string, now: string): Promise<Ticket | undefined>

  /** Counts one event under a key and tells how many there were in the window that ends now: limits of tries per address and per client. */
  count(key: string, now: string, windowSeconds: number): Promise<number>
}

export interface Session {
  /** SHA-256 of the token, base64url. */
  hash: string
  account: string
  credentialVersion: number
  /** RFC 3339. */
  created: string
  lastSeen: string
  expires: string
  storeEpoch: number
}

export interface Ticket {
  hash: string
  purpose: 'sign-in-link'
  account: string
  expires: string
  storeEpoch: number
}
