import type { MailAddress, OutgoingMail } from './mailer.ts'

/** Facts of the organization that every mail shows. */
export interface MailOrganization {
  name: string
  displayName: string
  customerId?: string
  productName: string
  homeUrl?: string
  privacyUrl?: string
  /** IANA */
  timeZone: string
  supportContacts: { name: string; email?: string; phone?: string }[]
  links: { title: string; url: string; type: 'Link' | 'Document' }[]
}

/** What every mail has. */
export interface MailBasics {
  /** Deterministic, see `decide/record-names`. */
  messageId: string
  /** RFC 3339, the `Date` header: when the mail was claimed. */
  date: string
  to: MailAddress
  /** Sender of the organization; absent: the controller's own. */
  from?: MailAddress
  replyTo?: MailAddress
  /** Wishes, best first: the person's language, the organization's. */
  languages: readonly string[]
  organization: MailOrganization
  /** How the person is greeted. */
  person: { givenName?: string; displayName?: string; address: string }
  /** The organization's own paragraph in Liquid, in place of ours. */
  paragraph?: string
}

export interface InvitationFacts extends MailBasics {
  url: string
  expirationTime: string
  /** There were links before this one, and they no longer work. */
  renewed?: boolean
  /** Only where authenticated. */
  inviter?: { name: string; address?: string }
  roles: { name: string; displayName: string; description?: string }[]
  /** Words of the inviter, shown as a quotation. */
  message?: string
}
export interface AccountCreatedFacts extends MailBasics {
  /** Sets the first password. */
  url: string
  expirationTime: string
  signInUrl: string
  roles: { name: string; displayName: string; description?: string }[]
}
export interface WelcomeFacts extends MailBasics {
  roles: { name: string; displayName: string; description?: string }[]
  licenses: { product: string; quantity: number }[]
  /** The page of the portal with what one has. */
  portalUrl: string
}
export interface LicenseKeysFacts extends MailBasics {
  product: string
  keys: string[]
}
export interface AdminNoticeFacts extends MailBasics {
  notice: 'InvitationFailed' | 'InvitationGaveUp'
  /** Who was invited. */
  invited: { address: string; displayName?: string }
  /** Roles that the invitation carries. */
  roles: { name: string; displayName: string; description?: string }[]
  /** `Invitation/carol`, for the command line. */
  resource: string
  attempts: number
  /** RFC 3339: when it was last tried. */
  time: string
  inviter?: { name: string; address?: string }
  /** What the mail server said. */
  response?: string
  /** `users/carol.yaml:3`, where known. */
  declaredAt?: string
}

/** What waits for an Approval, whatever it is. */
export interface Held {
  /** `source/people`; absent: edits by hand. */
  producer?: string
  /** How many people it concerns. */
  people: number
  /** RFC 3339: since when it is held. */
  time: string
  /** `RemovalSet/acme.4jx2…`, for the command line. */
  resource: string
}
export interface HeldRemovals extends Held {
  /** The first of those who would lose something, by name. */
  losses: readonly {
    name: string
    membership: boolean
    suspended: boolean
    roles: readonly string[]
    groups: readonly string[]
  }[]
  /** What holds it; absent where that is not known. */
  reason?: 'Budget' | 'Protected' | 'MinAdmins'
}
export interface HeldInvitations extends Held {
  /** The first of those who are not invited yet, by name. */
  invited: readonly string[]
}
export interface RemovalsHeldFacts extends MailBasics {
  held: HeldRemovals
}
export interface InvitationsHeldFacts extends MailBasics {
  held: HeldInvitations
}

/** A directory of which nothing complete was read for long. */
export interface StaleDirectory {
  name: string
  /** Of its service, as `LDAP`. */
  type: string
  /** RFC 3339: the last complete read; absent: never. */
  since?: string
  /** How the last read ended. */
  problem?: string
  /** `Directory/hr`, for the command line. */
  resource: string
  /** `directories/hr.yaml:3`, where known. */
  declaredAt?: string
}
export interface DirectoryStaleFacts extends MailBasics {
  directory: StaleDirectory
}

/** Turns facts into a mail. Pure: the same facts give the same mail, byte for byte. */
export interface MailComposer {
  invitation(facts: InvitationFacts): OutgoingMail
  accountCreated(facts: AccountCreatedFacts): OutgoingMail
  welcome(facts: WelcomeFacts): OutgoingMail
  licenseKeys(facts: LicenseKeysFacts): OutgoingMail
  adminNotice(facts: AdminNoticeFacts): OutgoingMail
  removalsHeld(facts: RemovalsHeldFacts): OutgoingMail
  invitationsHeld(facts: InvitationsHeldFacts): OutgoingMail
  directoryStale(facts: DirectoryStaleFacts): OutgoingMail
}
