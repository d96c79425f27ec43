import type { Readiness, Verdict } from '../api/conditions.ts'
import type { Invitation } from '../api/invitation.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { parseAddress } from '../decide/address.ts'
import { openSeries, type Progress, progressOf } from '../decide/invitation.ts'
import { isJoined, isUnsettled, newMembership } from '../decide/membership.ts'
import { membershipName, membershipOf } from '../decide/record-names.ts'
import type { Change } from '../effects/change.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { type AttemptAct, type AttemptResult, claimAttempt, retryAttempt, turnOf } from './attempts.ts'
import {
  bodyOf,
  declaredAt,
  isPaused,
  organizationsConcerned,
  settingsFor,
  type World,
  watch,
  writeStatus,
} from './context.ts'
import { addFinalizer } from './finalizer.ts'
import { grantRoles } from './grants.ts'
import { meantIn, noteOf } from './imports.ts'
import { addressesOf } from './indexes.ts'
import { bar, barTime, inviterOfSeries, linkLifeOf, obstacle, openRoles, requestOf } from './invitationasking.ts'
import { release, removalTime } from './invitationend.ts'
import { invitationMail } from './invitationmail.ts'
import { described, type Outcome, type Pass, project, waiting } from './invitationstatus.ts'
import { withAsking } from './mailcap.ts'
import { noticeAdmins, welcome } from './notices.ts'
import { isDeleting, isGenerated, ownerOf, requestsOf } from './people.ts'

/** Invites: opens series, claims attempts under the limits, projects the Membership into the status, grants what was accepted. */
export const invitationReconciler = (world: World): Reconciler<'Invitation'> => {
  const reconcile = async (name: string): Promise<ReconcileResult | undefined> => {
    const invitation = world.cache.get('Invitation', name)
    if (!invitation) return undefined
    const { organization, email } = invitation.spec
    const membership = membershipName(organization, email)
    if (isDeleting(invitation)) return release(world, invitation)

    const found = settingsFor(world, organization)
    const stop = found && !isPaused(invitation) ? obstacle(world, invitation, found) : undefined
    if (!found || isPaused(invitation) || stop) {
      if (found) world.lines.of(organization).leave(membership)
      const is: Readiness = isPaused(invitation)
        ? { is: 'ready', reason: 'Paused', message: 'reconciling is paused' }
        : (stop ?? {
            is: 'stalled',
            reason: 'ReferenceNotFound',
            message: `organization ${organization} does not exist`,
          })
      await writeStatus(world, invitation, bodyOf(invitation), is)
      return undefined
    }
    const pass: Pass = {
      world,
      invitation,
      settings: found.settings,
      requests: requestsOf(world.cache, organization, email),
      user: ownerOf(world.cache, email),
      now: world.clock.now(),
    }
    const outcome = await advance(pass)
    if (!outcome) return { again: pass.now }
    const removal = removalTime(pass, outcome)
    if (removal !== undefined && removal <= pass.now) {
      const ref = { kind: 'Invitation' as const, name, uid: invitation.metadata.uid }
      const because = `finished for 30 days: ${outcome.progress.state}`
      await world.effects.removeGenerated(ref, { actor: 'controller', because, organization })
      return undefined
    }
    await project(pass, outcome)
    const again = earliest(outcome.again, removal, barTime(pass))
    return again === undefined ? undefined : { again }
  }

  return {
    kind: 'Invitation',
    concurrency: 16,
    changed: ({ metadata, spec }) => [
      metadata.deletionTimestamp,
      metadata.annotations?.[ANNOTATIONS.pause],
      metadata.annotations?.[ANNOTATIONS.resendRequestedAt],
      spec,
    ],
    watches: [
      watch({
        kind: 'Membership',
        changed: ({ spec }) => {
          const last = spec.attempts.at(-1)
          const { joined, left, declined, ended, series, grants, settled } = spec
          return [joined, left, declined, ended, series, grants.length, last, settled !== undefined, isUnsettled(spec)]
        },
        *wakes({ spec }, cache) {
          for (const one of requestsOf(cache, spec.organization, spec.address)) yield one.metadata.name
          yield* firstInLine(world, spec.organization, spec.address)
        },
      }),
      watch({
        kind: 'Invitation',
        changed: ({ metadata }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.resendRequestedAt]],
        // Others for the same place: all drive one Membership, and the one that was asked may be unable to.
        *wakes({ spec }, cache) {
          for (const one of requestsOf(cache, spec.organization, spec.email)) yield one.metadata.name
          yield* firstInLine(world, spec.organization, spec.email)
        },
      }),
      watch({
        kind: 'User',
        changed: ({ metadata, spec }) => [
          spec.suspended,
          spec.memberships,
          addressesOf({ spec }),
          metadata.deletionTimestamp,
          metadata.annotations?.[ANNOTATIONS.going],
        ],
        *wakes(user, cache) {
          for (const address of addressesOf(user))
            for (const one of cache.by('Invitation', 'address', address)) yield one.metadata.name
        },
      }),
      watch({
        kind: 'RemovalSet',
        changed: ({ spec }) => spec.state,
        *wakes({ spec }, cache) {
          if (spec.reason !== 'Invitations') return
          for (const key of spec.removals ?? []) {
            const record = cache.get('Membership', membershipOf(key))?.spec
            if (record)
              for (const one of requestsOf(cache, record.organization, record.address)) yield one.metadata.name
          }
        },
      }),
      watch({
        kind: 'Role',
        changed: ({ spec }) => spec.organization,
        *wakes({ metadata }, cache) {
          for (const one of cache.by('Invitation', 'role', metadata.name)) yield one.metadata.name
        },
      }),
      watch({
        kind: 'Organization',
        changed: ({ metadata, spec }) => [
          spec.parent,
          spec.children,
          spec.invitations,
          spec.frozen,
          metadata.deletionTimestamp,
        ],
        *wakes({ metadata }, cache) {
          for (const below of organizationsConcerned(cache, metadata.name))
            for (const one of cache.by('Invitation', 'organization', below)) yield one.metadata.name
        },
      }),
    ],
    reconcile,
  }
}

/**
 * The Invitations of the first in each inviter's line: their time may have come nearer, and they pass that on when they have gone.
 * An address that nobody asks for any more stands in no line.
 */
const firstInLine = (world: World, organization: string, address: string): string[] => {
  const line = world.lines.known(organization)
  if (!line) return []
  if (requestsOf(world.cache, organization, address).length === 0) line.leave(membershipName(organization, address))
  return line.heads().flatMap(name => {
    const spec = world.cache.get('Membership', name)?.spec
    return spec ? requestsOf(world.cache, organization, spec.address).map(one => one.metadata.name) : []
  })
}

/** One step of the Membership's life. Undefined: another write was first. */
const advance = async (pass: Pass): Promise<Outcome | undefined> => {
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

const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter(time => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}
