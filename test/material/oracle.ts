/** A document of a source, as far as it says who has what. */
export interface Document {
  kind: 'Organization' | 'Role' | 'Group' | 'User'
  name: string
  source: string
  labels?: Record<string, string>
  spec: {
    organization?: string
    parent?: string
    children?: string[]
    guard?: { protected?: string[] }
    allow?: string[]
    email?: string
    suspended?: boolean
    memberships?: { organization: string; roles: string[]; join?: string }[]
    roles?: string[]
    members?: string[]
    groups?: string[]
    membersWhere?: string
    domains?: string[]
  }
}
/** By `Kind/name`. */
export type Documents = Map<string, Document>

/** What one person has in one organization, by `organization address`: one word a thing. */
export type Access = Map<string, Set<string>>

export interface HeldSet {
  organization: string
  reason: 'Budget' | 'Protected' | 'MinAdmins'
  /** Whose budget, where it is one. */
  scope?: 'organization' | 'root' | 'source' | 'realm'
  /** `organization address` → the loss in words. */
  losses: Map<string, string>
  /** Number of the commit. */
  since: number
}

const DAY = 24 * 3_600_000
/** The defaults that are documented; no organization here declares others. */
const FREE = 5
const PER_CENT = 5
const MIN_ADMINS = 2

/**
 * Says who has what after each commit, and what is held, from the documented sentences about the guard alone; none of the product's decisions is asked.
 * For realms in which people join as they are declared, or accept, and in which one source makes one commit at a time.
 */
export class Oracle {
  readonly settled: Access = new Map()
  /** What is held and still wanted. */
  held: HeldSet[] = []
  readonly #accepted = new Set<string>()
  #lost: { time: number; person: string; organization: string; source: string }[] = []
  readonly #past: { time: number; people: Map<string, number> }[] = []
  #documents: Documents = new Map()

  /** Somebody who was invited accepts. */
  accept(address: string): void {
    this.#accepted.add(address)
  }

  /** @returns sets that are held because of this commit */
  commit(documents: Documents, now: number, number: number): HeldSet[] {
    this.#documents = new Map(documents)
    const derived = this.#derive()
    const wanted = this.#wanted(derived)
    this.#forgetWhatIsNotWanted(wanted)
    const known = (key: string) => this.held.some(({ losses }) => losses.get(key) === wanted.get(key))
    const sets = Map.groupBy(
      [...wanted.keys()].filter(key => !known(key)),
      organizationOf,
    )
    const among = new Map(sets)
    const held: HeldSet[] = []
    const hold = (organization: string, why: Pick<HeldSet, 'reason' | 'scope'>) => {
      const losses = new Map(among.get(organization)?.map(key => [key, wanted.get(key) as string]))
      held.push({ organization, ...why, losses, since: number })
      sets.delete(organization)
    }
    for (const [organization, keys] of among) {
      const before = keys.map(personOf)
      const admins = this.#admins(organization)
      const going = keys.filter(key => admins.has(key) && !derived.get(key)?.has('admin'))
      if (before.some(person => this.#protected(organization).has(person))) hold(organization, { reason: 'Protected' })
      else if (going.length > 0 && admins.size - going.length < MIN_ADMINS) hold(organization, { reason: 'MinAdmins' })
      else if (this.#isOver(this.#inOrganization(organization), keys, now))
        hold(organization, { reason: 'Budget', scope: 'organization' })
    }
    const over = new Map<string, NonNullable<HeldSet['scope']>>()
    for (const [root, within] of Map.groupBy(sets, ([organization]) => this.#rootOf(organization)))
      if (
        this.#isOver(
          this.#inRoot(root),
          within.flatMap(([, keys]) => keys),
          now,
        )
      )
        for (const [organization] of within) over.set(organization, 'root')
    const all = [...sets.values()].flat()
    const sources = new Set(all.map(key => this.#sourceOf(key)))
    if (sources.size > 1) throw new Error('two sources in one commit')
    // Where one organization alone is larger than all that a source or the realm may lose, its own budget says enough.
    const largest = Math.max(0, ...[...sets.keys()].map(one => this.#budget(this.#inRoot(this.#rootOf(one)), now)))
    for (const [scope, name] of [
      ['source', [...sources][0] ?? ''],
      ['realm', ''],
    ] as const)
      if (this.#isOver(scope === 'source' ? this.#inSource(name) : EVERYWHERE, all, now, largest))
        for (const organization of sets.keys()) if (!over.has(organization)) over.set(organization, scope)
    for (const [organization, scope] of over) hold(organization, { reason: 'Budget', scope })
    for (const key of [...sets.values()].flat()) this.#take(key, derived, now)
    this.held.push(...held)
    this.#remember(now)
    return held
  }

  /** Somebody approves one of the held sets: what is still wanted of it goes. */
  approve(set: HeldSet, now: number): void {
    const derived = this.#derive()
    const wanted = this.#wanted(derived)
    for (const [key, loss] of set.losses) if (wanted.get(key) === loss) this.#take(key, derived, now)
    this.#forgetWhatIsNotWanted(this.#wanted(derived))
    this.#remember(now)
  }

  /** What of a held set is still wanted. */
  wantedOf(set: HeldSet): string[] {
    const wanted = this.#wanted(this.#derive())
    return [...set.losses].filter(([key, loss]) => wanted.get(key) === loss).map(([key]) => key)
  }

  /** How many more people may lose something in one organization, for all budgets. */
  left(organization: string, source: string, now: number): number {
    const root = this.#rootOf(organization)
    const largest = this.#budget(this.#inRoot(root), now)
    return Math.min(
      ...[this.#inOrganization(organization), this.#inRoot(root)].map(
        one => this.#budget(one, now) - this.#spent(one, now).size,
      ),
      ...[this.#inSource(source), EVERYWHERE].map(
        one => Math.max(largest, this.#budget(one, now)) - this.#spent(one, now).size,
      ),
    )
  }

  /** Whether somebody lost something at about this time: what a budget counts must not hang on a minute. */
  isLossAt(time: number): boolean {
    return this.#lost.some(loss => Math.abs(loss.time - time) < 3 * 60_000)
  }

  /** Who lost something in the last 24 hours. */
  isSpent(person: string, now: number): boolean {
    return this.#spent(EVERYWHERE, now).has(person)
  }

  #take(key: string, derived: Access, time: number): void {
    this.#lost.push({ time, person: personOf(key), organization: organizationOf(key), source: this.#sourceOf(key) })
    const next = derived.get(key)
    if (next) this.settled.set(key, new Set(next))
    else this.settled.delete(key)
  }

  #forgetWhatIsNotWanted(wanted: ReadonlyMap<string, string>): void {
    this.held = this.held.filter(({ losses }) => [...losses].some(([key, loss]) => wanted.get(key) === loss))
  }

  /** Gives what is gained, and tells what would be lost. */
  #wanted(derived: Access): Map<string, string> {
    const wanted = new Map<string, string>()
    for (const [key, words] of derived) {
      const before = this.settled.get(key)
      if (before) for (const word of words) before.add(word)
      else this.settled.set(key, new Set(words))
    }
    for (const [key, words] of this.settled) {
      const next = derived.get(key)
      const lost = next ? [...words].filter(word => !next.has(word)).sort() : ['everything']
      if (lost.length > 0) wanted.set(key, lost.join(', '))
    }
    return wanted
  }

  #derive(): Access {
    const access: Access = new Map()
    const containers = new Map<string, string[]>()
    const listing = new Map<string, string[]>()
    const groups = [...this.#documents.values()].filter(({ kind }) => kind === 'Group')
    const add = (to: Map<string, string[]>, key: string, name: string) => to.set(key, [...(to.get(key) ?? []), name])
    for (const { name, spec } of groups) {
      for (const inner of spec.groups ?? []) add(containers, inner, name)
      for (const member of spec.members ?? []) add(listing, member, name)
    }
    for (const user of this.#documents.values()) {
      if (user.kind !== 'User') continue
      const address = user.spec.email as string
      for (const { organization, roles, join } of user.spec.memberships ?? []) {
        if (join !== 'None' && !this.#accepted.has(address)) continue
        const words = new Set(['member'])
        if (!user.spec.suspended) words.add('not suspended')
        const within = new Set<string>()
        const enter = (name: string) => {
          if (within.has(name) || this.#documents.get(`Group/${name}`)?.spec.organization !== organization) return
          within.add(name)
          for (const outer of containers.get(name) ?? []) enter(outer)
        }
        for (const name of listing.get(user.name) ?? []) enter(name)
        const given = [...roles, ...[...within].flatMap(name => this.#documents.get(`Group/${name}`)?.spec.roles ?? [])]
        for (const name of within) words.add(`group ${name}`)
        for (const name of given) {
          words.add(`role ${name}`)
          for (const permission of this.#documents.get(`Role/${name}`)?.spec.allow ?? []) words.add(permission)
        }
        if (words.has('users:*')) words.add('admin')
        access.set(`${organization} ${address}`, words)
      }
    }
    return access
  }

  /** Admins of an organization who can sign in: who accepted. */
  #admins(organization: string): Set<string> {
    const admins = [...this.settled].filter(
      ([key, words]) => organizationOf(key) === organization && words.has('admin') && this.#accepted.has(personOf(key)),
    )
    return new Set(admins.map(([key]) => key))
  }

  #protected(organization: string): Set<string> {
    return new Set(this.#documents.get(`Organization/${organization}`)?.spec.guard?.protected)
  }

  #rootOf(organization: string): string {
    const parent = this.#documents.get(`Organization/${organization}`)?.spec.parent
    return parent === undefined ? organization : this.#rootOf(parent)
  }

  readonly #sources = new Map<string, string>()
  #sourceOf(key: string): string {
    return this.#sources.get(personOf(key)) ?? ''
  }

  #inOrganization(name: string): Scope {
    return { name: `organization ${name}`, holds: ({ organization }) => organization === name }
  }
  #inRoot(name: string): Scope {
    return { name: `root ${name}`, holds: ({ organization }) => this.#rootOf(organization) === name }
  }
  #inSource(name: string): Scope {
    return { name: `source ${name}`, holds: ({ source }) => source === name }
  }

  #spent({ holds }: Scope, now: number): Set<string> {
    this.#lost = this.#lost.filter(({ time }) => time > now - 2 * DAY)
    return new Set(this.#lost.filter(loss => loss.time > now - DAY && holds(loss)).map(({ person }) => person))
  }

  #budget(scope: Scope, now: number): number {
    const before = this.#past.findLast(({ time }) => time <= now - DAY)?.people.get(scope.name) ?? 0
    const people = Math.min(this.#people().get(scope.name) ?? 0, before)
    return Math.max(FREE, Math.floor((people * PER_CENT) / 100))
  }

  /** Each person counts once; a set that takes from nobody new takes nothing from a budget. */
  #isOver(scope: Scope, keys: readonly string[], now: number, least = 0): boolean {
    const spent = this.#spent(scope, now)
    const all = new Set([...spent, ...keys.map(personOf)])
    return all.size > spent.size && all.size > Math.max(least, this.#budget(scope, now))
  }

  #people(): Map<string, number> {
    const people = new Map<string, Set<string>>()
    for (const key of this.settled.keys()) {
      const organization = organizationOf(key)
      for (const { name } of [
        this.#inOrganization(organization),
        this.#inRoot(this.#rootOf(organization)),
        this.#inSource(this.#sourceOf(key)),
        EVERYWHERE,
      ]) {
        const known = people.get(name) ?? new Set()
        people.set(name, known.add(personOf(key)))
      }
    }
    return new Map([...people].map(([name, all]) => [name, all.size]))
  }

  #remember(time: number): void {
    this.#past.push({ time, people: this.#people() })
  }

  /** Whose source declares whom: also of those who are gone. */
  know(documents: Documents): void {
    for (const { kind, source, spec } of documents.values())
      if (kind === 'User' && spec.email !== undefined) this.#sources.set(spec.email, source)
  }
}

interface Scope {
  name: string
  holds: (loss: { organization: string; source: string }) => boolean
}
const EVERYWHERE: Scope = { name: 'realm', holds: () => true }
const organizationOf = (key: string): string => key.split(' ')[0] as string
/** One address is one person here. */
const personOf = (key: string): string => key.split(' ')[1] as string
