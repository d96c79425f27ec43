import type { Readiness, Verdict } from '../api/conditions.ts'
import type { Invitation } from '../api/invitation.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import { ANNOTATIONS, FINALIZER, LABELS } from '../api/names.ts'
import { parseAddress } from '../decide/address.ts'
import { openersOf, openSeries, type Progress, progressOf, type Request, withdraw } from '../decide/invitation.ts'
import { currentSeries, forgetDeclaration, isJoined, newMembership } from '../decide/membership.ts'
import { membershipName } from '../decide/record-names.ts'
import { linkLife, type OrganizationSettings } from '../decide/settings.ts'
import { endOf, milliseconds } from '../decide/time.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { type AttemptAct, type AttemptResult, claimAttempt, retryAttempt } from './attempts.ts'
import { declaredAt, isPaused, settingsFor, type World, watch, writeStatus } from './context.ts'
import { grantRoles } from './grants.ts'
import { invitationMail } from './invitationmail.ts'
import { described, type Outcome, type Pass, project, waiting } from './invitationstatus.ts'
import { inviterOf, lineLimits } from './lines.ts'
import { noticeAdmins, welcome } from './notices.ts'
import { isDeleting, isGenerated, membershipIn, ownerOf, requestsOf } from './people.ts'

const DAY = 24 * 3_600_000
/** How long a finished Invitation that no source declares stays. */
const FINISHED = 30 * DAY

/** Invites: opens series, claims attempts under the limits, projects the Membership into the status, grants what was accepted. */
export const invitationReconciler = (world: World): Reconciler<'Invitation'> => {
  /** Where each Invitation stands in line, so that one that is gone without a trace gives its place up. */
  const places = new Map<string, { organization: string; membership: string }>()

  const reconcile = async (name: string): Promise<ReconcileResult | undefined> => {
    const invitation = world.cache.get('Invitation', name)
    if (!invitation) {
      const place = places.get(name)
      places.delete(name)
      if (place) world.lines.of(place.organization).leave(place.membership)
      return undefined
    }
    const { organization, email } = invitation.spec
    const membership = membershipName(organization, email)
    places.set(name, { organization, membership })
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
      const { conditions: _, ...body } = invitation.status ?? {}
      await writeStatus(world, invitation, body, is)
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
    const again = earliest(outcome.again, removal)
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
          return [joined, left, declined, ended, series, grants.length, last, settled !== undefined]
        },
        *wakes({ spec }, cache) {
          for (const one of requestsOf(cache, spec.organization, spec.address)) yield one.metadata.name
          yield* nextInLine(world, spec.organization)
        },
      }),
      watch({
        kind: 'User',
        changed: ({ spec }) => [spec.suspended, spec.memberships, spec.email],
        *wakes({ spec }, cache) {
          for (const entry of spec.memberships ?? [])
            for (const one of requestsOf(cache, entry.organization, spec.email)) yield one.metadata.name
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
        changed: ({ metadata, spec }) => [spec.parent, spec.children, spec.invitations, metadata.deletionTimestamp],
        *wakes({ metadata }, cache) {
          const below = [metadata.name]
          for (const name of below) {
            for (const one of cache.by('Invitation', 'organization', name)) yield one.metadata.name
            for (const child of cache.by('Organization', 'parent', name))
              if (!below.includes(child.metadata.name)) below.push(child.metadata.name)
          }
        },
      }),
    ],
    reconcile,
  }
}

/** Who may go now and does not know it: the Invitations of the first in each inviter's line. */
const nextInLine = (world: World, organization: string): string[] => {
  const line = world.lines.known(organization)
  const found = line && line.size > 0 ? settingsFor(world, organization) : undefined
  if (!line || !found) return []
  return line.ready(lineLimits(found.settings), world.clock.now()).flatMap(name => {
    const spec = world.cache.get('Membership', name)?.spec
    return spec ? requestsOf(world.cache, organization, spec.address).map(one => one.metadata.name) : []
  })
}

/** What keeps this Invitation from being carried out, until somebody changes something. */
const obstacle = (
  world: World,
  { spec }: Invitation,
  { settings, problem }: NonNullable<ReturnType<typeof settingsFor>>,
): Readiness | undefined => {
  if (problem) return { is: 'stalled', ...problem }
  const address = parseAddress(spec.email)
  if ('problem' in address)
    return { is: 'stalled', reason: 'InvalidSpec', message: `spec.email ${address.problem}; write one address` }
  for (const name of spec.roles ?? []) {
    const role = world.cache.get('Role', name)
    if (!role) return { is: 'stalled', reason: 'ReferenceNotFound', message: `role ${name} does not exist` }
    if (!settings.chain.includes(role.spec.organization))
      return {
        is: 'stalled',
        reason: 'ReferenceNotFound',
        message: `role ${name} belongs to ${role.spec.organization} and cannot be given in ${settings.name}`,
      }
  }
  return undefined
}

const requestOf = ({ metadata }: Invitation): Request => {
  const token = metadata.annotations?.[ANNOTATIONS.resendRequestedAt]
  return { uid: metadata.uid, generated: isGenerated({ metadata }), ...(token !== undefined && { resend: token }) }
}

/** The union of what is asked for, as far as it may be given here. */
const openRoles = ({ world, settings, requests }: Pass): string[] =>
  [...new Set(requests.flatMap(({ spec }) => spec.roles ?? []))]
    .filter(name => settings.chain.includes(world.cache.get('Role', name)?.spec.organization ?? ''))
    .sort()

/** One step of the Membership's life. Undefined: another write was first. */
const advance = async (pass: Pass): Promise<Outcome | undefined> => {
  const { world, invitation, settings, requests, user, now } = pass
  const { organization } = invitation.spec
  const name = membershipName(organization, invitation.spec.email)
  const at = { now, maxAttempts: settings.invitations.maxAttempts }
  let record = world.cache.get('Membership', name)
  const base = record?.spec ?? firstRecord(pass, name)

  const barred = bar(pass)
  if (barred) {
    world.lines.of(organization).leave(name)
    const progress = record
      ? progressOf(record.spec, at)
      : { state: 'Queued' as const, next: { do: 'nothing' as const } }
    const accepted: Verdict = { type: 'Accepted', status: 'False', reason: barred.reason, message: barred.message }
    return { record, progress, is: barred, accepted }
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
    const notice = await noticeAdmins(world, record, settings, progress, invitation)
    const own = next.do === 'wait' && !suspended ? next.until : isShownLate(invitation, progress) ? now : undefined
    return { ...told, record: notice.record, again: earliest(own, notice.again) }
  }

  await ensureFinalizer(world, invitation)
  const inviter = await inviterOfSeries(pass, spec)
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
    because: declaredAt(user && isGenerated(invitation) ? user : invitation),
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

/** `Expired` is shown before the next attempt is claimed in the pass after. */
const isShownLate = (invitation: Invitation, { state, next }: Progress): boolean =>
  state === 'Expired' && next.do === 'claim' && invitation.status?.state !== 'Expired'

const firstRecord = ({ world, invitation, user, now }: Pass, name: string): MembershipSpec => {
  const { organization, email } = invitation.spec
  const address = parseAddress(email)
  const entry = user && !isGenerated(user) ? membershipIn(user, organization) : undefined
  return newMembership({
    organization,
    address: 'problem' in address ? email : address.address,
    ...(user && { user: { name: user.metadata.name, uid: user.metadata.uid } }),
    ...(entry &&
      isGenerated(invitation) && {
        declared: { present: true, roles: [...(entry.roles ?? [])].sort(), join: entry.join ?? 'Invitation' },
      }),
    nonce: world.random(32, `Membership/${name}`),
    now,
  })
}

/** A declaration that says the membership is over, which no Invitation overrules. */
const bar = ({ invitation, settings, user, now }: Pass): Readiness | undefined => {
  const entry = user && membershipIn(user, invitation.spec.organization)
  if (!user || !entry) return undefined
  const over =
    entry.state === 'Ended'
      ? 'says that this membership is ended'
      : entry.until !== undefined && endOf(entry.until, settings.timeZone) <= now
        ? `says that this membership lasted until ${entry.until}`
        : undefined
  if (over === undefined) return undefined
  return {
    is: 'stalled',
    reason: 'NotAllowed',
    message: `${declaredAt(user)} ${over}; change it there to invite again`,
  }
}

/** Writes what was seen, where anything was. */
const remember = async (
  { world, invitation }: Pass,
  name: string,
  record: Membership | undefined,
  spec: MembershipSpec,
): Promise<Membership> => {
  const what = { actor: 'controller', because: declaredAt(invitation), organization: spec.organization }
  if (!record) return world.effects.createMembership(name, spec, what)
  return record.spec === spec ? record : world.effects.updateMembership(record, spec, what)
}

/** From the first claim on a deletion has something to do. */
const ensureFinalizer = async (world: World, { metadata }: Invitation): Promise<void> => {
  if (metadata.finalizers?.includes(FINALIZER)) return
  const finalizers = [...(metadata.finalizers ?? []), FINALIZER]
  const ref = { kind: 'Invitation', name: metadata.name } as const
  await world.store.setFinalizers(ref, finalizers, { ifVersion: metadata.resourceVersion })
}

/** Who caused the mails of a series: the manager that asked for the resend, wrote the Invitation, or declared the membership which opened it. */
const inviterOfSeries = async ({ world, invitation, requests, user }: Pass, spec: MembershipSpec): Promise<string> => {
  const number = currentSeries(spec)
  const openers = spec.series.filter(series => series.number === number).map(series => series.openedBy)
  const manager = async (kind: 'Invitation' | 'User', name: string, field: string) =>
    (await world.store.owners({ kind, name })).find(owner => owner.field === field)?.manager
  for (const opener of openers) {
    const request = requests.find(one => openersOf(requestOf(one)).includes(opener))
    if (!request) continue
    const { name } = request.metadata
    const found = opener.startsWith('resend/')
      ? await manager('Invitation', name, `metadata.annotations[${ANNOTATIONS.resendRequestedAt}]`)
      : isGenerated(request)
        ? user && (await manager('User', user.metadata.name, `spec.memberships[${invitation.spec.organization}]`))
        : await manager('Invitation', name, 'spec.email')
    if (found !== undefined) return inviterOf(found)
  }
  return inviterOf('')
}

const linkLifeOf = (requests: readonly Invitation[], settings: OrganizationSettings): number => {
  const written = requests.flatMap(({ spec }) => (spec.validFor === undefined ? [] : [linkLife(spec.validFor)]))
  return written.length > 0 ? Math.max(...written) : settings.invitations.validFor
}

/** When a request that is finished is removed; undefined for one that is not, and for one that a source declares: it would be made again. */
const removalTime = ({ invitation }: Pass, { record, progress }: Outcome): number | undefined => {
  if (invitation.metadata.labels?.[LABELS.source] !== undefined || !record) return undefined
  const { state, attempt } = progress
  // One that is made for a declaration and not accepted says why nobody came; removed, it would ask again.
  if (isGenerated(invitation) && state !== 'Accepted') return undefined
  const finished = {
    Accepted: record.spec.joined?.time,
    Declined: record.spec.declined?.time,
    GaveUp: attempt?.expirationTime,
    Failed: attempt?.outcomeTime ?? attempt?.deadline,
    Queued: undefined,
    Pending: undefined,
    Expired: undefined,
  }[state]
  if (finished === undefined) return undefined
  // Written long after the person joined, it says for as long as any other that they were a member already.
  return Math.max(milliseconds(finished), milliseconds(invitation.metadata.creationTimestamp)) + FINISHED
}

/** A deleted Invitation: its link dies unless somebody else asks too; who has accepted keeps what it granted. */
const release = async (world: World, invitation: Invitation): Promise<undefined> => {
  const { metadata, spec } = invitation
  if (!metadata.finalizers?.includes(FINALIZER)) return undefined
  const name = membershipName(spec.organization, spec.email)
  const others = requestsOf(world.cache, spec.organization, spec.email)
  let record = world.cache.get('Membership', name)
  if (record) {
    const accepted = record.spec.joined !== undefined && record.spec.joined.time <= (metadata.deletionTimestamp ?? '')
    if (accepted && !isGenerated(invitation)) record = await grantRoles(world, record, record.spec, [invitation])
    let next = others.length === 0 ? withdraw(record.spec, world.clock.now()) : record.spec
    if (isGenerated(invitation) && !isJoined(next) && !others.some(isGenerated)) next = forgetDeclaration(next)
    if (next !== record.spec)
      await world.effects.updateMembership(record, next, {
        actor: 'controller',
        because: `${declaredAt(invitation)} was deleted`,
        organization: spec.organization,
      })
  }
  if (others.length === 0) world.lines.of(spec.organization).leave(name)
  const finalizers = metadata.finalizers.filter(one => one !== FINALIZER)
  await world.store.setFinalizers({ kind: 'Invitation', name: metadata.name }, finalizers, {
    ifVersion: metadata.resourceVersion,
  })
  return undefined
}

const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter(time => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}
