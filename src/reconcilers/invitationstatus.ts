import type { Readiness, Verdict } from '../api/conditions.ts'
import type { Invitation, InvitationStatus } from '../api/invitation.ts'
import type { Attempt, Membership } from '../api/membership.ts'
import type { Reason } from '../api/names.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User } from '../api/user.ts'
import { claimState } from '../decide/claim.ts'
import { countedAttempts, type Progress } from '../decide/invitation.ts'
import { currentSeries } from '../decide/membership.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { AttemptResult } from './attempts.ts'
import { recordEvent, type World, writeStatus } from './context.ts'
import { isGenerated } from './people.ts'

/** What one pass knows. */
export interface Pass {
  world: World
  invitation: Invitation
  settings: OrganizationSettings
  /** Of one address and organization, this one among them; all drive one Membership. */
  requests: Invitation[]
  user: User | undefined
  now: number
}

/** Where a pass came out: what the status says and when to look again. */
export interface Outcome {
  record: Membership | undefined
  progress: Progress
  is: Readiness
  accepted: Verdict
  again?: number | undefined
}

/** Words for the state that the record is in. */
export const described = (
  { settings, invitation }: Pass,
  record: Membership,
  progress: Progress,
  suspended = false,
): Outcome => {
  const { state, attempt } = progress
  const say = (is: Readiness['is'], reason: Reason, message: string, accepted: Reason = reason): Outcome => ({
    record,
    progress,
    is: { is, reason, message },
    accepted: { type: 'Accepted', status: state === 'Accepted' ? 'True' : 'False', reason: accepted, message },
  })
  if (suspended && state !== 'Declined')
    return say('ready', 'Suspended', 'the person is suspended; nothing is sent until this is taken back')
  switch (state) {
    case 'Accepted': {
      const { joined } = record.spec
      // By the record where it was seen: an object that was restored is younger than what it asked for.
      const { metadata } = invitation
      const seen = record.spec.series.find(({ openedBy }) => openedBy === `invitation/${metadata.uid}`)?.time
      const before = joined !== undefined && joined.time < (seen ?? metadata.creationTimestamp)
      return before && !isGenerated(invitation)
        ? say('ready', 'Succeeded', 'was a member already; the roles are there at once', 'AlreadyMember')
        : say('ready', 'Succeeded', `joined ${settings.displayName}`, 'Accepted')
    }
    case 'Declined':
      return say('ready', 'Declined', 'the invitation was declined; a new invitation or a resend asks again')
    case 'Queued':
      return say('reconciling', 'Progressing', 'the invitation is about to be sent', 'Queued')
    case 'Pending': {
      if (attempt?.outcome === 'Sent')
        return say('ready', 'WaitingForPerson', `sent; the link works until ${attempt.expirationTime}`, 'Sent')
      const claim = attempt && claimState(attempt, Date.parse(attempt.claimedTime))
      if (claim?.is === 'busy') return say('reconciling', 'Progressing', 'the mail is being handed over', 'Queued')
      return say('reconciling', 'Retrying', `not handed over yet: ${attempt?.response ?? 'no answer'}`, 'SendFailed')
    }
    case 'Expired':
      return say(
        'reconciling',
        'Progressing',
        'the link has expired; invited again as soon as the limits allow',
        'Expired',
      )
    case 'Failed':
      return attempt?.outcome === 'Refused'
        ? say(
            'stalled',
            'DeliveryRefused',
            `the mail server refuses it: ${attempt.response ?? ''}. Correct the address`,
          )
        : say('stalled', 'DeliveryUnknown', 'the mail server did not answer twice; ask the person, then resend')
    case 'GaveUp': {
      const times = countedAttempts(record.spec, currentSeries(record.spec))
      return say(
        'stalled',
        'GaveUp',
        `invited ${times === 1 ? 'once' : `${times} times`} without an answer; resend to ask again`,
      )
    }
    default:
      return state satisfies never
  }
}

export const waiting = (result: AttemptResult & { is: 'waiting' }): Pick<Outcome, 'is' | 'accepted'> => {
  const say = (is: Readiness['is'], ready: Reason, reason: Reason, message: string) => ({
    is: { is, reason: ready, message },
    accepted: { type: 'Accepted', status: 'False', reason, message } as const,
  })
  if (result.limit === 'stopped') return say('ready', result.stop.reason, 'Queued', result.stop.text)
  if (result.limit === 'approval')
    return say(
      'ready',
      'WaitingForApproval',
      'RateLimited',
      'held: it is one of more invitations than one inviter may send; `roster approve` releases them',
    )
  if (result.until === undefined)
    return say(
      'stalled',
      'RateLimited',
      'RateLimited',
      'the limit of invitations of this organization is 0: none is ever sent',
    )
  if (result.limit === 'server')
    return say('reconciling', 'Retrying', 'Queued', 'the mail server cannot be reached; it is tried again')
  const whose = result.limit === 'address' ? 'this address had enough mail' : 'the limit of invitations is reached'
  return say('ready', 'WaitingForTime', 'RateLimited', `${whose}; goes at ${timestamp(result.until)}`)
}

/** Writes the status, and tells what has changed in it. */
export const project = async (
  { world, invitation }: Pass,
  { record, progress, is, accepted }: Outcome,
): Promise<void> => {
  const { state, attempt } = progress
  const last: Attempt | undefined = record?.spec.attempts.at(-1)
  const joined = state === 'Accepted' ? record?.spec.joined?.time : undefined
  const body: Omit<InvitationStatus, 'conditions'> = {
    state,
    ...(last && { attempt: last.number }),
    ...(attempt?.outcome === 'Sent' && attempt.outcomeTime !== undefined && { sentTime: attempt.outcomeTime }),
    ...(attempt && state !== 'Queued' && { expirationTime: attempt.expirationTime }),
    ...(joined !== undefined && { acceptedTime: joined }),
    ...(attempt?.response !== undefined && { delivery: attempt.response }),
  }
  const expired: Verdict[] =
    state === 'Expired' || state === 'GaveUp'
      ? [
          {
            type: 'Expired',
            status: 'True',
            reason: 'Expired',
            message: `the link of attempt ${attempt?.number} works no more`,
          },
        ]
      : []
  const before = invitation.status
  await writeStatus(world, invitation, body, is, [accepted, ...expired])
  if (before?.state === state && before.attempt === body.attempt) return
  const event = eventOf(state, accepted.reason)
  if (event && !(state === 'Pending' && attempt?.outcome !== 'Sent'))
    await recordEvent(
      world,
      { kind: 'Invitation', name: invitation.metadata.name, uid: invitation.metadata.uid },
      event.type,
      event.reason,
      accepted.message,
    )
}

const eventOf = (
  state: Progress['state'],
  reason: Reason,
): { type: 'Normal' | 'Warning'; reason: Reason } | undefined => {
  switch (state) {
    case 'Queued':
      return reason === 'RateLimited' ? { type: 'Normal', reason } : undefined
    case 'Pending':
      return { type: 'Normal', reason: 'Sent' }
    case 'Accepted':
    case 'Declined':
      return { type: 'Normal', reason: state }
    case 'Expired':
      return { type: 'Normal', reason: 'Expired' }
    case 'Failed':
    case 'GaveUp':
      return { type: 'Warning', reason }
    default:
      return state satisfies never
  }
}
