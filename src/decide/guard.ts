import { createHash } from 'node:crypto'
import { listed, people } from '../api/counted.ts'
import type { HoldReason } from '../api/removalset.ts'
import { DEFAULT_GUARD, type GuardSettings } from './guard-settings.ts'

/**
 * One loss that is wanted and not decided. A person is named by one word everywhere, so that each counts once.
 */
export interface WantedLoss {
  /** `<Membership>/<digest>`. */
  key: string
  person: string
  addresses: readonly string[]
  /** An admin of the organization by what they lose. */
  admin: boolean
  /** Organizations below in which they lose something. */
  below?: readonly string[]
  /** Organizations below of which they are an admin by what they lose. */
  adminBelow?: readonly string[]
}

/** All that one producer wants taken from people of one organization. */
export interface WantedSet {
  organization: string
  producer: string
  losses: readonly WantedLoss[]
}

/** Numbers that bound what may be taken from one organization, from one tree of them, by one source, or in the realm. */
export interface Scope {
  /** People now, and a day ago. */
  people: { now: number; dayAgo: number }
  /** People from whom something was taken in the last 24 hours, or may still be by a released set. */
  spent: ReadonlySet<string>
}

/** What the decision is made from. Everything about one organization is as settled, never as just declared. */
export interface GuardFacts {
  /** This organization, its parent, …, the root. */
  chain: (organization: string) => readonly string[]
  guard: (organization: string) => GuardSettings
  /** Organizations whose guard protects an address. */
  protecting: (address: string) => readonly string[]
  organization: (organization: string) => Scope
  /** A root organization and all below. */
  tree: (root: string) => Scope
  producer: (producer: string) => Scope
  realm: Scope
  /** People who are admins there and can sign in, but for those whom a released set takes. */
  admins: (organization: string) => ReadonlySet<string>
}

/** What holds a set, and in words. */
export interface Held {
  reason: HoldReason
  because: string
}

export type SetVerdict = { set: WantedSet } & ({ is: 'released' } | ({ is: 'held' } & Held))

/** People who may lose something in 24 hours. */
export const budgetOf = (
  { maxRemovals, freeRemovals }: Pick<GuardSettings, 'maxRemovals' | 'freeRemovals'>,
  { now, dayAgo }: Scope['people'],
): number => Math.max(freeRemovals, Math.floor((maxRemovals * Math.min(now, dayAgo)) / 100))

/**
 * Decides over everything that is wanted at one moment. A set is released or held as a whole. What one producer wants in several organizations
 * also counts together, against the budgets of their root, of the producer and of the realm: over one of these, all of it that counts there is held.
 * Small producers come first, so that a large mistake of one does not use up what another needs.
 */
export const judge = (wanted: readonly WantedSet[], facts: GuardFacts): SetVerdict[] => {
  const taken = new Map<string, Set<string>>()
  const takenFrom = (scope: string): Set<string> => {
    const known = taken.get(scope) ?? new Set()
    taken.set(scope, known)
    return known
  }
  const rootOf = (organization: string): string => facts.chain(organization).at(-1) ?? organization
  const verdicts: SetVerdict[] = []
  const byProducer = [...Map.groupBy(wanted, set => set.producer).values()].sort(
    (a, b) => sizeOf(a) - sizeOf(b) || compare(a[0]?.producer ?? '', b[0]?.producer ?? ''),
  )
  for (const sets of byProducer) {
    const kept: { set: WantedSet; people: string[] }[] = []
    for (const set of sets) {
      const held = heldByOrganization(set, wanted, facts, takenFrom(`organization/${set.organization}`))
      if (held) verdicts.push({ set, is: 'held', ...held })
      else kept.push({ set, people: peopleOf(set) })
    }
    const over = new Map<WantedSet, string>()
    const look = (
      among: typeof kept,
      key: string,
      name: string,
      guard: GuardSettings,
      scope: Scope,
      least = () => 0,
    ) => {
      const before = union(scope.spent, takenFrom(key))
      const all = union(
        before,
        among.flatMap(({ people }) => people),
      )
      // Nobody is held for what others took, as long as they take nobody more; and nobody is counted where few are taken.
      if (all.size <= guard.freeRemovals || all.size === before.size) return
      const budget = Math.max(budgetOf(guard, scope.people), least())
      if (all.size <= budget) return
      for (const { set } of among) if (!over.has(set)) over.set(set, overText(name, all.size, before.size, budget))
    }
    const roots = Map.groupBy(kept, ({ set }) => rootOf(set.organization))
    const largest = () => Math.max(0, ...roots.keys().map(root => budgetOf(facts.guard(root), facts.tree(root).people)))
    for (const [root, among] of roots)
      look(among, `tree/${root}`, `${root} and all below`, facts.guard(root), facts.tree(root))
    const [first] = sets
    if (first) {
      const { producer } = first
      // Within one root its own guard says enough; the fixed values bound what goes on in many at once.
      look(kept, `producer/${producer}`, producer, { ...DEFAULT_GUARD }, facts.producer(producer), largest)
      look(kept, 'realm', 'the whole realm', { ...DEFAULT_GUARD }, facts.realm, largest)
    }
    for (const { set, people } of kept) {
      const because = over.get(set)
      if (because !== undefined) {
        verdicts.push({ set, is: 'held', reason: 'Budget', because })
        continue
      }
      verdicts.push({ set, is: 'released' })
      for (const scope of [
        `organization/${set.organization}`,
        `tree/${rootOf(set.organization)}`,
        `producer/${set.producer}`,
        'realm',
      ])
        for (const person of people) takenFrom(scope).add(person)
    }
  }
  return verdicts
}

/** One named person, asked and answered: beside the budget, ten in an hour, and never somebody protected or an admin who is needed. */
export const judgeUrgent = (
  set: WantedSet,
  wanted: readonly WantedSet[],
  facts: GuardFacts,
  usedInHour: number,
): boolean => usedInHour < URGENT_AN_HOUR && heldForWhom(set, wanted, facts) === undefined
const URGENT_AN_HOUR = 10

const heldByOrganization = (
  set: WantedSet,
  wanted: readonly WantedSet[],
  facts: GuardFacts,
  taken: ReadonlySet<string>,
): Held | undefined => {
  const { organization } = set
  const guard = facts.guard(organization)
  const held = heldForWhom(set, wanted, facts)
  if (held) return held
  const scope = facts.organization(organization)
  const before = union(scope.spent, taken)
  const all = union(before, peopleOf(set))
  if (all.size <= guard.freeRemovals || all.size === before.size) return undefined
  const budget = budgetOf(guard, scope.people)
  if (all.size <= budget) return undefined
  return { reason: 'Budget', because: overText(organization, all.size, before.size, budget) }
}

/** Whether whom it concerns holds it, however few they are. */
const heldForWhom = (set: WantedSet, wanted: readonly WantedSet[], facts: GuardFacts): Held | undefined => {
  const { organization } = set
  const named = new Map<string, string>()
  for (const { addresses, below = [] } of set.losses)
    for (const address of addresses) {
      const by = facts.protecting(address)
      const at = by.includes(organization) ? organization : by.find(one => below.includes(one))
      if (at === undefined) continue
      named.set(address, at === organization ? address : `${address} (in ${at}, which is below)`)
      break
    }
  if (named.size > 0)
    return {
      reason: 'Protected',
      because: `${listed([...named.values()])} ${named.size === 1 ? 'is' : 'are'} protected`,
    }
  const concerned = new Set(set.losses.flatMap(loss => administeredBy(set, loss)))
  if (concerned.size === 0) return undefined
  const going = new Map([...concerned].map(at => [at, new Set<string>()]))
  for (const one of wanted)
    for (const loss of one.losses) for (const at of administeredBy(one, loss)) going.get(at)?.add(loss.person)
  for (const [at, people] of going) {
    const left = [...facts.admins(at)].filter(person => !people.has(person)).length
    const { minAdmins } = facts.guard(at)
    if (left >= minAdmins) continue
    const whose = at === organization ? 'an admin' : `an admin of ${at}, which is below,`
    return {
      reason: 'MinAdmins',
      because: `it takes ${whose} and leaves ${left} who can sign in, and minAdmins is ${minAdmins}`,
    }
  }
  return undefined
}

/** Where somebody is an admin by what they lose. */
const administeredBy = ({ organization }: WantedSet, { admin, adminBelow = [] }: WantedLoss): readonly string[] =>
  admin ? [organization, ...adminBelow] : adminBelow

const overText = (name: string, all: number, before: number, budget: number): string =>
  before === 0
    ? `${people(all)} would lose something in ${name}, and ${budget} may in 24 hours`
    : `${people(all)} would lose something in ${name} within 24 hours (${before} already), and ${budget} may`

/** `sha256:…` over what is taken, in any order. It is what an Approval names: one loss more or less is another. */
export const hashOf = (organization: string, keys: readonly string[]): string =>
  `sha256:${createHash('sha256')
    .update(JSON.stringify([organization, [...keys].sort()]))
    .digest('hex')}`

const peopleOf = (set: WantedSet): string[] => [...new Set(set.losses.map(loss => loss.person))]
const sizeOf = (sets: readonly WantedSet[]): number => sets.reduce((sum, { losses }) => sum + losses.length, 0)
const union = (a: Iterable<string>, b: Iterable<string>): Set<string> => new Set([...a, ...b])
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
