import type { Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { type Loss, makesAdmin, withoutLosing } from '../decide/loss.ts'
import {
  declarationReturns,
  forgetDeclaration,
  hasLeft,
  isJoined,
  newMembership,
  withdrawAttempts,
} from '../decide/membership.ts'
import { standingOf, turnsAt } from '../decide/person.ts'
import { accountName, membershipName } from '../decide/record-names.ts'
import { foundOf } from './bearers.ts'
import { declaredAt, recordEvent, refOf, settingsFor, type World } from './context.ts'
import { clearLeft, close, end, forget } from './ending.ts'
import { ensureInvitation, removeInvitation } from './generated.ts'
import { meantIn } from './imports.ts'
import { addressesOf, foundKey } from './indexes.ts'
import { keeperOf } from './keeper.ts'
import { isDeleting, isGenerated, requestsOf } from './people.ts'
import { asking, permitFor } from './permits.ts'
import {
  causeOf,
  claimedBy,
  explained,
  given,
  merged,
  originAt,
  type Place,
  type PlaceResult,
  quiet,
  sameSpec,
  seen,
  waitingFor,
  worse,
} from './placepass.ts'
import { settle, withAccess } from './settle.ts'
import { mailSetUp } from './setup.ts'

/** Makes one membership of one person so. */
export const reconcilePlace = async (world: World, user: User, organization: string): Promise<PlaceResult> => {
  const found = settingsFor(world, organization)
  const now = world.clock.now()
  const meant = meantIn(world.cache, user, organization, now)
  const { entry } = meant
  if (!found) {
    if (!entry) return { organization, state: 'Ended', roles: [] }
    const message = `organization ${organization} does not exist; declare it, or drop the membership`
    return { organization, state: 'Waiting', roles: [], is: { is: 'stalled', reason: 'ReferenceNotFound', message } }
  }
  const standing = standingOf(entry, { now, timeZone: found.settings.timeZone })
  const place: Place = {
    world,
    user,
    organization,
    settings: found.settings,
    problem: found.problem,
    ...meant,
    standing,
    now,
  }
  const records: Membership[] = []
  for (const record of recordsOf(place)) records.push(await clearLeft(place, await inherit(place, record)))
  const result = await carryOut(place, records)
  // Whatever came of it: time alone changes what is declared.
  const turns = [turnsAt(standing), meant.imported?.until].filter(time => time !== undefined)
  const turn = turns.length > 0 ? Math.min(...turns) : undefined
  return turn === undefined ? result : { ...result, again: Math.min(turn, result.again ?? turn) }
}

const carryOut = async (place: Place, records: readonly Membership[]): Promise<PlaceResult> => {
  const { world, organization, user, standing } = place
  const joined = records.filter(record => isJoined(record.spec))
  switch (standing.is) {
    case 'over':
    case 'absent':
      return close(place, records, joined)
    case 'waiting':
      return joined.length > 0 ? keep(place, joined) : wait(place, records)
    case 'open': {
      const former = joined.filter(record => isFormer(place, record))
      const own = joined.filter(record => !former.includes(record))
      let result = own.length > 0 ? await keep(place, own) : await enrol(place, without(records, former))
      // Only now: whoever moves to another address is never without a membership, or their seat would go to whoever waits.
      for (const record of former) {
        const because = `${originAt(place)} says ${user.spec.email} instead of ${record.spec.address}`
        const rest = world.cache.get('Membership', membershipName(organization, user.spec.email))
        const ended = await end(place, record, because, { rest })
        if (ended.isHeld) result = merged(result, ended)
      }
      return result
    }
    default:
      return standing satisfies never
  }
}

/**
 * Records of this person here: of the declared address first, then of the aliases, then what was claimed under another address or a former name.
 * What another User looks after is not among them.
 */
const recordsOf = ({ world: { cache }, user, organization }: Place): Membership[] => {
  const found = new Map<string, Membership>()
  const add = (membership: Membership | undefined) => {
    if (membership?.spec.organization !== organization) return
    if (keeperOf(cache, membership)?.metadata.uid === user.metadata.uid) found.set(membership.metadata.name, membership)
  }
  for (const address of addressesOf(user)) add(cache.get('Membership', membershipName(organization, address)))
  for (const membership of cache.by('Membership', 'userUid', user.metadata.uid)) add(membership)
  for (const { spec } of foundOf(cache, user))
    for (const membership of cache.by('Membership', 'directory', foundKey(spec.directory, spec.id))) add(membership)
  for (const name of user.spec.previousNames ?? [])
    for (const membership of cache.by('Membership', 'user', name)) add(membership)
  return [...found.values()]
}

/**
 * Whoever takes the place of a former name claims what that one has under another address before anything else is done about it:
 * what comes of a record, or of what is asked of the guard for it, is told to whom it is claimed by, and the former one is gone by then.
 */
const inherit = async (place: Place, record: Membership): Promise<Membership> => {
  const { world, user } = place
  const { address, user: claimed } = record.spec
  if (isDeleting(user) || claimed?.uid === user.metadata.uid || addressesOf(user).includes(address)) return record
  return world.effects.updateMembership(record, { ...record.spec, ...claimedBy(user) }, quiet(place))
}

/** Somebody who belongs, and stays: what the declaration gives and takes. */
const keep = async (place: Place, joined: readonly Membership[]): Promise<PlaceResult> => {
  const { world, user } = place
  let result: PlaceResult | undefined
  for (const record of joined) {
    const said = seen(place)
    // Known and licensed so far; from now on, or from the declared day on, a member who joins by accepting.
    const isToBeInvited =
      said.declared?.join === 'Invitation' &&
      record.spec.joined?.how === 'Declared' &&
      record.spec.declared?.join === 'None'
    if (isToBeInvited && place.standing.is === 'open' && !place.problem) return readmit(place, record)
    if (isToBeInvited && said.declared) said.declared.join = 'None'
    const account = await accountOf(place, record.spec)
    const next = await settle(place, record, { ...withoutSetUp(place, record.spec), ...said, ...account })
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
      ? await accountOf(place, {
          address: normalizeAddress(user.spec.email),
          joined: { time: timestamp(now), how: 'Declared' },
        })
      : undefined
  if (record) {
    const base = returns ? declarationReturns(record.spec, now) : record.spec
    // Whoever joins by declaration has no use for a link that may be out.
    const { ended: _ended, ...rest } = joinedNow ? forgetDeclaration(withdrawAttempts(base, now)) : base
    const spec = { ...(joinedNow ? rest : base), ...seen(place), ...joinedNow }
    if (joinedNow) await removeInvitation(place, `${originAt(place)} says join: ${entry?.join}`)
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

/** The joining by declaration, with the Account that `join: Account` makes: always that of the membership's own address. */
const accountOf = async (
  place: Place,
  { address, joined }: Pick<MembershipSpec, 'address' | 'joined'>,
): Promise<Pick<MembershipSpec, 'joined'>> => {
  const { world, entry } = place
  if (!joined) return {}
  if (joined.how !== 'Declared' || joined.account !== undefined || entry?.join !== 'Account') return { joined }
  const account = accountName(address)
  if (!world.cache.get('Account', account)) {
    const spec = { address, credentialVersion: 0 }
    await world.effects.createAccount(account, spec, explained(place, 'create', 'account', { address: spec.address }))
  }
  return { joined: { ...joined, account } }
}

/**
 * A membership of an address that is declared no more, which nobody has ever signed in with: the one of the new address takes its place,
 * with a set-up mail of its own, since a link proves the address it was made for.
 */
const isFormer = ({ world, user, entry, problem }: Place, { spec }: Membership): boolean => {
  const { joined } = spec
  const join = entry?.join ?? 'Invitation'
  if (problem || join === 'None' || joined?.how !== 'Declared') return false
  if (join === 'Invitation' && joined.account === undefined) return false
  if (joined.account !== undefined && world.cache.get('Account', joined.account)?.spec.proven) return false
  return !addressesOf(user).includes(spec.address)
}

/** The record in which a set-up link that is out works no more, where the declaration says now that there is nothing to sign in to. */
const withoutSetUp = ({ world, entry, now }: Place, spec: MembershipSpec): MembershipSpec => {
  const { joined, attempts } = spec
  const last = attempts.at(-1)
  if (entry?.join !== 'None' || joined?.how !== 'Declared' || joined.account === undefined) return spec
  if (last?.purpose !== 'SetUp' || last.withdrawnTime !== undefined) return spec
  if (world.cache.get('Account', joined.account)?.spec.proven) return spec
  return forgetDeclaration(withdrawAttempts(spec, now))
}

/** Somebody whose membership begins later. */
const wait = async (place: Place, records: readonly Membership[]): Promise<PlaceResult> => {
  const { organization, entry } = place
  await removeInvitation(place, `the membership begins on ${entry?.from}`)
  for (const record of records) await forget(place, record)
  const message = `begins in ${organization} on ${entry?.from}`
  const is = { is: 'ready', reason: 'WaitingForTime', message } as const
  return { organization, state: 'Waiting', roles: [], is }
}

/** `None` was declared and `Invitation` is now: the person is invited, and belongs again from accepting on. */
const readmit = async (place: Place, record: Membership): Promise<PlaceResult> => {
  const { world } = place
  const because = `${originAt(place)} says join: Invitation instead of None`
  const cause = causeOf(place, because)
  const loss: Loss = { is: 'membership' }
  const decision = permitFor(world, record, loss, cause)
  const { roles = [], permissions = [] } = record.spec.settled ?? {}
  if (!('permit' in decision)) {
    const spec = asking(world, record.spec, record.spec, loss, cause, makesAdmin(permissions))
    if (!sameSpec(record.spec, spec)) await world.effects.updateMembership(record, spec, quiet(place))
    return { organization: place.organization, state: 'Active', roles, ...waitingFor(decision) }
  }
  const { joined: _joined, settled: _settled, ...rest } = withoutLosing(record.spec)
  await world.effects.takeAccess(
    record,
    { ...rest, ...seen(place) },
    decision.permit,
    explained(place, 'take', 'access', { roles }),
  )
  return ensureInvitation(place)
}

/** Declared and gone by themselves: nobody is fetched back by a file. */
const driftOf = async (place: Place): Promise<PlaceResult> => {
  const { world, user, organization } = place
  const message = `left ${organization}, and is still ${place.isDeclared ? `declared in ${declaredAt(user)}: drop the membership` : `in ${originAt(place)}: take them out there`}, or invite them again`
  const known = user.status?.memberships?.find(one => one.organization === organization)
  if (known?.state !== 'Left') await recordEvent(world, refOf(user), 'Warning', 'Left', message)
  return { organization, state: 'Left', roles: [], is: { is: 'ready', reason: 'Left', message } }
}

/** An Invitation that was made for an address or an organization that is declared no more. */
const dropObsolete = async (world: World, place: Place): Promise<void> => {
  const own = requestsOf(world.cache, place.organization, place.user.spec.email)
  if (own.some(isGenerated)) return
  await removeInvitation(place, `${originAt(place)} says another address`)
}

const without = (all: readonly Membership[], these: readonly Membership[]) => all.filter(one => !these.includes(one))
