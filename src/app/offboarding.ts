import type { Invitation } from '../api/invitation.ts'
import { LABELS, MANAGED_BY } from '../api/names.ts'
import type { User, UserMembership } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import { isJoined } from '../decide/membership.ts'
import { generatedName } from '../decide/record-names.ts'
import { endOf, isDate } from '../decide/time.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { isGenerated, membershipIn, requestsOf } from '../reconcilers/people.ts'
import type { ResourceStore } from '../store/store.ts'
import { handManifest } from './handfields.ts'
import { findPerson, type Person } from './person.ts'
import type { Plan } from './plan.ts'
import type { Realm } from './realm.ts'
import { rehearse } from './rehearsal.ts'
import { rehearsedPlan } from './rehearsedplan.ts'
import { SettingsError } from './settings.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { waitWhile } from './waiting.ts'
import { whenceOf } from './whence.ts'

/** One membership that ends, and where that is to be said. */
export interface MembershipEdit {
  organization: string
  /** As it is to be declared. */
  entry: UserMembership
  /** `hand`: in the store, by who asks. `manifest`: a Source declares it, and would take back what a hand says. */
  by: 'hand' | 'manifest'
  /** Where it is declared now: `users/alice.yaml:2`; absent: nowhere. */
  place?: string
}

/** What is still there of somebody when every membership has ended. */
export interface Remainder {
  /** `member of the group platform`. */
  what: string
  place: string
}

export interface Offboarding {
  /** Name of the User, else the address. */
  person: string
  /** The last day; absent: now. */
  on?: string
  edits: MembershipEdit[]
  /** Invitations written by hand that are open. `by: 'manifest'`: a Source would make them again. */
  invitations: { name: string; organization: string; email: string; by: 'hand' | 'manifest'; place: string }[]
  remainders: Remainder[]
  /** All that follows when it has come to that. */
  plan: Plan
}

/**
 * Finds everything that somebody has anywhere, and what ending it takes from them. Nothing is changed.
 * @param on the last day, to its end in the time zone of each organization; absent: now
 * @throws UnknownPersonError, SettingsError
 */
export const planOffboarding = async (
  realm: Realm,
  asked: { person: string; on?: string | undefined },
  signal: AbortSignal,
): Promise<Offboarding> => {
  const { on } = asked
  const snapshot = await takeSnapshot(realm)
  const person = findPerson(snapshot, asked.person)
  const edits: MembershipEdit[] = []
  for (const organization of organizationsOf(snapshot, person)) {
    const edit = await editOf(realm.store, snapshot, person, organization, on)
    if (edit) edits.push(edit)
  }
  const invitations = openInvitations(snapshot, person)
  const rehearsal = await rehearse(
    realm,
    store => carryOut({ store, actor: realm.actor }, snapshot, person, { edits: edits.map(ended), invitations }),
    {
      signal,
    },
  )
  return {
    person: person.called,
    ...(on !== undefined && { on }),
    edits,
    invitations,
    remainders: remaindersOf(snapshot, person),
    plan: rehearsedPlan(rehearsal),
  }
}

/** How long a running controller is waited for, in milliseconds. */
const PATIENCE = 15_000

/** What became of the memberships that were ended here. */
export interface Offboarded {
  /** Organizations in which it is over; with a last day, in which it will be. */
  done: string[]
  /** What still waits, in words: held, or no controller runs. */
  waiting?: string
}

/** Carries out what may be carried out here, and lets a running controller end what hangs on it. @throws ConflictError when the person was changed meanwhile */
export const offboard = async (
  realm: Realm,
  { edits, invitations, on, person: called }: Offboarding,
  signal: AbortSignal,
): Promise<Offboarded> => {
  const { store, audit, actor } = realm
  const own = edits.filter(({ by }) => by === 'hand')
  const snapshot = await takeSnapshot(realm)
  const person = findPerson(snapshot, called)
  const line = {
    actor,
    action: 'user.offboard',
    target: `User/${person.name}`,
    because: `asked by ${actor}`,
  }
  await audit.append({ ...line, phase: 'intent', after: { memberships: own.map(({ entry }) => entry) } })
  const name = await carryOut({ store, actor }, snapshot, person, {
    edits: own,
    invitations: on === undefined ? invitations.filter(({ by }) => by === 'hand') : [],
  })
  await audit.append({ ...line, phase: 'result', after: { memberships: own.map(({ entry }) => entry) } })
  const organizations = own.map(({ organization }) => organization)
  if (name === undefined || on !== undefined) return { done: organizations }
  if (!(await store.lease.read())?.held) return { done: [], waiting: 'no controller runs here that would end it' }
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const isOver = (user: User | undefined): true | undefined => {
    const open = (user?.status?.memberships ?? []).filter(
      one => organizations.includes(one.organization) && one.state !== 'Ended' && one.state !== 'Left',
    )
    const isSeen = user?.status?.observedGeneration === user?.metadata.generation
    const isHeld = user?.status?.conditions?.some(({ type }) => type === 'RemovalsHeld') ?? false
    return user === undefined || (isSeen && (open.length === 0 || isHeld)) ? true : undefined
  }
  await waitWhile(realm, { kind: 'User', name }, one => isOver(one as User | undefined), patience)
  const user = await store.get('User', name)
  const left = (user?.status?.memberships ?? []).filter(
    one => organizations.includes(one.organization) && one.state !== 'Ended' && one.state !== 'Left',
  )
  const open = new Set(left.map(({ organization }) => organization))
  const ready = user?.status?.conditions?.find(({ type }) => type === 'Ready')
  return {
    done: organizations.filter(one => !open.has(one)),
    ...(open.size > 0 && { waiting: ready?.message ?? 'the controller is at it' }),
  }
}

const ended = (edit: MembershipEdit): MembershipEdit => ({
  ...edit,
  entry: { organization: edit.organization, state: 'Ended' },
})

/** Where somebody belongs, is declared, or is asked to join. */
const organizationsOf = ({ cache }: Snapshot, { user, addresses, memberships }: Person): string[] => {
  const found = new Set<string>()
  for (const entry of user?.spec.memberships ?? []) if (entry.state !== 'Ended') found.add(entry.organization)
  for (const { spec } of memberships) if (isJoined(spec)) found.add(spec.organization)
  for (const address of addresses)
    for (const { spec } of cache.by('Invitation', 'address', address)) found.add(spec.organization)
  return [...found].sort()
}

/** Undefined: it is over there already, or by that day. */
const editOf = async (
  store: Pick<ResourceStore, 'owners' | 'get'>,
  snapshot: Snapshot,
  { user, memberships }: Person,
  organization: string,
  on: string | undefined,
): Promise<MembershipEdit | undefined> => {
  const declared = user && !isGenerated(user) ? membershipIn(user, organization) : undefined
  const isMember = memberships.some(({ spec }) => spec.organization === organization && isJoined(spec))
  if (declared?.state === 'Ended' && !isMember) return undefined
  if (!declared && !isMember) return undefined // an Invitation alone: it is deleted
  if (on !== undefined) {
    if (!isDate(on)) throw new SettingsError(`--on ${JSON.stringify(on)} is no date; write 2026-12-31`)
    const timeZone = settingsFor(snapshot, organization)?.settings.timeZone ?? 'UTC'
    if (endOf(on, timeZone) <= snapshot.now)
      throw new SettingsError(`--on ${on} is over in ${organization} (${timeZone}); leave it out to offboard now`)
    if (declared?.until !== undefined && declared.until <= on) return undefined
  }
  const entry: UserMembership =
    on === undefined ? { organization, state: 'Ended' } : { ...(declared ?? { organization }), until: on }
  if (!user || !declared) return { organization, entry, by: 'hand' }
  const owners = await store.owners({ kind: 'User', name: user.metadata.name })
  const manager = owners.find(one => one.field === `spec.memberships[${organization}]`)?.manager
  const source = manager?.startsWith('source/') ? manager.slice('source/'.length) : undefined
  const isWatched = source !== undefined && (await store.get('Source', source)) !== undefined
  const { place } = whenceOf(user)
  return { organization, entry, by: isWatched ? 'manifest' : 'hand', ...(source !== undefined && { place }) }
}

/** Written by hand or in a manifest, and still asking. */
const openInvitations = ({ cache }: Snapshot, { addresses, user }: Person): Offboarding['invitations'] => {
  const open = (one: Invitation): boolean => one.status?.state !== 'Accepted' && !isGenerated(one)
  const seen = new Set([...addresses, ...(user ? [normalizeAddress(user.spec.email)] : [])])
  return [...seen].flatMap(address =>
    [...new Set(cache.by('Invitation', 'address', address).map(({ spec }) => spec.organization))].flatMap(
      organization =>
        requestsOf(cache, organization, address)
          .filter(open)
          .map(one => {
            const { place, source } = whenceOf(one)
            const by = source !== undefined && cache.get('Source', source) ? ('manifest' as const) : ('hand' as const)
            return { name: one.metadata.name, organization, email: one.spec.email, by, place }
          }),
    ),
  )
}

/** @returns name of the User that says so; undefined where nothing is to be said */
const carryOut = async (
  { store, actor }: { store: ResourceStore; actor: string },
  snapshot: Snapshot,
  person: Person,
  { edits, invitations }: Pick<Offboarding, 'edits' | 'invitations'>,
): Promise<string | undefined> => {
  const { user } = person
  let name: string | undefined
  if (edits.length > 0) {
    if (user && !isGenerated(user)) {
      name = user.metadata.name
      const owners = await store.owners({ kind: 'User', name })
      const change = Object.fromEntries(edits.map(({ entry }) => [`spec.memberships[${entry.organization}]`, entry]))
      await store.apply(handManifest({ ...user, kind: 'User' as const }, { owners, manager: actor }, change), {
        manager: actor,
        force: true,
        ifUid: user.metadata.uid,
        ifVersion: user.metadata.resourceVersion,
      })
    } else name = await declareEnded({ store, actor }, snapshot, person, edits)
  }
  for (const { name: invitation } of invitations) {
    const found = snapshot.cache.get('Invitation', invitation)
    if (found) await store.delete({ kind: 'Invitation', name: invitation }, { ifUid: found.metadata.uid })
  }
  return name
}

/** Somebody whom nobody declares: a declaration that says it is over, which no Invitation overrules. */
const declareEnded = async (
  { store, actor }: { store: ResourceStore; actor: string },
  { cache }: Snapshot,
  { addresses, user }: Person,
  edits: readonly MembershipEdit[],
): Promise<string> => {
  const email = user?.spec.email ?? addresses[0] ?? ''
  const readable = email
    .split('@')[0]
    ?.replace(/[^a-z0-9]+/gi, '-')
    .toLowerCase()
    .replace(/^-+|-+$/g, '')
  const name =
    readable && readable.length <= 50 && !cache.get('User', readable)
      ? readable
      : generatedName('', 'User', email, actor)
  const made = await store.create(
    {
      kind: 'User',
      metadata: { name, labels: { [LABELS.managedBy]: MANAGED_BY } },
      spec: { email, memberships: edits.map(({ entry }) => entry) },
    },
    { manager: actor },
  )
  return made.metadata.name
}

/** Where the person is still named. None of it gives anything without a membership; all of it would again with one. */
const remaindersOf = ({ cache }: Snapshot, { name, addresses, user }: Person): Remainder[] => {
  const placeOf = (object: Parameters<typeof whenceOf>[0]): string => whenceOf(object).place
  const own = new Set(addresses)
  const has = (address: string | undefined): boolean => address !== undefined && own.has(normalizeAddress(address))
  const groups = user
    ? cache
        .by('Group', 'member', name)
        .map(group => ({ what: `member of the group ${group.metadata.name}`, place: placeOf(group) }))
    : []
  const organizations = [...cache.list('Organization')].flatMap(organization => {
    const { contacts, guard, mail, portal } = organization.spec
    const called = organization.metadata.name
    return [
      ...(contacts?.some(({ email }) => has(email)) ? [`contact of ${called}`] : []),
      ...(guard?.protected?.some(has) ? [`protected by the guard of ${called}`] : []),
      ...(has(mail?.from?.email) ? [`sender of the mails of ${called}`] : []),
      ...(has(portal?.feedback?.email) ? [`where feedback of ${called} goes`] : []),
    ].map(what => ({ what, place: placeOf(organization) }))
  })
  const invited = [...cache.list('Invitation')]
    .filter(({ spec, status }) => spec.invitedBy === name && status?.state !== 'Accepted')
    .map(one => ({ what: `named as the inviter of ${one.spec.email}`, place: placeOf(one) }))
  return [...groups, ...organizations, ...invited]
}

/** Whether it is declared in a row of a table, in which no state can be written. */
export const isTable = ({ place }: Pick<MembershipEdit, 'place'>): boolean => /\.csv:\d+$/.test(place ?? '')
