import type { Readiness } from '../api/conditions.ts'
import type { Membership } from '../api/membership.ts'
import { normalizeAddress } from '../decide/address.ts'
import { openSeries, progressOf } from '../decide/invitation.ts'
import { DECLARATION } from '../decide/membership.ts'
import { type AttemptAct, claimAttempt, retryAttempt } from './attempts.ts'
import { declaredAt } from './context.ts'
import { inviterOf } from './lines.ts'
import { withAsking } from './mailcap.ts'
import { mailBasics, recipientOf, shownRoles } from './mails.ts'
import { noticeAdmins } from './notices.ts'
import { type Place, type PlaceResult, quiet } from './placepass.ts'

const HELD = 'the set-up mail is held: it is one of more than one inviter may send; `roster approve` releases them'

/** The mail to somebody whose Account was made for them: how to sign in and set the first password. It goes on like an invitation until the link was used. */
export const mailSetUp = async (
  place: Place,
  record: Membership,
): Promise<Pick<PlaceResult, 'is' | 'again'> | undefined> => {
  const { world, user, organization, settings, entry, now } = place
  if (!entry || entry.join === 'None' || record.spec.joined?.how !== 'Declared' || place.problem) return undefined
  const name = record.spec.joined.account
  const account = name === undefined ? undefined : world.cache.get('Account', name)
  if (!account || account.spec.proven) return undefined
  if (user.spec.suspended)
    return {
      is: {
        is: 'ready',
        reason: 'Suspended',
        message: 'the person is suspended; nothing is sent until this is taken back',
      },
    }

  const at = { now, maxAttempts: settings.invitations.maxAttempts, epoch: world.epoch }
  const { joined: _joined, ...unjoined } = record.spec
  const request = { uid: DECLARATION, generated: true }
  const opened = openSeries(unjoined, [request], at)
  const { state, attempt, next } = progressOf(opened, at)
  const spec = { ...record.spec, series: opened.series }
  const say = (is: Readiness['is'], reason: Readiness['reason'], message: string, again?: number) => ({
    is: { is, reason, message },
    ...(again !== undefined && { again }),
  })
  switch (next.do) {
    case 'nothing': {
      const resource = `User/${user.metadata.name}`
      const told = await noticeAdmins(
        world,
        record,
        settings,
        { state, next, ...(attempt && { attempt }) },
        { resource, declaredAt: declaredAt(user) },
      )
      return state === 'Failed'
        ? say(
            'stalled',
            attempt?.outcome === 'Refused' ? 'DeliveryRefused' : 'DeliveryUnknown',
            `the set-up mail did not arrive: ${attempt?.response ?? 'no answer'}`,
            told.again,
          )
        : say(
            'stalled',
            'GaveUp',
            'the set-up link was never used; `roster sign-in-link` makes another one',
            told.again,
          )
    }
    case 'wait':
      return attempt?.outcome === 'Sent'
        ? say('ready', 'WaitingForPerson', `set-up link sent; it works until ${attempt.expirationTime}`, next.until)
        : say(
            'reconciling',
            'Retrying',
            `the set-up mail is not handed over yet: ${attempt?.response ?? 'no answer'}`,
            next.until,
          )
    case 'retry':
    case 'claim': {
      const owners = await world.store.owners({ kind: 'User', name: user.metadata.name })
      const manager = owners.find(owner => owner.field === `spec.memberships[${organization}]`)?.manager
      // The link proves the address of the membership, so it is mailed there alone, whatever the User says by now.
      const isOwn = normalizeAddress(user.spec.email) === record.spec.address
      const to = recipientOf(isOwn ? user.spec.email : record.spec.address, user)
      const { templates } = settings.mail
      const act: AttemptAct = {
        membership: record,
        spec,
        settings,
        purpose: 'SetUp',
        inviter: inviterOf(manager ?? ''),
        roles: record.spec.settled?.roles ?? [],
        validFor: settings.invitations.validFor,
        to: to.address,
        because: declaredAt(user),
        compose: (claimed, url) =>
          world.composer.accountCreated({
            ...mailBasics(world, {
              settings,
              record: record.metadata.name,
              purpose: `attempts/${claimed.number}`,
              date: claimed.claimedTime,
              to,
            }),
            ...(templates.accountCreated !== undefined && { paragraph: templates.accountCreated }),
            url,
            expirationTime: claimed.expirationTime,
            signInUrl: `${world.links.publicUrl}/sign-in`,
            roles: shownRoles(world, claimed.roles),
          }),
      }
      const result =
        next.do === 'retry'
          ? await retryAttempt(world, act, next.attempt)
          : await claimAttempt(world, act, next.automatic)
      if (result.is === 'lost') return { again: now }
      if (result.is === 'waiting' && result.limit === 'stopped')
        return say('ready', result.stop.reason, result.stop.text)
      if (result.is === 'waiting' && result.limit === 'approval') {
        const held = withAsking(spec, { inviter: act.inviter, because: act.because, now })
        if (held !== record.spec) await world.effects.updateMembership(record, held, quiet(place))
        return say('ready', 'WaitingForApproval', HELD)
      }
      if (result.is === 'waiting')
        return result.limit === 'server'
          ? say('reconciling', 'Retrying', 'the mail server cannot be reached; it is tried again', result.until)
          : say('ready', 'WaitingForTime', 'the limit of mails is reached; the set-up mail waits', result.until)
      return say('reconciling', 'Progressing', 'the set-up mail was handed over', now)
    }
    default:
      return next satisfies never
  }
}
