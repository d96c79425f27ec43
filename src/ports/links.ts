/** What an invitation link says and is bound to. */
export interface InvitationLink {
  /** Name of the Membership. */
  membership: string
  /** Number of the attempt. */
  attempt: number
  /** Random text kept in the Membership. */
  nonce: string
  /** Normalized address. */
  address: string
  /** RFC 3339. */
  expirationTime: string
}

/** Signs and checks the links of mails. The same link always gives the same token, so that a mail that is sent again carries the same one. */
export interface LinkSigner {
  /** The whole URL for a mail: `<public URL>/invitations/<token>`. */
  invitationUrl(link: InvitationLink): string
  /** The public URL without a path, for other links. */
  readonly publicUrl: string
}
