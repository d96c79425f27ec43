import type { Attempt, MembershipSpec } from '../api/membership.ts'
import type { InvitationLink, LinkSigner } from '../ports/links.ts'
import type { Keys } from './keys.ts'
import { macOf, sameText } from './mac.ts'

/** What a token says, before anything of it is believed. */
export interface LinkToken {
  kid: string
  /** Name of the Membership. */
  membership: string
  attempt: number
  /** Milliseconds since 1970. */
  expiry: number
  mac: string
}

/**
 * What a link is worth.
 *
 * - `valid`: it may be used now.
 * - `dead`: it was made here for this record, and is no longer of use.
 * - `foreign`: it was not made here: another realm, another record, another key, or made up.
 */
export type LinkVerdict =
  | { is: 'valid'; attempt: Attempt }
  | { is: 'dead'; because: 'Withdrawn' | 'Replaced' | 'Expired' | 'Joined' | 'Declined' | 'Left' | 'Ended' }
  | { is: 'foreign' }

/** Makes the links of mails and judges them when they come back. */
export interface Links extends LinkSigner {
  /** @param now the portal's own clock, milliseconds */
  verify(token: LinkToken, membership: MembershipSpec, now: number): LinkVerdict
  /** As long as {@link Links.verify} takes, for a record that is not there. */
  verifyNothing(token: LinkToken): void
}

const TOKEN =
  /^v1\.([1-9][0-9]{0,3})\.(m-[a-z2-7]{26})\.([1-9][0-9]{0,6})\.([1-9a-z][0-9a-z]{0,9})\.([A-Za-z0-9_-]{43})$/

/** `v1.kid.id.attempt.expiry.mac`: cheap and strict, so that whatever else comes in an address costs nothing. */
export const parseToken = (text: string): LinkToken | undefined => {
  if (text.length > 120) return undefined
  const match = TOKEN.exec(text)
  if (!match) return undefined
  const [, kid = '', membership = '', attempt = '', expiry = '', mac = ''] = match
  return { kid, membership, attempt: Number(attempt), expiry: Number.parseInt(expiry, 36), mac }
}

/**
 * @param publicUrl scheme, host and port, as the portal serves from the root; a path is refused; every link begins with it
 * @param realm the store's random id: links of another store, or of one that was restored, are foreign
 */
export const createLinks = (options: { keys: Keys; publicUrl: string; realm: string }): Links => {
  const { keys, realm } = options
  const { origin: publicUrl, pathname } = new URL(options.publicUrl)
  if (pathname !== '/')
    throw new RangeError(`the public URL ${options.publicUrl} has a path; give the portal a host name of its own`)

  const sign = (
    secret: Buffer,
    link: { membership: string; attempt: number; nonce: string; address: string; expiry: number },
  ): string =>
    macOf(secret, [
      'roster invitation link v1',
      realm,
      link.membership,
      String(link.attempt),
      link.nonce,
      link.address,
      String(link.expiry),
    ])

  const isOurs = (token: LinkToken, membership: Pick<MembershipSpec, 'nonce' | 'address'>): boolean => {
    const key = keys.verifying('link', token.kid)
    const mac = sign((key ?? keys.signing('link')).secret, {
      ...token,
      nonce: membership.nonce,
      address: membership.address,
    })
    return sameText(mac, token.mac) && key !== undefined
  }

  return {
    publicUrl,
    invitationUrl: (link: InvitationLink) => {
      const { kid, secret } = keys.signing('link')
      const expiry = Date.parse(link.expirationTime)
      if (!Number.isSafeInteger(expiry) || expiry <= 0)
        throw new RangeError(`${JSON.stringify(link.expirationTime)} is no time`)
      const mac = sign(secret, { ...link, expiry })
      return `${publicUrl}/invitations/v1.${kid}.${link.membership}.${link.attempt}.${expiry.toString(36)}.${mac}`
    },
    verify: (token, membership, now) => (isOurs(token, membership) ? judge(token, membership, now) : { is: 'foreign' }),
    verifyNothing: token => void isOurs(token, { nonce: '', address: '' }),
  }
}

/** A link that was made here, held against what has happened since. */
const judge = (token: LinkToken, membership: MembershipSpec, now: number): LinkVerdict => {
  const attempt = membership.attempts.find(one => one.number === token.attempt)
  if (membership.ended) return { is: 'dead', because: 'Ended' }
  if (membership.left && !membership.left.released) return { is: 'dead', because: 'Left' }
  // A link for setting the first password goes to somebody who belongs to the organization since before.
  if (membership.joined && attempt?.purpose !== 'SetUp') return { is: 'dead', because: 'Joined' }
  if (!attempt || attempt !== membership.attempts.at(-1) || Date.parse(attempt.expirationTime) !== token.expiry)
    return { is: 'dead', because: 'Replaced' }
  if (attempt.withdrawnTime) return { is: 'dead', because: 'Withdrawn' }
  if (membership.declined && !membership.declined.released) return { is: 'dead', because: 'Declined' }
  if (now >= token.expiry) return { is: 'dead', because: 'Expired' }
  return { is: 'valid', attempt }
}
