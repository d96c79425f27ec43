/**
 * How sure it is that a key belongs to whoever a source tells of. `Proven`: they showed it, by a link mailed to the address. `Authoritative`: whoever says so decides it,
 * as a directory does for addresses in the domains of its own organization and for its ids, and a declared User for the addresses of organizations it belongs to.
 * `Claimed`: anything else.
 */
export type Strength = 'Proven' | 'Authoritative' | 'Claimed'

/** By which two sources may be seen to tell of one person: `address/alice@acme.example`, `id/<directory>/<id>`. Compared as text. */
export interface Key {
  key: string
  strength: Strength
  /** The decision of a person that whoever else has it is the same, whatever speaks against merging by itself. */
  decided?: true
  /** An address beside the one that mail goes to. */
  further?: true
  /** Of a declared User, the address that is invited: who signs in with it is who was meant. */
  invited?: true
}

/** One place that tells of a person: a declared User, what a directory says, an address with which somebody signs in. */
export interface PersonSource {
  /** `User/alice`, `DirectoryRecord/hr/77`, `Account/alice@acme.example`; one source each. */
  ref: string
  is: 'Declared' | 'Directory' | 'Account'
  /** Which directory tells of it: within one, two ids are two people. */
  directory?: string
  /** A complete read no longer has it. */
  missing?: true
  /** Whose people it is one of. */
  organizations: readonly string[]
  keys: readonly Key[]
  /** Never merged without a decision. Asked only of those who would be merged. */
  readonly apart?: 'Protected' | 'Admin' | undefined
  /** Keys of which it was decided that whoever else has them is another person. */
  distinctFrom?: readonly string[]
}

/** Who shares a key. */
export interface PersonSources {
  /** Every source with a key, in any order: whose it surely is all, but of one directory no more than {@link MOST_SHARING} + 1; of those who only claim it some. */
  sharing(key: string): readonly PersonSource[]
}

/** A key that more entries of one directory than this have tells nobody apart there. */
export const MOST_SHARING = 32
/** A person has at most so many sources; what hangs together beyond that is taken apart. */
export const MOST_TOGETHER = 64

/** Why two sources that share a key are not merged by themselves. */
export type Doubt =
  /** One of them only claims the key. */
  | 'Claimed'
  /** Another entry of the same directory has the key with as much right. */
  | 'Contested'
  | 'Protected'
  | 'Admin'
  | 'OtherOrganization'
  /** It would be two people at once. */
  | 'SeveralPeople'

/** Two sources that look like one person, and wait for somebody to decide. */
export interface Suspicion {
  /** The one that would survive. */
  of: PersonSource
  other: PersonSource
  key: string
  because: Doubt
  /** Of the two, those who only claim the key: what they say is no reason to keep anything from the other. */
  claimedBy: readonly PersonSource[]
}

/** What is one person. */
export interface Person {
  /** Gives the person its name: the declared one, then one with an Account, then the smallest name. */
  survivor: PersonSource
  /** Ordered as survivors are. */
  sources: readonly PersonSource[]
  /** Ordered; what it would be merged with, once somebody says so. */
  suspicions: readonly Suspicion[]
}

/**
 * Which sources are the same person as this one. It follows from what there is and from nothing else: neither the order in which sources came nor what was merged before,
 * so that a source which is taken away takes its part of the merge with it. It looks only at sources that hang together with this one, and is the same whichever of them is asked about.
 *
 * Two sources are one person when both surely have one key. Of what hangs together by that, all is one person, unless it would be two declared ones, two of one directory,
 * somebody of whom it was decided that they are another, or somebody who is merged only by decision: then each source belongs to the one declared User that it surely
 * shares a key with itself, or is somebody of their own.
 */
export const whoIs = (source: PersonSource, sources: PersonSources): Person => {
  const look = looking(sources)
  const together = hangingTogether(source, look)
  const mine = together && isOnePerson(together, look) ? together : apartFrom(source, look)
  const ordered = mine.toSorted(bySurvival)
  return { survivor: ordered[0] ?? source, sources: ordered, suspicions: suspicionsOf(ordered, look) }
}

/** What shares a key with a source, be it only claimed, or with something that does: whom a change of it may concern. The nearest first, up to {@link MOST_TOGETHER}. */
export const around = (source: PersonSource, sources: PersonSources): PersonSource[] => {
  const found = new Map([[source.ref, source]])
  for (const one of found.values())
    for (const { key } of one.keys)
      for (const other of sources.sharing(key)) {
        if (found.size >= MOST_TOGETHER) return [...found.values()]
        if (!found.has(other.ref)) found.set(other.ref, other)
      }
  return [...found.values()]
}

/** The declared one before all, then one that signs in, then by name. */
export const bySurvival = (a: PersonSource, b: PersonSource): number =>
  RANK[a.is] - RANK[b.is] || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : 0)
const RANK = { Declared: 0, Account: 1, Directory: 2 } as const

interface Link {
  other: PersonSource
  key: string
  /** Absent: they are the same. */
  doubt?: Doubt
  claimedBy?: PersonSource[]
  decided?: true
}
type Look = (source: PersonSource) => readonly Link[]

/** Links of each source, found once. */
const looking = (sources: PersonSources): Look => {
  const found = new Map<string, readonly Link[]>()
  return source => {
    const known = found.get(source.ref)
    if (known) return known
    const links = linksOf(source, sources)
    found.set(source.ref, links)
    return links
  }
}

/** The best link with each source that shares a key. */
const linksOf = (source: PersonSource, sources: PersonSources): Link[] => {
  const best = new Map<string, Link>()
  for (const own of source.keys) {
    const all = sources.sharing(own.key)
    for (const other of all) {
      if (other.ref === source.ref || areDistinct(source, other)) continue
      // Two declared Users of one key are a mistake of whoever declares, which is said elsewhere.
      if (source.is === 'Declared' && other.is === 'Declared') continue
      const theirs = other.keys.find(one => one.key === own.key)
      if (!theirs) continue
      const link = linkBy(own, source, theirs, other, all)
      const known = best.get(other.ref)
      if (!known || rankOf(link) < rankOf(known)) best.set(other.ref, link)
    }
  }
  return [...best.values()]
}

const linkBy = (
  own: Key,
  source: PersonSource,
  theirs: Key,
  other: PersonSource,
  all: readonly PersonSource[],
): Link => {
  const link = { other, key: own.key }
  const claims = isAccepted(own, theirs) ? [] : [own, theirs].filter(({ strength }) => strength === 'Claimed')
  if (claims.length > 0)
    return {
      ...link,
      doubt: 'Claimed',
      claimedBy: [...(claims.includes(own) ? [source] : []), ...(claims.includes(theirs) ? [other] : [])],
    }
  if (own.decided || theirs.decided) return { ...link, decided: true }
  if (!prevails(source, own.key, all) || !prevails(other, own.key, all)) return { ...link, doubt: 'Contested' }
  const doubt = reservation(source, other)
  return doubt ? { ...link, doubt } : link
}

/** Whether one was invited with the address that the other has shown to be theirs. */
const isAccepted = (a: Key, b: Key): boolean =>
  (a.invited && b.strength === 'Proven') || (b.invited && a.strength === 'Proven') || false

/** Why two are merged by decision only. What somebody signs in with is theirs, whoever they are; what a directory says of somebody may be said of somebody else. */
const reservation = (a: PersonSource, b: PersonSource): Doubt | undefined => {
  if (a.is !== 'Directory' && b.is !== 'Directory') return undefined
  return a.apart ?? b.apart ?? (isForeign(a, b) ? 'OtherOrganization' : undefined)
}

const DOUBTS: readonly Doubt[] = ['Admin', 'Protected', 'OtherOrganization', 'Contested', 'SeveralPeople', 'Claimed']
/** The same by decision, the same, and then the nearer to that the better; of two alike the one of the smaller key. */
const rankOf = ({ decided, doubt, key }: Link): string =>
  `${decided ? 0 : doubt === undefined ? 1 : 2 + DOUBTS.indexOf(doubt)} ${key}`

/** Whether a source is the one entry of its directory that the key belongs to: who is still there before who is gone, the main address before a further one. */
const prevails = (source: PersonSource, key: string, all: readonly PersonSource[]): boolean => {
  if (source.directory === undefined) return true
  const sharp = (one: PersonSource) => one.keys.find(own => own.key === key && own.strength !== 'Claimed')
  const rivals = all.filter(one => one.directory === source.directory && sharp(one))
  if (rivals.length > MOST_SHARING) return false
  const rank = (one: PersonSource): number => (one.missing ? 2 : 0) + (sharp(one)?.further ? 1 : 0)
  return rivals.every(one => one.ref === source.ref || rank(one) > rank(source))
}

/** Whoever only signs in, and belongs nowhere yet, is a stranger to nobody. */
const isForeign = (a: PersonSource, b: PersonSource): boolean =>
  ![a, b].some(({ is, organizations }) => is === 'Account' && organizations.length === 0) &&
  !a.organizations.some(organization => b.organizations.includes(organization))

const areDistinct = (a: PersonSource, b: PersonSource): boolean => excludes(a, b) || excludes(b, a)
const excludes = ({ distinctFrom }: PersonSource, { keys }: PersonSource): boolean =>
  distinctFrom !== undefined && keys.some(({ key, strength }) => strength !== 'Claimed' && distinctFrom.includes(key))

/** Everything that is surely the same as something that is surely the same; undefined where that is too much to be one person. */
const hangingTogether = (source: PersonSource, look: Look): PersonSource[] | undefined => {
  const found = new Map([[source.ref, source]])
  for (const one of found.values())
    for (const { other, doubt } of look(one)) {
      if (doubt !== undefined) continue
      found.set(other.ref, other)
      if (found.size > MOST_TOGETHER) return undefined
    }
  return [...found.values()]
}

const isOnePerson = (together: readonly PersonSource[], look: Look): boolean => {
  if (together.filter(({ is }) => is === 'Declared').length > 1) return false
  // Two ids of one directory are two people there, whatever hangs together elsewhere.
  const directories = together.flatMap(({ directory }) => directory ?? [])
  if (new Set(directories).size < directories.length) return false
  return together.every(one => {
    const decided = new Set(look(one).flatMap(link => (link.decided ? link.other.ref : [])))
    return together.every(
      other =>
        other.ref === one.ref ||
        (!areDistinct(one, other) && (decided.has(other.ref) || reservation(one, other) === undefined)),
    )
  })
}

/** What is one person with a source where not everything that hangs together is. */
const apartFrom = (source: PersonSource, look: Look): PersonSource[] => {
  const declared = source.is === 'Declared' ? source : soleDeclared(source, look)
  if (!declared) return [source]
  const theirs = sameAs(declared, look).filter(other => soleDeclared(other, look)?.ref === declared.ref)
  return [declared, ...theirs]
}

const soleDeclared = (source: PersonSource, look: Look): PersonSource | undefined => {
  const declared = sameAs(source, look).filter(({ is }) => is === 'Declared')
  return declared.length === 1 ? declared[0] : undefined
}

const sameAs = (source: PersonSource, look: Look): PersonSource[] =>
  look(source).flatMap(({ other, doubt }) => (doubt === undefined ? other : []))

const suspicionsOf = (sources: readonly PersonSource[], look: Look): Suspicion[] => {
  const own = new Set(sources.map(({ ref }) => ref))
  const all = sources.flatMap(source =>
    look(source).flatMap(({ other, key, doubt, claimedBy = [] }): Suspicion[] => {
      if (own.has(other.ref) || isDecided(source, other, look)) return []
      const [of, second] = bySurvival(source, other) < 0 ? [source, other] : [other, source]
      return [{ of, other: second, key, because: doubt ?? 'SeveralPeople', claimedBy }]
    }),
  )
  return all.sort(
    (a, b) => bySurvival(a.of, b.of) || bySurvival(a.other, b.other) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0),
  )
}

/** Whether somebody said already that they, or what is surely the same as one of them, are two. */
const isDecided = (a: PersonSource, b: PersonSource, look: Look): boolean =>
  [a, ...sameAs(a, look)].some(one => [b, ...sameAs(b, look)].some(other => areDistinct(one, other)))
