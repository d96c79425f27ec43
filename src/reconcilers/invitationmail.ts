import type { Invitation } from '../api/invitation.ts'
import type { Attempt } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { InvitationFacts } from '../ports/composer.ts'
import type { OutgoingMail } from '../ports/mailer.ts'
import type { World } from './context.ts'
import { mailBasics, type Recipient, recipientOf, shownRoles } from './mails.ts'
import { isGenerated, mayInvite } from './people.ts'

/** Composes the mail of an attempt: the words of whoever wrote an Invitation by hand, the roles that the attempt names. */
export const invitationMail =
  (
    world: World,
    of: {
      settings: OrganizationSettings
      requests: readonly Invitation[]
      user: User | undefined
      membership: string
      /** Who caused it, as limits count. */
      inviter: string
    },
  ) =>
  (attempt: Attempt, url: string): OutgoingMail => {
    const { settings, requests, user } = of
    // Written by hand before made for a declaration, the newest before the older.
    const written = requests.filter(one => !isGenerated(one)).at(-1)
    const main = written ?? requests[0]
    if (!main) throw new RangeError(`Membership/${of.membership}: nothing asks for this invitation`)
    const to = recipientOf(main.spec.email, user, {
      displayName: main.spec.givenName,
      givenName: main.spec.givenName,
      locale: main.spec.locale,
    })
    const inviter = inviterShown(world, settings, written, attempt.actor)
    const { mail } = settings
    const facts: InvitationFacts = {
      ...mailBasics(world, {
        settings,
        record: of.membership,
        purpose: `attempts/${attempt.number}`,
        date: attempt.claimedTime,
        to,
      }),
      ...(mail.replyTo === 'Inviter' &&
        inviter?.address !== undefined && {
          replyTo: { name: inviter.name, address: inviter.address },
        }),
      ...(mail.templates.invitation !== undefined && { paragraph: mail.templates.invitation }),
      url,
      expirationTime: attempt.expirationTime,
      ...(inviter && { inviter }),
      roles: shownRoles(world, attempt.roles),
      ...(written?.spec.message !== undefined && { message: written.spec.message }),
    }
    return world.composer.invitation(facts)
  }

/** Who invites, only where that is certain: signed in while asking, or somebody who may invite there. */
const inviterShown = (
  world: World,
  settings: OrganizationSettings,
  written: Invitation | undefined,
  actor: string,
): { name: string; address?: string } | undefined => {
  const name = written?.spec.invitedBy
  if (
    name === undefined ||
    (actor !== `user/${name}` && !mayInvite(world.cache, name, settings.chain, world.clock.now()))
  )
    return undefined
  const user = world.cache.get('User', name)
  if (!user) return undefined
  const who: Recipient = recipientOf(user.spec.email, user)
  return { name: who.displayName ?? user.spec.email, address: user.spec.email }
}
