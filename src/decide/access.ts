import type { Role } from '../api/role.ts'
import type { GroupCandidate, GroupResolver } from './groups.ts'
import { permissionsOf, reachesDown } from './permissions.ts'

/** A role given to somebody directly, and by what. */
export interface DirectRole {
  role: string
  how: 'declared' | 'grant' | 'directory'
}

/** One way in which a role came. */
export interface Way {
  how: 'declared' | 'grant' | 'directory' | 'group'
  /** The groups it came through, from the one that names the person to the one that has the role. */
  path?: string[]
}

export interface AccessInput {
  /** Where the membership is. */
  organization: string
  /** Declared and granted roles; one role may come both ways. */
  roles: readonly DirectRole[]
  user: GroupCandidate
  lookups: {
    role(name: string): Role | undefined
    /** The organization, its parent, and so on up to the root. */
    organizationChain(name: string): readonly string[]
    /** Everything below the organization, without itself. */
    organizationsBelow(name: string): readonly string[]
    groups: GroupResolver
  }
}

/** So many organizations one record names. */
const REACHED_AT_MOST = 5000

/** What the declarations give somebody in one organization. It is in force only once it is settled. */
export interface DerivedAccess {
  /** Sorted, each once; only roles that exist and may be given here. */
  roles: string[]
  /** Sorted. */
  groups: string[]
  /** Flat, normal: `decide/permissions`. */
  permissions: string[]
  /** Sorted organizations below, where a permission or a denial reaches down; not where they are more than a record can hold. */
  reach?: string[]
  /** Role → the ways it came. */
  via: Record<string, Way[]>
  missing: { role: string; problem: 'NotFound' | 'OtherOrganization' }[]
}

/**
 * The access that follows from the declarations: direct roles, groups, their roles, and what all of these allow and deny.
 * A role may be given in its own organization and in every one below it; any other is reported as missing and gives nothing.
 *
 * Not for an organization whose place is not settled (a cycle of parents, an unconfirmed parent): there the settled access stays as it is.
 */
export const deriveAccess = ({ organization, roles, user, lookups }: AccessInput): DerivedAccess => {
  const groups = lookups.groups.groupsOf(user, organization)
  const given: { role: string; way: Way }[] = roles.map(({ role, how }) => ({ role, way: { how } }))
  for (const membership of groups)
    for (const role of lookups.groups.rolesThrough(membership)) {
      given.push({ role, way: { how: 'group', path: membership.path } })
    }

  const chain = lookups.organizationChain(organization)
  const found = new Map<string, { role: Role; ways: Way[] }>()
  const missing = new Map<string, DerivedAccess['missing'][number]>()
  for (const { role: name, way } of given) {
    const known = found.get(name)
    if (known) {
      if (!known.ways.some(other => other.how === way.how && other.path?.join() === way.path?.join()))
        known.ways.push(way)
      continue
    }
    const role = lookups.role(name)
    if (!role) missing.set(name, { role: name, problem: 'NotFound' })
    else if (!chain.includes(role.spec.organization)) missing.set(name, { role: name, problem: 'OtherOrganization' })
    else found.set(name, { role, ways: [way] })
  }

  const names = [...found.keys()].sort()
  const permissions = permissionsOf(found.values().map(({ role }) => role.spec))
  const reach = reachesDown(permissions) ? lookups.organizationsBelow(organization).toSorted() : undefined
  return {
    roles: names,
    groups: groups.map(membership => membership.group),
    permissions,
    ...(reach && reach.length <= REACHED_AT_MOST && { reach }),
    via: Object.fromEntries(names.map(name => [name, found.get(name)?.ways ?? []])),
    missing: [...missing.values()].sort((a, b) => (a.role < b.role ? -1 : 1)),
  }
}
