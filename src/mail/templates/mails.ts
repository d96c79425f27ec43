import type { HeldInvitations, HeldRemovals, StaleDirectory } from '../../ports/composer.ts'

/** What each mail is made of. Times are RFC 3339; names and texts come as they are in the resources: making them harmless is this room's work. */

export interface MailOrganization {
  /** `displayName`, else the name. */
  name: string
  customerId?: string
  /** `portal.productName`, else the name. */
  product: string
  /** IANA name, in which times are shown; `UTC` when absent. */
  timeZone?: string
  /** Support contacts. */
  contacts?: readonly { name: string; email?: string; phone?: string }[]
  privacyUrl?: string
}

interface ToPerson {
  organization: MailOrganization
  /** Whom it is for: the invited address. */
  address: string
  /** How the person is called, where that is known. */
  person?: string
}

/** Somebody is asked to join. Also for a link that is sent anew. */
export interface InvitationMail extends ToPerson {
  /** Who invites; only somebody who is authenticated, or may invite here. */
  inviter?: string
  /** Roles as people see them. Empty: joining without a role. */
  roles: readonly string[]
  validUntil: string
  /** The page of the invitation, with its token. */
  link: string
  /** What the inviter wrote. Shown as a quotation, at most 1,000 characters. */
  message?: string
  /** There were links before this one, and they no longer work. */
  renewed?: boolean
}

/** Somebody has an account (`join: Account`): how to sign in, and a link to set a password. */
export interface AccountCreatedMail extends ToPerson {
  inviter?: string
  roles: readonly string[]
  validUntil: string
  /** The page where the password is set, with its token. */
  link: string
  signInUrl: string
  renewed?: boolean
}

/** Somebody joined: an overview. */
export interface WelcomeMail extends ToPerson {
  /** Empty: restricted. */
  roles: readonly { name: string; description?: string }[]
  /** Where the product is; the button. The portal when absent. */
  homeUrl?: string
  /** The person's page in the portal. */
  portalUrl: string
  /** Links and documents of the organization. */
  links?: readonly { title: string; url: string }[]
  /** Products of which the person has a seat. */
  licenses?: readonly string[]
}

/** Licence keys of one product. */
export interface LicenseKeysMail extends ToPerson {
  licenseProduct: string
  keys: readonly string[]
  homeUrl?: string
}

/** To an admin: an invitation needs somebody. */
export interface AdminNoticeMail {
  organization: MailOrganization
  /** Whom this mail is for. */
  address: string
  /** Whom the invitation was for. */
  invited: { address: string; name?: string }
  inviter?: string
  roles: readonly string[]
  /** `Invitation/carol-partner`, for the command line. */
  resource: string
  /** `users/carol.yaml:3`, where it was declared in a file. */
  declaredAt?: string
  /** How often it was sent. */
  attempts: number
  time: string
  /** What the mail server answered, or that nobody accepted. */
  response?: string
}

interface ToAdmin {
  organization: MailOrganization
  /** Name of the Organization, for the command line. */
  organizationName: string
  /** Whom this mail is for. */
  address: string
}

/** To an admin: what an edit takes from people is held until somebody approves it. */
export interface RemovalsHeldMail extends ToAdmin {
  held: HeldRemovals
}

/** To an admin: more is to be mailed than one inviter may send, and waits until somebody approves it. */
export interface InvitationsHeldMail extends ToAdmin {
  held: HeldInvitations
}

/** To an admin: nothing complete was read from a directory for long. */
export interface DirectoryStaleMail extends ToAdmin {
  directory: StaleDirectory
}

export interface MailData {
  invitation: InvitationMail
  accountCreated: AccountCreatedMail
  welcome: WelcomeMail
  licenseKeys: LicenseKeysMail
  invitationFailed: AdminNoticeMail
  invitationGaveUp: AdminNoticeMail
  removalsHeld: RemovalsHeldMail
  invitationsHeld: InvitationsHeldMail
  directoryStale: DirectoryStaleMail
}

export type MailTemplate = keyof MailData
