import type { Readiness } from '../api/conditions.ts'
import type { Membership, MembershipSpec } from '../api/membership.ts'
import { LABELS, MANAGERS } from '../api/names.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User, UserMembership } from '../api/user.ts'
import type { Way } from '../decide/access.ts'
import { normalizeAddress } from '../decide/address.ts'
import { withdraw } from '../decide/invitation.ts'
import {
  activeGrants,
  declarationReturns,
  forgetDeclaration,
  hasLeft,
  isJoined,
  newMembership,
  takesAccess,
  withdrawAttempts,
} from '../decide/membership.ts'
import { type PlaceState, type Standing, standingOf } from '../decide/person.ts'
import { accountName, membershipName } from '../decide/record-names.ts'
import type { OrganizationSettings, PlacementProblem } from '../decide/settings.ts'
import { declaredAt, recordEvent, settingsFor, type World } from './context.ts'
import { ensureInvitation, removeInvitation } from './generated.ts'
import { addressesOf } from './indexes.ts'
import { isDeleting, isGenerated, membershipIn, ownerOf, requestsOf } from './people.ts'
import { permitFor } from './permits.ts'
import { settle, withAccess } from './settle.ts'
import { mailSetUp } from './setup.ts'

/** Where one person stands in one organization, after a pass. */
export interface PlaceResult {
  organization: string
  state: PlaceState
  /** Roles in force. */
  roles: string[]
  /** What is still to be done or waited for; absent: nothing. */
  is?: Readiness
  again?: number
  /** A loss that is not carried out now. */
  isHeld?: boolean
  /** The person belongs under another address than the one declared. */
  provenAddress?: string
  /** How each role came. */
  via?: Record<string, Way[]>
}

/** What a pass over one place knows. */
export interface Place {
  world: World
  user: User
  organization: string
  settings: OrganizationSettings
  problem: PlacementProblem | undefined
  entry: UserMembership | undefined
  standing: Standing
  now: number
}

/** Makes one membership of one person so. */
export const reconcilePlace = async (world: World, user: User, organization: string): Promise<PlaceResult> => {
  const found = settingsFor(world, organization)
  const entry = isDeleting(user) ? undefined : membershipIn(user, organization)
  if (!found) {
    if (!entry) return { organization, state: 'Ended', roles: [] }
    const message = `organization ${organization} does not exist; declare it, or drop the membership`
    return { organization, state: 'Waiting', roles: [], is: { is: 'stalled', reason: 'ReferenceNotFound', message } }
  }
  const now = world.clock.now()
  const standing = standingOf(entry, { now, timeZone: found.settings.timeZone })
  const place: Place = {
    world,
    user,
    organization,
    settings: found.settings,
    problem: found.problem,
    entry,
    standing,
    now,
  }
  const records: Membership[] = []
  for (const record of recordsOf(place)) records.push(await clearLeft(place, record))
  const joined = records.filter(record => isJoined(record.spec))
  switch (standing.is) {
    case 'over':
    case 'absent':
      return close(place, records, joined)
    case 'waiting':
      return joined.length > 0 ? keep(place, joined) : wait(place, records)
    case 'open':
      return joined.length > 0 ? keep(place, joined) : enrol(place, records)
    default:
      return standing satisfies never
  }
}

/**
 * Records of this person here: of the declared address first, then of the aliases, then what was claimed under another address or a former name.
 * What belongs to somebody else by its address is not among them.
 */
const recordsOf = ({ world: { cache }, user, organization }: Place): Membership[] => {
  const found = new Map<string, Membership>()
  const add = (membership: Membership | undefined) => {
    if (membership?.spec.organization === organization) found.set(membership.metadata.name, membership)
  }
  const own = new Set(addressesOf(user))
  for (const address of own) {
    const owner = ownerOf(cache, address)
    const theirs = owner !== undefined && owner.metadata.uid !== user.metadata.uid && !isGenerated(owner)
    if (!theirs) add(cache.get('Membership', membershipName(organization, address)))
  }
  const claimed = [
    ...cache.by('Membership', 'userUid', user.metadata.uid),
    ...(user.spec.previousNames ?? []).flatMap(name => cache.by('Membership', 'user', name)),
  ]
  for (const membership of claimed) {
    const owner = ownerOf(cache, membership.spec.address)
    const taken = owner && owner.metadata.uid !== user.metadata.uid && !isGenerated(owner)
    // Nobody's but ours, or of a name that nobody bears any more.
    const bearer = membership.spec.user && cache.get('User', membership.spec.user.name)
    const borne = bearer && bearer.metadata.uid !== user.metadata.uid && !isDeleting(bearer) && !isGenerated(bearer)
    if (!taken && !borne) add(membership)
  }
  return [...found.values()]
}

/** Somebody who belongs, and stays: what the declaration gives and takes. */
const keep = async (place: Place, joined: readonly Membership[]): Promise<PlaceResult> => {
  const { world, user, entry } = place
  let result: PlaceResult | undefined
  for (const record of joined) {
    if (entry?.join === 'Invitation' || entry?.join === undefined) {
      // Known and licensed so far; from now on a member who joins by accepting.
      if (record.spec.joined?.how === 'Declared' && record.spec.declared?.join === 'None') return readmit(place, record)
    }
    const account = await accountOf(place, record.spec)
    const next = await settle(place, record, { ...record.spec, ...seen(place), ...account })
    const setUp = await mailSetUp(place, next.record)
    result = merged(result, { ...next.result, ...(setUp && worse(next.result, setUp)) })
  }
  const address = joined[0]?.spec.address
  const proven = address !== undefined && address !== normalizeAddress(user.spec.email) ? address : undefined
  await dropObsolete(world, place)
  return { ...(result as PlaceResult), ...(proven !== undefined && { provenAddress: proven }) }
}

/** Somebody who does not belong yet, and is declared now. */
const enrol = async (place: Place, records: readonly Membership[]): Promise<PlaceResult> => {
  const { world, user, organization, entry, problem, now } = place
  const name = membershipName(organization, user.spec.email)
  let record = records.find(one => one.metadata.name === name)
  const before = record?.spec ?? records.find(one => hasLeft(one.spec) || one.spec.declared?.present === false)?.spec
  const returns = before?.declared?.present === false
  if (problem) return { organization, state: 'Waiting', roles: [], is: { is: 'stalled', ...problem } }
  if (before && hasLeft(before) && !returns) return driftOf(place)

  const joinedNow =
    entry?.join === 'None' || entry?.join === 'Account'
      ? await accountOf(place, { joined: { time: timestamp(now), how: 'Declared' } })
      : undefined
  if (record) {
    const base = returns ? declarationReturns(record.spec, now) : record.spec
    // Whoever joins by declaration has no use for a link that may be out.
    const { ended: _ended, ...rest } = joinedNow ? forgetDeclaration(withdrawAttempts(base, now)) : base
    const spec = { ...(joinedNow ? rest : base), ...seen(place), ...joinedNow }
    if (joinedNow) await removeInvitation(place, `${declaredAt(user)} declares join: ${entry?.join}`)
    if (!sameSpec(record.spec, spec))
      record = await world.effects.updateMembership(
        record,
        spec,
        joinedNow ? explained(place, 'join', 'membership') : quiet(place),
      )
  } else if (joinedNow) {
    const fresh = newMembership({
      organization,
      address: normalizeAddress(user.spec.email),
      nonce: world.random(32, `Membership/${name}`),
      now,
    })
    const first = withAccess(place, { ...fresh, ...seen(place), ...joinedNow })
    record = await world.effects.createMembership(name, first, explained(place, 'join', 'membership', given(first)))
  }
  if (record && isJoined(record.spec)) return keep(place, [record])
  return ensureInvitation(place)
}

/** The joining by declaration, with the Account that `join: Account` makes. */
const accountOf = async (
  place: Place,
  { joined }: Pick<MembershipSpec, 'joined'>,
): Promise<Pick<MembershipSpec, 'joined'>> => {
  const { world, user, entry } = place
  if (!joined) return {}
  if (joined.how !== 'Declared' || joined.account !== undefined || entry?.join !== 'Account') return { joined }
  const account = accountName(user.spec.email)
  if (!world.cache.get('Account', account)) {
    const spec = { address: normalizeAddress(user.spec.email), credentialVersion: 0 }
    await world.effects.createAccount(account, spec, explained(place, 'create', 'account', { address: spec.address }))
  }
  return { joined: { ...joined, account } }
}

/** Somebody whose membership begins later. */
const wait = async (place: Place, records: readonly Membership[]): Promise<PlaceResult> => {
  const { organization, standing, entry } = place
  await removeInvitation(place, `the membership begins on ${entry?.from}`)
  for (const record of records) await forget(place, record)
  const from = standing.is === 'waiting' ? standing.from : place.now
  const message = `begins in ${organization} on ${entry?.from}`
  return {
    organization,
    state: 'Waiting',
    roles: [],
    is: { is: 'ready', reason: 'WaitingForTime', message },
    again: from,
  }
}

/** A declaration that is gone, or says that it is over. */
const close = async (
  place: Place,
  records: readonly Membership[],
  joined: readonly Membership[],
): Promise<PlaceResult> => {
  const { world, user, organization, standing, now } = place
  await removeInvitation(place, reasonOf(place))
  let result: PlaceResult | undefined
  for (const record of joined) {
    if (isDeleting(user) && hasHeir(place, record)) continue
    const explicit = standing.is === 'over'
    const stood = record.spec.declared?.present === true
    const asked = requestsOf(world.cache, organization, record.spec.address).some(
      request => !isGenerated(request) && !record.spec.grants.some(grant => grant.uid === request.metadata.uid),
    )
    if (!explicit && (!stood || asked || activeGrants(record.spec).length > 0)) {
      const declared = record.spec.declared && { declared: { ...record.spec.declared, present: false } }
      const next = await settle(place, record, {
        ...record.spec,
        ...(!isDeleting(user) && claimedBy(user)),
        ...declared,
      })
      result = merged(result, next.result)
      continue
    }
    const byClock = standing.is === 'over' && standing.why === 'Until'
    const decision = permitFor(world, { because: reasonOf(place), producer: producerOf(user), byClock })
    if ('held' in decision) {
      const is: Readiness = { is: 'reconciling', reason: 'Retrying', message: decision.held }
      const roles = record.spec.settled?.roles ?? []
      result = merged(result, { organization, state: 'Active', roles, is, isHeld: true, again: now + 60_000 })
      continue
    }
    const time = timestamp(now)
    const ended: MembershipSpec = {
      ...record.spec,
      ...(record.spec.declared && { declared: { ...record.spec.declared, present: false } }),
      ended: { time, by: decision.permit.producer, because: decision.permit.because },
      settled: { roles: [], groups: [], permissions: [], time },
    }
    const { roles = [], permissions = [] } = record.spec.settled ?? {}
    await world.effects.takeAccess(
      record,
      ended,
      decision.permit,
      explained(place, 'end', 'membership', { roles, permissions }),
    )
    result = merged(result, { organization, state: 'Ended', roles: [] })
  }
  for (const record of records) if (!joined.includes(record)) await forget(place, record)
  if (result) return result
  const left = records.some(record => hasLeft(record.spec))
  const asked = records.some(({ spec }) => requestsOf(world.cache, organization, spec.address).length > 0)
  if (!left && asked && standing.is === 'absent') return ensureInvitation(place)
  return { organization, state: left ? 'Left' : 'Ended', roles: [] }
}

/** Somebody who left has nothing any more, which is their own doing. */
const clearLeft = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, organization, now } = place
  const { settled } = record.spec
  if (!settled || !hasLeft(record.spec)) return record
  const { roles, groups, permissions } = settled
  if (roles.length + groups.length + permissions.length === 0) return record
  const loss = { because: `left ${organization}`, producer: MANAGERS.controller, byClock: false }
  const decision = permitFor(world, loss)
  if ('held' in decision) return record
  const spec = { ...record.spec, settled: { roles: [], groups: [], permissions: [], time: timestamp(now) } }
  return world.effects.takeAccess(
    record,
    spec,
    decision.permit,
    explained(place, 'take', 'access', { roles, permissions }),
  )
}

/** The declaration of somebody who has not joined is gone: a link of an ended membership works no more, and one that comes back is new. */
const forget = async (place: Place, record: Membership): Promise<void> => {
  const { world, standing, user, now } = place
  if (isDeleting(user) && hasHeir(place, record)) return
  const { declared } = record.spec
  const base = standing.is === 'over' ? withdraw(record.spec, now) : record.spec
  const spec = declared?.present === true ? { ...base, declared: { ...declared, present: false } } : base
  if (spec === record.spec) return
  if (takesAccess(record.spec, spec)) return
  await world.effects.updateMembership(record, spec, quiet(place))
}

/** `None` was declared and `Invitation` is now: the person is invited, and belongs again from accepting on. */
const readmit = async (place: Place, record: Membership): Promise<PlaceResult> => {
  const { world, user } = place
  const because = `${declaredAt(user)} declares join: Invitation instead of None`
  const decision = permitFor(world, { because, producer: producerOf(user), byClock: false })
  if ('held' in decision) return keepHeld(place, record, decision.held)
  const { joined: _joined, settled: _settled, ...rest } = record.spec
  const { roles = [] } = record.spec.settled ?? {}
  await world.effects.takeAccess(
    record,
    { ...rest, ...seen(place) },
    decision.permit,
    explained(place, 'take', 'access', { roles }),
  )
  return ensureInvitation(place)
}

const keepHeld = ({ organization }: Place, record: Membership, message: string): PlaceResult => ({
  organization,
  state: 'Active',
  roles: record.spec.settled?.roles ?? [],
  is: { is: 'reconciling', reason: 'Retrying', message },
  isHeld: true,
})

/** Declared and gone by themselves: nobody is fetched back by a file. */
const driftOf = async ({ world, user, organization }: Place): Promise<PlaceResult> => {
  const message = `left ${organization}, and is still declared in ${declaredAt(user)}: drop the membership, or invite them again`
  const known = user.status?.memberships?.find(one => one.organization === organization)
  if (known?.state !== 'Left')
    await recordEvent(
      world,
      { kind: 'User', name: user.metadata.name, uid: user.metadata.uid },
      'Warning',
      'Left',
      message,
    )
  return { organization, state: 'Left', roles: [], is: { is: 'ready', reason: 'Left', message } }
}

/** An Invitation that was made for an address or an organization that is declared no more. */
const dropObsolete = async (world: World, place: Place): Promise<void> => {
  const own = requestsOf(world.cache, place.organization, place.user.spec.email)
  if (own.some(isGenerated)) return
  await removeInvitation(place, `${declaredAt(place.user)} declares another address`)
}

/** Somebody else whose declaration stands for the same membership: a User that was renamed. */
const hasHeir = ({ world: { cache }, user, organization }: Place, { spec }: Membership): boolean => {
  const owner = ownerOf(cache, spec.address)
  const heirs = [...(owner ? [owner] : []), ...cache.by('User', 'previousName', user.metadata.name)]
  return heirs.some(
    heir =>
      !isDeleting(heir) && heir.metadata.uid !== user.metadata.uid && membershipIn(heir, organization) !== undefined,
  )
}

/** What a pass has seen of the declaration: whose it is, and what it says. */
const seen = ({ user, entry, standing }: Place): Pick<MembershipSpec, 'user' | 'declared'> => ({
  ...claimedBy(user),
  ...(entry && {
    declared: {
      present: true,
      roles: [...(entry.roles ?? [])].sort(),
      join: entry.join ?? 'Invitation',
      ...(standing.is === 'open' && standing.until !== undefined && { until: timestamp(standing.until) }),
    },
  }),
})

const claimedBy = ({ metadata }: User) => ({ user: { name: metadata.name, uid: metadata.uid } })

export const producerOf = (user: User): string => {
  const source = user.metadata.labels?.[LABELS.source]
  return source === undefined ? MANAGERS.controller : MANAGERS.source(source)
}

const reasonOf = ({ user, organization, entry, standing }: Place): string => {
  if (isDeleting(user)) return `${declaredAt(user)} was deleted`
  if (standing.is === 'over' && standing.why === 'Until') return `${declaredAt(user)} says until ${entry?.until}`
  if (standing.is === 'over') return `${declaredAt(user)} says Ended`
  return `${declaredAt(user)} declares no membership in ${organization}`
}

/** Who and why, with one change that people see. */
export const explained = (
  place: Pick<Place, 'user' | 'organization'>,
  action: 'join' | 'end' | 'grant' | 'take' | 'create',
  target: 'membership' | 'access' | 'account',
  fields: Record<string, unknown> = {},
) => {
  const { user, organization } = place
  const because = declaredAt(user)
  const change = { action, target, kind: 'User', name: user.metadata.name, organization, because, fields }
  return { actor: producerOf(user), because, organization, changes: [change] }
}

const given = ({ settled }: MembershipSpec) => (settled && settled.roles.length > 0 ? { roles: settled.roles } : {})

/** Who and why, for a write that only remembers. */
export const quiet = ({ user, organization }: Pick<Place, 'user' | 'organization'>) => ({
  actor: producerOf(user),
  because: declaredAt(user),
  organization,
})

export const sameSpec = (a: MembershipSpec, b: MembershipSpec): boolean =>
  a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
const sorted = (spec: MembershipSpec): unknown => Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1))

/** Of two records of one person the better state, all roles, and what is still to be done. */
const merged = (a: PlaceResult | undefined, b: PlaceResult): PlaceResult => {
  if (!a) return b
  const order: PlaceState[] = ['Active', 'Restricted', 'Suspended', 'Invited', 'Waiting', 'Left', 'Ended']
  const better = order.indexOf(a.state) <= order.indexOf(b.state) ? a : b
  const times = [a.again, b.again].filter(time => time !== undefined)
  return {
    ...a,
    ...b,
    state: better.state,
    roles: [...new Set([...a.roles, ...b.roles])].sort(),
    ...(times.length > 0 && { again: Math.min(...times) }),
    ...((a.isHeld || b.isHeld) && { isHeld: true }),
  }
}

const worse = (own: PlaceResult, further: Pick<PlaceResult, 'is' | 'again'>): Partial<PlaceResult> => {
  const times = [own.again, further.again].filter(time => time !== undefined)
  return {
    ...(own.is?.is === 'stalled' ? {} : further.is && { is: further.is }),
    ...(times.length > 0 && { again: Math.min(...times) }),
  }
}
