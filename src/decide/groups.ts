import type { Group } from '../api/group.ts'
import { compileExpression, type Evaluation, type ExpressionUser } from './cel.ts'
import { cyclesFrom, cycleThrough } from './cycles.ts'

/** Where the declared groups are found: `get` by name, the others by an index, so that nobody ever reads all groups for one person. */
export interface GroupLookups {
  get(name: string): Group | undefined
  /** Groups whose `members` name the user. */
  listing(user: string): Iterable<Group>
  /** Groups whose `groups` name the group. */
  containing(group: string): Iterable<Group>
  /** Groups of the organization that have `membersWhere`. */
  withExpression(organization: string): Iterable<Group>
  /** Groups that a directory says the user is in, where it gives them a membership. */
  importing(user: string): Iterable<Group>
  /** Roles that whoever is in a group by its directory may get; undefined for a group that is not imported: all. */
  mayGrant(group: Group): readonly string[] | undefined
  /** Whether a group is imported and no complete read has told who is in it. */
  isUnread(group: Group): boolean
}

/** Somebody, as the groups of one organization see them. */
export interface GroupCandidate {
  /** Name of the User. */
  name: string
  facts: ExpressionUser
  /** The groups of the Membership as settled: the verdict that stands where there can be no new one. */
  settled: readonly string[]
}

/** One group somebody is in. */
export interface GroupMembership {
  group: string
  /** From the group that names or matches the person to this one: `[oncall, platform]` for a member of `oncall`, which is a member of `platform`. */
  readonly path: string[]
  how: 'listed' | 'expression' | 'imported' | 'nested' | 'held'
  /** The imported groups through which the person is in it, where there is no other way. */
  readonly through?: readonly string[]
}

/** Who is in which group. */
export interface GroupResolver {
  /**
   * The groups of the organization that somebody is in, ordered by name.
   *
   * A group on a cycle of `groups` is stalled: whoever is settled in it stays, nobody else comes in through it.
   * A failing expression keeps the verdict before: whoever is settled in the group stays.
   */
  groupsOf(person: GroupCandidate, organization: string): GroupMembership[]
  /** The users listed in a group or in those nested in it, with the path from the listing group to this one. Who matches an expression is not among them. */
  listedIn(group: string): Map<string, string[]>
  /** The roles that somebody gets who is in a group this way: of who is in one by a directory only those that it may give, however many groups are in between. */
  rolesThrough(membership: Pick<GroupMembership, 'group' | 'through'>): readonly string[]
  /** A cycle that the group is on: `[a, b, a]`. */
  cycleOf(group: string): string[] | undefined
  /** What the expression of a group says of somebody; undefined where it has none. */
  verdictOf(group: Group, user: ExpressionUser): Evaluation | undefined
}

/** Answers from the lookups as they are at the time of each question; keeps nothing itself. */
export const groupResolver = (lookups: GroupLookups): GroupResolver => {
  const verdictOf = (group: Group, user: ExpressionUser) =>
    group.spec.membersWhere === undefined ? undefined : compileExpression(group.spec.membersWhere).evaluate(user)
  const above = (organization: string) =>
    function* (name: string) {
      for (const group of lookups.containing(name))
        if (group.spec.organization === organization) yield group.metadata.name
    }

  return {
    verdictOf,
    rolesThrough: ({ group, through }) => {
      const roles = lookups.get(group)?.spec.roles ?? []
      if (!through) return roles
      const granted = new Set(
        through.flatMap(name => {
          const imported = lookups.get(name)
          return (imported && lookups.mayGrant(imported)) ?? []
        }),
      )
      return roles.filter(role => granted.has(role))
    },
    groupsOf: (person, organization) => {
      const settled = new Set(person.settled.filter(name => lookups.get(name)?.spec.organization === organization))
      const found = new Map<string, { how: GroupMembership['how']; from?: string }>()
      for (const group of lookups.listing(person.name))
        if (group.spec.organization === organization) found.set(group.metadata.name, { how: 'listed' })
      for (const group of lookups.withExpression(organization)) {
        const { name } = group.metadata
        if (found.has(name)) continue
        const verdict = verdictOf(group, person.facts)
        if (!verdict) continue
        if ('error' in verdict) {
          if (settled.has(name)) found.set(name, { how: 'held' })
        } else if (verdict.ok) found.set(name, { how: 'expression' })
      }
      const imported = new Set<string>()
      for (const group of lookups.importing(person.name))
        if (group.spec.organization === organization) imported.add(group.metadata.name)
      for (const name of settled) {
        const group = lookups.get(name)
        if (group && lookups.isUnread(group)) imported.add(name)
      }
      // Of the others it is known that they are meant; whatever else leads to a group begins at a directory, or is not known any more.
      const sure = new Set(
        imported.size === 0 ? [] : [...found].flatMap(([name, { how }]) => (how === 'held' ? [] : [name])),
      )
      for (const name of imported) if (!found.has(name)) found.set(name, { how: 'imported' })

      const containers = above(organization)
      const cycles = cyclesFrom([...found.keys(), ...settled], containers)
      for (const name of cycles.keys())
        if (settled.has(name)) found.set(name, { how: 'held' })
        else found.delete(name)
      const bound = boundBy(imported, containers)
      if (bound.size > 0) {
        const unbound = [...found].flatMap(([name, { how }]) =>
          sure.has(name) || (how === 'held' && !bound.has(name)) ? [name] : [],
        )
        for (const name of reachedFrom(unbound, containers)) bound.delete(name)
      }
      // A Map gives what is added while it is walked: breadth first, so every path is a shortest one.
      for (const [name] of found)
        for (const container of containers(name))
          if (!cycles.has(container) && !found.has(container)) found.set(container, { how: 'nested', from: name })

      return [...found]
        .map(([group, { how }]) => ({
          group,
          how,
          ...(bound.has(group) && { through: bound.get(group) ?? [] }),
          get path() {
            const path: string[] = []
            for (let at: string | undefined = group; at !== undefined; at = found.get(at)?.from) path.push(at)
            return path.reverse()
          },
        }))
        .sort((a, b) => (a.group < b.group ? -1 : 1))
    },

    listedIn: name => {
      const root = lookups.get(name)
      const users = new Map<string, string[]>()
      if (!root) return users
      const paths = new Map<string, string[]>([[name, [name]]])
      for (const [at, path] of paths) {
        const group = lookups.get(at)
        if (group?.spec.organization !== root.spec.organization) continue
        for (const user of group.spec.members ?? []) if (!users.has(user)) users.set(user, path)
        for (const nested of group.spec.groups ?? []) if (!paths.has(nested)) paths.set(nested, [nested, ...path])
      }
      return users
    },

    cycleOf: name => {
      const group = lookups.get(name)
      if (!group) return undefined
      const nested = function* (of: string) {
        for (const inner of lookups.get(of)?.spec.groups ?? [])
          if (lookups.get(inner)?.spec.organization === group.spec.organization) yield inner
      }
      return cycleThrough(name, nested)
    },
  }
}

/** Everything that some groups lead to, themselves too. */
const reachedFrom = (groups: readonly string[], containers: (group: string) => Iterable<string>): Set<string> => {
  const reached = new Set(groups)
  for (const name of reached) for (const outer of containers(name)) reached.add(outer)
  return reached
}

/** Group → the imported ones that lead to it. */
const boundBy = (
  imported: ReadonlySet<string>,
  containers: (group: string) => Iterable<string>,
): Map<string, string[]> => {
  const bound = new Map<string, string[]>()
  for (const entrance of imported)
    for (const name of reachedFrom([entrance], containers)) bound.set(name, [...(bound.get(name) ?? []), entrance])
  return bound
}

/** Lookups over a plain list, each with its index: for what has no cache at hand. */
export const groupLookups = (groups: Iterable<Group>): GroupLookups => {
  const byName = new Map<string, Group>()
  const listing = new Map<string, Group[]>()
  const containing = new Map<string, Group[]>()
  const withExpression = new Map<string, Group[]>()
  const add = (index: Map<string, Group[]>, key: string, group: Group) => {
    const known = index.get(key)
    if (known) known.push(group)
    else index.set(key, [group])
  }
  for (const group of groups) {
    byName.set(group.metadata.name, group)
    for (const user of new Set(group.spec.members)) add(listing, user, group)
    for (const nested of new Set(group.spec.groups)) add(containing, nested, group)
    if (group.spec.membersWhere !== undefined) add(withExpression, group.spec.organization, group)
  }
  return {
    get: name => byName.get(name),
    listing: user => listing.get(user) ?? [],
    containing: group => containing.get(group) ?? [],
    withExpression: organization => withExpression.get(organization) ?? [],
    importing: () => [],
    mayGrant: () => undefined,
    isUnread: () => false,
  }
}
