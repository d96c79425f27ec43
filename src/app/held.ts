import type { Membership } from '../api/membership.ts'
import type { RemovalSet, RemovalSetSpec, SettledGuard } from '../api/removalset.ts'
import { DEFAULT_GUARD } from '../decide/guard-settings.ts'
import { lossText } from '../decide/loss.ts'
import { isJoined } from '../decide/membership.ts'
import { removalKey } from '../decide/record-names.ts'
import { isAsking } from '../reconcilers/mailcap.ts'
import { keptText, wantedLosses } from '../reconcilers/wantedlosses.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Realm } from './realm.ts'
import { takeSnapshot } from './snapshot.ts'
import { when } from './when.ts'

/** Somebody who keeps what an edit takes. */
export interface HeldPerson {
  /** Name of the User, else the address. */
  name: string
  /** In words: `loses editor, billing`, `is not invited yet`. */
  what: string
  /** `users/p00.yaml:2 no longer gives role editor`. */
  because: string
}

/** A set of removals that is held, with what of it is still wanted. */
export interface HeldSet {
  /** Of the RemovalSet. */
  name: string
  organization: string
  /** What waits: something that is taken from people, or invitations. */
  is: 'removals' | 'mails'
  /** Whose change it is: `source/people`, `controller` for edits by hand. */
  producer: string
  /** What an Approval names. */
  hash: string
  /** Why it is held, in words. */
  because: string
  /** RFC 3339: since when. */
  time: string
  /** Who would lose something, by name. Who does not any more, because the edit was taken back, is not among them. */
  people: HeldPerson[]
}

/** Every set that is held, or in one organization, by organization, then the oldest first. */
export const heldSets = (cache: Cache, organization?: string): HeldSet[] =>
  cache
    .by('RemovalSet', 'state', 'Held')
    .filter(({ spec }) => organization === undefined || spec.organization === organization)
    .map(set => heldSet(cache, set))
    .sort((a, b) => compare(a.organization, b.organization) || compare(a.time, b.time) || compare(a.name, b.name))

export const heldSet = (cache: Cache, { metadata, spec }: RemovalSet): HeldSet => ({
  name: metadata.name,
  organization: spec.organization,
  is: spec.reason === 'Invitations' ? 'mails' : 'removals',
  producer: spec.producer ?? '',
  hash: spec.hash ?? '',
  because: spec.because ?? '',
  time: spec.time ?? metadata.creationTimestamp,
  people: peopleOf(cache, spec),
})

const peopleOf = (cache: Cache, spec: RemovalSetSpec): HeldPerson[] => {
  const people = new Map<string, { texts: string[]; because: string }>()
  for (const { person, text, because } of wantedLosses(cache, spec)) {
    const known = people.get(person)
    if (known) known.texts.push(text)
    else people.set(person, { texts: [text], because })
  }
  return [...people]
    .map(([name, { texts, because }]) => ({ name, what: texts.join('; '), because }))
    .sort((a, b) => compare(a.name, b.name))
}

/** What is held after a change: what one producer takes, and whatever was not held before. Reads everything only where something is held. */
export const heldAfter = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  { producer, before }: { producer: string; before: ReadonlySet<string> },
): Promise<HeldSet[]> => {
  const names = await heldNames(realm.store)
  if (names.size === 0) return []
  const { cache } = await takeSnapshot(realm)
  return heldSets(cache).filter(set => set.producer === producer || !before.has(set.name))
}

/** Names of the sets that are held. */
export const heldNames = async (store: Pick<ResourceStore, 'list'>): Promise<Set<string>> =>
  new Set(
    (await store.list('RemovalSet')).items.flatMap(({ metadata, spec }) =>
      spec.state === 'Held' ? [metadata.name] : [],
    ),
  )

/** Whether somebody is to lose something and the guard has not decided on it yet: it collects for some seconds what comes one by one. */
export const isUndecided = async (store: Pick<ResourceStore, 'list'>): Promise<boolean> => {
  const losing = (await store.list('Membership')).items.flatMap(({ metadata, spec }) =>
    spec.losing && isJoined(spec) ? [removalKey(metadata.name, spec.losing.digest)] : [],
  )
  if (losing.length === 0) return false
  const decided = new Set(
    (await store.list('RemovalSet')).items.flatMap(({ spec }) =>
      spec.state === 'Held' || spec.state === 'Released' ? (spec.removals ?? []) : [],
    ),
  )
  return losing.some(key => !decided.has(key))
}

/** What is held and why, on one line. */
export const heldText = ({ organization, people, producer, because, is }: HeldSet): string =>
  `${organization}: ${keptText({ organization, state: 'Held', people: people.length, producer, because, ...(is === 'mails' && { reason: 'Invitations' }) })}`

/** Until when, and what ends it. */
export const untilText = ({ organization }: Pick<HeldSet, 'organization'>): string =>
  `held until it is approved (\`roster approve ${organization}\`) or the edit is taken back`

/** That somebody is to lose something, why, and what it waits for; undefined where nothing is to be taken from them. */
export const losingText = (cache: Cache, { metadata, spec }: Membership, timeZone: string): string | undefined => {
  const { losing, asking, organization } = spec
  if (asking && isAsking(cache, { metadata, spec } as Membership))
    return `is not mailed yet: one of more invitations than one inviter may send (${asking.because}); ${untilText({ organization })}`
  if (!losing || !isJoined(spec)) return undefined
  const sets = cache.by('RemovalSet', 'removal', removalKey(metadata.name, losing.digest))
  const says = `is to lose ${lossText(losing)}: ${losing.because}`
  if (sets.some(set => set.spec.state === 'Released'))
    return `${says}; it is released, and carried out with the next pass`
  const held = sets.find(set => set.spec.state === 'Held')
  if (!held) return `${says}; the guard has not decided on it yet, and nothing is taken before`
  const others = (held.spec.people ?? 1) - 1
  const whom = others < 1 ? '' : others === 1 ? ', with 1 other person' : `, with ${others} other people`
  const since = held.spec.time === undefined ? '' : ` since ${when(held.spec.time, timeZone)}`
  return `${says}. Nothing is taken${since}${whom}: ${held.spec.because}; ${untilText({ organization })}`
}

/** What a set of removals stands for, a sentence each. What is held is told by {@link heldText}. */
export const setTexts = (cache: Cache, set: RemovalSet, timeZone: string): string[] => {
  const { spec } = set
  const { people } = heldSet(cache, set)
  const by = spec.released?.approval ? `Approval/${spec.released.approval.name}` : (spec.because ?? '')
  switch (spec.state) {
    case 'Open':
      return [
        ...(spec.guard ? [`in force in ${spec.organization}: ${guardText(spec.guard)}`] : []),
        ...(spec.loosened
          ? [
              `declared since ${when(spec.loosened.since, timeZone)} is ${guardText(spec.loosened.guard)}; what is looser counts when it has stood for 24 hours and nothing is held`,
            ]
          : []),
      ]
    case 'Held':
      return []
    case 'Released':
      return [
        `released ${spec.released ? when(spec.released.time, timeZone) : ''} by ${by}`,
        people.length === 1 ? '1 person still has what it takes' : `${people.length} people still have what it takes`,
      ]
    case 'Done':
      return [
        `carried out by ${spec.closed === undefined ? 'now' : when(spec.closed, timeZone)}; ${spec.urgent ? 'one named person, beside the budget' : 'it counts against the budget for 24 hours from then'} (${by})`,
      ]
    default:
      return spec.state satisfies never
  }
}

const guardText = ({
  maxRemovals,
  freeRemovals,
  minAdmins,
  maxInvitations = DEFAULT_GUARD.maxInvitations,
  protected: addresses,
}: SettledGuard): string =>
  `at most ${maxInvitations} invitations of one inviter go unasked, ${freeRemovals} people or ${maxRemovals} % may lose something in 24 hours, at least ${minAdmins} admins stay, ${addresses.length === 0 ? 'nobody is' : `${addresses.length} ${addresses.length === 1 ? 'is' : 'are'}`} protected`

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
