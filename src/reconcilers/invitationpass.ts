import type { Verdict } from '../api/conditions.ts'
import type { Invitation } from '../api/invitation.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import { parseAddress } from '../decide/address.ts'
import { openSeries, type Progress, progressOf } from '../decide/invitation.ts'
import { isJoined, newMembership } from '../decide/membership.ts'
import { membershipName } from '../decide/record-names.ts'
import type { Change } from '../effects/change.ts'
import { type AttemptAct, type AttemptResult, claimAttempt, retryAttempt, turnOf } from './attempts.ts'
import { declaredAt } from './context.ts'
import { addFinalizer } from './finalizer.ts'
import { grantRoles } from './grants.ts'
import { meantIn, noteOf } from './imports.ts'
import { bar, inviterOfSeries, linkLifeOf, openRoles, requestOf } from './invitationasking.ts'
import { invitationMail } from './invitationmail.ts'
import { described, type Outcome, type Pass, waiting } from './invitationstatus.ts'
import { withAsking } from './mailcap.ts'
import { noticeAdmins, welcome } from './notices.ts'
import { isGenerated } from './people.ts'

/** One step of the Membership's life. Undefined: another write was first. */
export const advance = async (pass: Pass): Promise<Outcome | undefined> => {
  const { world, invitation, settings, requests, user, now } = pass
  const { organization } = invitation.spec
  const name = membershipName(organization, invitation.spec.email)
  const at = { now, maxAttempts: settings.invitations.maxAttempts, epoch: world.epoch }
  let record = world.cache.get('Membership', name)
  const base = record?.spec ?? firstRecord(pass, name)

  const barred = bar(pass)
  if (barred) {
    world.lines.of(organization).leave(name)
    const progress = record
      ? progressOf(record.spec, at)
      : { state: 'Queued' as const, next: { do: 'nothing' as const } }
    const accepted: Verdict = { type: 'Accepted', status: 'False', reason: barred.reason, message: barred.message }
    const { next } = progress
    return { record, progress, is: barred, accepted, ...(next.do === 'wait' && { again: next.until }) }
  }
  const spec = openSeries(base, requests.map(requestOf), at)
  const progress = progressOf(spec, at)

  if (isJoined(spec)) {
    world.lines.of(organization).leave(name)
    if (!record) return undefined
    record = await grantRoles(
      world,
      record,
      spec,
      requests.filter(one => !isGenerated(one)),
    )
    const again = await welcome(world, record, settings, user)
    return { ...described(pass, record, progress), again }
  }

  const { next } = progress
  const suspended = user?.spec.suspended === true
  if ((next.do !== 'claim' && next.do !== 'retry') || suspended || isShownLate(invitation, progress)) {
    if (next.do !== 'claim' || suspended) world.lines.of(organization).leave(name)
    record = await remember(pass, name, record, spec)
    const told = described(pass, record, progress, suspended)
    const notice = await noticeAdmins(world, record, settings, progress, {
      resource: `Invitation/${invitation.metadata.name}`,
      declaredAt: declaredAt(user ?? invitation),
      givenName: invitation.spec.givenName,
    })
    const own = next.do === 'wait' ? next.until : isShownLate(invitation, progress) ? now : undefined
    return { ...told, record: notice.record, again: earliest(own, notice.again) }
  }

  const inviter = await inviterOfSeries(pass, spec)
  const turn = next.do === 'claim' ? turnOf(world, { name, spec, settings, inviter }, next.automatic) : undefined
  if (turn?.is === 'waiting') {
    record =
      turn.limit === 'approval'
        ? await remember(pass, name, record, withAsking(spec, { inviter, because: askedAt(pass), now }))
        : await remember(pass, name, record, spec, queued(pass, name))
    return { record, progress, ...waiting(turn), again: turn.until }
  }
  // From the first claim on a deletion has something to do.
  await addFinalizer(world.store, invitation)
  const isNew = record === undefined
  record ??= await remember(pass, name, undefined, spec)
  // Somebody else made it meanwhile, with another nonce: look at theirs.
  if (record.spec.nonce !== spec.nonce) return undefined
  const act: AttemptAct = {
    membership: record,
    spec: isNew ? record.spec : spec,
    settings,
    purpose: 'Invitation',
    inviter,
    roles: openRoles(pass),
    validFor: linkLifeOf(requests, settings),
    to: invitation.spec.email,
    because: askedAt(pass),
    compose: invitationMail(world, { settings, requests, user, membership: name, inviter }),
  }
  const result: AttemptResult =
    next.do === 'retry' ? await retryAttempt(world, act, next.attempt) : await claimAttempt(world, act, next.automatic)
  if (result.is === 'lost') return undefined
  if (result.is === 'waiting') {
    record = await remember(pass, name, record, act.spec)
    return { record, progress, ...waiting(result), again: result.until }
  }
  // What came of it is one more look at the record.
  const after = progressOf(result.record.spec, { ...at, now: world.clock.now() })
  const again =
    after.next.do === 'wait'
      ? after.next.until
      : after.next.do === 'nothing' && after.state !== 'Failed'
        ? undefined
        : now
  return { ...described(pass, result.record, after), again }
}

/** Where it is declared that somebody is to be invited. */
const askedAt = ({ user, invitation }: Pass): string => declaredAt(user && isGenerated(invitation) ? user : invitation)

/** `Expired` is shown before the next attempt is claimed in the pass after. */
const isShownLate = (invitation: Invitation, { state, next }: Progress): boolean =>
  state === 'Expired' && next.do === 'claim' && invitation.status?.state !== 'Expired'

const firstRecord = ({ world, invitation, user, now }: Pass, name: string): MembershipSpec => {
  const { organization, email } = invitation.spec
  const address = parseAddress(email)
  const declared = user && isGenerated(invitation) && noteOf(meantIn(world.cache, user, organization, now))
  return newMembership({
    organization,
    address: 'problem' in address ? email : address.address,
    ...(user && { user: { name: user.metadata.name, uid: user.metadata.uid } }),
    ...(declared && { declared }),
    nonce: world.random(32, `Membership/${name}`),
    now,
  })
}

/** Writes what was seen, where anything was. */
const remember = async (
  { world, invitation }: Pass,
  name: string,
  record: Membership | undefined,
  spec: MembershipSpec,
  changes?: Change[],
): Promise<Membership> => {
  const because = declaredAt(invitation)
  const what = { actor: 'controller', because, organization: spec.organization, ...(changes && { changes }) }
  if (!record) return world.effects.createMembership(name, spec, what)
  return record.spec === spec ? record : world.effects.updateMembership(record, spec, what)
}

/** That a mail waits for its time, said when its series is opened. */
const queued = ({ invitation, requests }: Pass, name: string): Change[] => [
  {
    action: 'queue',
    target: 'mail',
    kind: 'Membership',
    name,
    organization: invitation.spec.organization,
    because: declaredAt(invitation),
    fields: { template: 'invitation', to: (requests[0] ?? invitation).spec.email },
  },
]

/** The first of some times, where there is any. */
export const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter(time => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}
