import type { Membership, MembershipSpec } from '../api/membership.ts'
import { LABELS, MANAGERS } from '../api/names.ts'
import type { RemovalSet } from '../api/removalset.ts'
import { isAdmin, suspensionOf } from '../decide/can.ts'
import type { GuardFacts, Scope } from '../decide/guard.ts'
import { DEFAULT_GUARD } from '../decide/guard-settings.ts'
import { takesAdminBelow } from '../decide/loss.ts'
import { isJoined } from '../decide/membership.ts'
import { membershipOf, removalKey } from '../decide/record-names.ts'
import { milliseconds } from '../decide/time.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { adminsHereOrAbove, settingsFor } from './context.ts'

/** How long a budget lasts. */
export const BUDGET = 24 * 3_600_000

/** What counting needs. */
export interface Counting {
  readonly cache: Cache
  readonly clock: Pick<Clock, 'now'>
}

/** One word for one person: the User, else the address. */
export const personOf = ({ user, address }: MembershipSpec): string => user?.uid ?? address

/** What the guard decides from, read when it is asked for: where little is taken, nobody is counted. */
export const guardFacts = (world: Counting): GuardFacts => {
  const { cache, clock } = world
  const now = clock.now()
  const spending = [...cache.list('RemovalSet')].filter(({ spec }) => countsNow(spec, now))
  const chain = (organization: string): readonly string[] =>
    settingsFor(world, organization)?.settings.chain ?? [organization]
  const rootOf = (organization: string): string => chain(organization).at(-1) ?? organization
  const scope = (
    sets: (set: RemovalSet) => boolean,
    members: () => Iterable<Membership>,
    matters: (membership: Membership) => boolean = () => true,
  ): Scope => ({
    get people() {
      return peopleIn(members(), matters, now)
    },
    spent: new Set(
      spending.filter(sets).flatMap(({ spec }) =>
        (spec.removals ?? []).flatMap(key => {
          const record = cache.get('Membership', membershipOf(key))
          return record ? [personOf(record.spec)] : [key]
        }),
      ),
    ),
  })
  const roots = new Map<string, string>()
  const knownRoot = (organization: string): string => {
    const root = roots.get(organization) ?? rootOf(organization)
    roots.set(organization, root)
    return root
  }
  let protecting: Map<string, string[]> | undefined
  const everybody = () => cache.list('Membership')
  const sourceOf = ({ user }: MembershipSpec): string | undefined =>
    user && cache.get('User', user.name)?.metadata.labels?.[LABELS.source]
  return {
    chain,
    guard: organization => ({ ...DEFAULT_GUARD, ...cache.get('RemovalSet', organization)?.spec.guard }),
    protecting: address => {
      protecting ??= protectingIn(cache)
      return protecting.get(address) ?? []
    },
    organization: organization =>
      scope(
        set => set.spec.organization === organization,
        () => cache.by('Membership', 'organization', organization),
      ),
    tree: root =>
      scope(
        set => knownRoot(set.spec.organization) === root,
        everybody,
        ({ spec }) => knownRoot(spec.organization) === root,
      ),
    producer: producer =>
      scope(
        set => set.spec.producer === producer,
        everybody,
        ({ spec }) => {
          if (spec.declared?.directory) return producer === MANAGERS.directory(spec.declared.directory.name)
          const source = sourceOf(spec)
          return producer === (source === undefined ? MANAGERS.controller : MANAGERS.source(source))
        },
      ),
    realm: scope(() => true, everybody),
    admins: organization => adminsWhoSignIn(world, organization, chain(organization)),
  }
}

/** Address → organizations whose guard, as settled, protects it. */
const protectingIn = (cache: Cache): Map<string, string[]> => {
  const protecting = new Map<string, string[]>()
  for (const { spec } of cache.list('RemovalSet'))
    for (const address of spec.guard?.protected ?? [])
      protecting.set(address, [...(protecting.get(address) ?? []), spec.organization])
  return protecting
}

/** Whether organizations are as they were made: then their guard was in force before anybody came. */
export const isAsMade = (cache: Cache, chain: readonly string[]): boolean =>
  chain.every(one => cache.get('Organization', one)?.metadata.generation === 1)

/** Whether a set counts against the budgets now: from its release until 24 hours after the last of it. Mails take nothing. */
const countsNow = ({ state, reason, urgent, closed }: RemovalSet['spec'], now: number): boolean =>
  !urgent &&
  reason !== 'Invitations' &&
  (state === 'Released' || (state === 'Done' && closed !== undefined && milliseconds(closed) + BUDGET > now))

const peopleIn = (
  members: Iterable<Membership>,
  matters: (membership: Membership) => boolean,
  now: number,
): Scope['people'] => {
  const [present, before] = [new Set<string>(), new Set<string>()]
  const since = now - BUDGET
  for (const membership of members) {
    const { spec } = membership
    if (spec.joined === undefined || !matters(membership)) continue
    const gone = spec.ended?.time ?? (isJoined(spec) ? undefined : spec.left?.time)
    if (gone === undefined) present.add(personOf(spec))
    if (milliseconds(spec.joined.time) <= since && (gone === undefined || milliseconds(gone) > since))
      before.add(personOf(spec))
  }
  return { now: present.size, dayAgo: before.size }
}

/** Admins of an organization, here and above, who have a way to sign in and are not about to go. */
const adminsWhoSignIn = (world: Counting, organization: string, chain: readonly string[]): Set<string> => {
  const { cache, clock } = world
  const now = clock.now()
  const admins = new Set<string>()
  for (const { metadata, spec } of adminsHereOrAbove(cache, organization, chain)) {
    const account = spec.joined?.account === undefined ? undefined : cache.get('Account', spec.joined.account)
    if (account ? !account.spec.proven || account.spec.closed : spec.joined?.how === 'Declared') continue
    const { losing } = spec
    const takes = spec.organization === organization ? losing?.admin : takesAdminBelow(spec, organization)
    const goes = losing && takes ? cache.by('RemovalSet', 'removal', removalKey(metadata.name, losing.digest)) : []
    if (goes.some(set => set.spec.state === 'Released')) continue
    const memberships = spec.user ? cache.by('Membership', 'userUid', spec.user.uid).map(one => one.spec) : [spec]
    const suspended = suspensionOf(spec.user && cache.get('User', spec.user.name))
    if (isAdmin({ chain: chain.includes(organization) ? chain : [organization], memberships, suspended, now }))
      admins.add(personOf(spec))
  }
  return admins
}
