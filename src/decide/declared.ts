import type { Group } from '../api/group.ts'
import type { AnyManifest, ManifestOf } from '../api/kinds.ts'
import type { RoleSpec } from '../api/role.ts'
import type { UserSpec } from '../api/user.ts'
import { isExternal, normalizeAddress, normalizeDomain } from './address.ts'
import { groupResolver } from './groups.ts'
import { domainOf } from './ownership.ts'

/** A manifest, or an object of a store: what is declared of one thing. */
export type Declaration = Pick<AnyManifest, 'kind' | 'spec'> & { metadata: AnyManifest['metadata'] }

/** All that is declared, as far as it decides who gets which role. It changes document by document, and is asked in between. */
export class Declared {
  readonly #roles = new Map<string, RoleSpec>()
  readonly #pools = new Map<string, string>()
  readonly #domains = new Map<string, readonly string[]>()
  /** Organizations by domain. */
  readonly #naming = new Index()
  readonly #groups = new Map<string, Group>()
  readonly #directories = new Map<string, ManifestOf<'Directory'>>()
  readonly #listing = new Index()
  readonly #containing = new Index()
  readonly #withExpression = new Index()
  readonly #resolver = groupResolver({
    get: name => this.#groups.get(name),
    listing: user => this.#found(this.#listing, user),
    containing: group => this.#found(this.#containing, group),
    withExpression: organization => this.#found(this.#withExpression, organization),
    // Whom a directory brings is counted where it is declared.
    importing: () => [],
    mayGrant: () => undefined,
    isUnread: () => false,
  })

  constructor(objects: Iterable<Declaration> = []) {
    for (const object of objects) this.set(object)
  }

  /** Takes one more, or another one of the same kind and name. */
  set(declaration: Declaration): void {
    const object = declaration as AnyManifest
    const { name } = object.metadata
    if (object.kind === 'Role') this.#roles.set(name, object.spec)
    else if (object.kind === 'LicensePool') this.#pools.set(name, object.spec.organization)
    else if (object.kind === 'Directory') this.#directories.set(name, object as unknown as ManifestOf<'Directory'>)
    else if (object.kind === 'Organization') this.#setDomains(name, object.spec.domains ?? [])
    else if (object.kind === 'Group') this.#setGroup(name, object as unknown as Group)
  }

  /** What it answers if one declaration were another. */
  with<T>(declaration: Declaration, ask: () => T): T {
    const { kind, metadata } = declaration
    const before = kind === 'Group' ? this.#groups.get(metadata.name) : undefined
    this.set(declaration)
    try {
      return ask()
    } finally {
      if (kind === 'Group') this.#setGroup(metadata.name, before)
    }
  }

  role(name: string): RoleSpec | undefined {
    return this.#roles.get(name)
  }

  /** The organization that a pool belongs to. */
  poolOrganization(name: string): string | undefined {
    return this.#pools.get(name)
  }

  /** The organization whose people have addresses like this one; several, where more than one names the domain. */
  organizationsOfAddress(text: string): Iterable<string> {
    return this.#naming.get(domainOf(normalizeAddress(text)))
  }

  /** The organization whose people a directory tells of. */
  directoryOrganization(name: string): string | undefined {
    return this.#directories.get(name)?.spec.organization
  }

  /** Organization → the roles that this User gets there: named, and by groups. */
  rolesOfUser({ metadata, spec }: Pick<ManifestOf<'User'>, 'metadata' | 'spec'>): Map<string, ReadonlySet<string>> {
    const found = new Map<string, ReadonlySet<string>>()
    for (const { organization, roles = [], state } of spec.memberships ?? [])
      if (state !== 'Ended')
        found.set(organization, new Set([...roles, ...this.#rolesByGroups(metadata, spec, organization)]))
    // Whoever says which entry of a directory somebody is gives them what the directory gives that entry.
    for (const { directory } of spec.identities ?? []) {
      const imports = this.#directories.get(directory)
      if (!imports?.spec.import) continue
      const { organization } = imports.spec
      found.set(organization, (found.get(organization) ?? new Set()).union(this.rolesOfImport(imports)))
    }
    return found
  }

  /** The roles that somebody may get whom directories of an organization bring. */
  rolesOfImportsIn(organization: string): ReadonlySet<string> {
    const all = [...this.#directories.values()].filter(({ spec }) => spec.organization === organization)
    return new Set(all.flatMap(one => [...this.rolesOfImport(one)]))
  }

  /** The roles that an accepted Invitation gives: named, and by groups whose expression takes whoever has the address. */
  rolesOfInvitation({ spec }: Pick<ManifestOf<'Invitation'>, 'spec'>): ReadonlySet<string> {
    const { email, organization, givenName, locale, roles = [] } = spec
    const person = { email, givenName, locale }
    return new Set([...roles, ...this.#rolesByGroups({ name: '' }, person, organization)])
  }

  /** The roles that somebody may get whom a Directory brings: named, and by any group that an expression may put them in. */
  rolesOfImport({ spec }: Pick<ManifestOf<'Directory'>, 'spec'>): ReadonlySet<string> {
    if (!spec.import) return new Set()
    const groups = [...this.#found(this.#withExpression, spec.organization)]
    return new Set([
      ...(spec.import.roles ?? []),
      ...(spec.import.mayGrant?.roles ?? []),
      ...groups.flatMap(({ metadata }) => [...this.rolesOfGroup(metadata.name)]),
    ])
  }

  /** The roles that whoever is in the group gets: its own, and those of the groups it is nested in. */
  rolesOfGroup(name: string): ReadonlySet<string> {
    const organization = this.#groups.get(name)?.spec.organization
    const names = new Set([name])
    for (const at of names)
      for (const { metadata, spec } of this.#found(this.#containing, at))
        if (spec.organization === organization) names.add(metadata.name)
    return new Set([...names].flatMap(at => this.#groups.get(at)?.spec.roles ?? []))
  }

  /**
   * The roles of all groups on a cycle that the group is on, empty where it is on none: nobody new gets them while the cycle stands.
   */
  rolesOfCycle(name: string): ReadonlySet<string> {
    const roles = (this.#resolver.cycleOf(name) ?? []).flatMap(on => [...this.rolesOfGroup(on)])
    return new Set(roles)
  }

  *#rolesByGroups(
    { name, labels = {} }: { name: string; labels?: Record<string, string> },
    spec: { [K in 'email' | 'locale' | 'givenName' | 'familyName']?: UserSpec[K] | undefined },
    organization: string,
  ): Generator<string> {
    const email = normalizeAddress(spec.email ?? '')
    const external = isExternal(email, this.#domains.get(organization) ?? [])
    const { locale, givenName, familyName } = spec
    const facts = { name, labels, email, external, locale, givenName, familyName }
    for (const membership of this.#resolver.groupsOf({ name, facts, settled: [] }, organization))
      yield* this.#resolver.rolesThrough(membership)
  }

  #setDomains(name: string, domains: readonly string[]): void {
    for (const domain of this.#domains.get(name) ?? []) this.#naming.delete(normalizeDomain(domain) ?? domain, name)
    this.#domains.set(name, domains)
    for (const domain of domains) this.#naming.add(normalizeDomain(domain) ?? domain, name)
  }

  #setGroup(name: string, group: Group | undefined): void {
    const indexed = (of: Group | undefined, change: 'add' | 'delete') => {
      for (const user of of?.spec.members ?? []) this.#listing[change](user, name)
      for (const nested of of?.spec.groups ?? []) this.#containing[change](nested, name)
      if (of?.spec.membersWhere !== undefined) this.#withExpression[change](of.spec.organization, name)
    }
    indexed(this.#groups.get(name), 'delete')
    if (group) this.#groups.set(name, group)
    else this.#groups.delete(name)
    indexed(group, 'add')
  }

  *#found(index: Index, key: string): Generator<Group> {
    for (const name of index.get(key)) {
      const group = this.#groups.get(name)
      if (group) yield group
    }
  }
}

/** Names under a key. */
class Index {
  readonly #names = new Map<string, Set<string>>()
  get(key: string): Iterable<string> {
    return this.#names.get(key) ?? []
  }
  add(key: string, name: string): void {
    const known = this.#names.get(key)
    if (known) known.add(name)
    else this.#names.set(key, new Set([name]))
  }
  delete(key: string, name: string): void {
    const known = this.#names.get(key)
    known?.delete(name)
    if (known?.size === 0) this.#names.delete(key)
  }
}

/** What is declared once a document is applied over what is there: fields that it does not name stay, and memberships of others do. */
export const merged = (before: Declaration | undefined, desired: AnyManifest): AnyManifest => {
  if (!before) return desired
  const spec: Record<string, unknown> = { ...before.spec, ...desired.spec }
  if (desired.kind === 'User') {
    const named = new Set(desired.spec.memberships?.map(({ organization }) => organization))
    const others = (before as ManifestOf<'User'>).spec.memberships?.filter(one => !named.has(one.organization)) ?? []
    spec['memberships'] = [...(desired.spec.memberships ?? []), ...others]
  }
  const labels = { ...before.metadata.labels, ...desired.metadata.labels }
  return { ...desired, metadata: { ...desired.metadata, labels }, spec } as AnyManifest
}
