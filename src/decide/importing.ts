import { listed } from '../api/counted.ts'
import { API_VERSION } from '../api/names.ts'
import { parseAddress } from './address.ts'

/** A person as another tool or service declares them. */
export interface ImportedPerson {
  readonly login: string
  /** The id that the service has for them; without one the login stands for whoever has it when it is first read. */
  readonly id?: string
  readonly email?: string
  readonly displayName?: string
  readonly owner: boolean
}

export interface ImportedTeam {
  readonly name: string
  /** The name of the team that it is beneath. */
  readonly parent?: string
  /** Logins, maintainers among them. */
  readonly members: readonly string[]
  readonly maintainers: readonly string[]
  /** What else is said of it and has no place in a Group, one sentence each. */
  readonly further: readonly string[]
}

export interface Importable {
  /** The login of the organization there. */
  readonly organization: string
  readonly url?: string
  readonly people: readonly ImportedPerson[]
  readonly teams: readonly ImportedTeam[]
  readonly notTaken: readonly string[]
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: 'Organization' | 'Directory' | 'User' | 'Group'
  readonly metadata: { readonly name: string }
  readonly spec: Record<string, unknown>
}

/** What an organization on GitHub becomes here: nobody is mailed by it, and nobody gets a right in Roster. */
export const manifestsOf = (
  found: Importable,
  into: { organization: string; directory: string; addresses: ReadonlyMap<string, string> },
): { manifests: Manifest[]; notTaken: string[] } => {
  const { organization, directory } = into
  const notTaken = [...found.notTaken]
  const manifest = (kind: Manifest['kind'], name: string, spec: Record<string, unknown>): Manifest => ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name },
    spec,
  })
  const personNames = new Names()
  const users = new Map<string, { name: string; spec: Record<string, unknown> }>()
  const taken = new Map<string, string>()
  for (const { login, id, email, displayName } of sorted(found.people)) {
    const said = into.addresses.get(login.toLowerCase()) ?? email
    const parsed = said === undefined ? undefined : parseAddress(said)
    if (parsed === undefined || 'problem' in parsed) {
      notTaken.push(
        said === undefined ? `${login}: no address is known` : `${login}: the address ${JSON.stringify(said)} is none`,
      )
      continue
    }
    const before = taken.get(parsed.address)
    if (before !== undefined) {
      notTaken.push(`${login}: has the address of ${before}`)
      continue
    }
    taken.set(parsed.address, login)
    const spec = {
      email: parsed.address,
      ...(displayName !== undefined && [...displayName].length <= 100 && { displayName }),
      identities: [{ directory, ...(id === undefined ? { name: login } : { id }) }],
      // Known, and asked for nothing: whoever is to join gets another `join` by hand.
      memberships: [{ organization, join: 'None' }],
    }
    users.set(login.toLowerCase(), { name: personNames.give(login), spec })
  }

  const namesOf = (logins: readonly string[], where: string): string[] => {
    const unknown = logins.filter(login => !users.has(login.toLowerCase()))
    if (unknown.length > 0) notTaken.push(`${where}: without ${listed(unknown)}, who are not taken`)
    return [...new Set(logins.flatMap(login => users.get(login.toLowerCase())?.name ?? []))].sort()
  }
  const groupNames = new Names()
  const teams = found.teams.map(team => ({ ...team, group: groupNames.give(team.name) }))
  const groups = teams.map(({ name, group, members, maintainers, further }) => {
    for (const sentence of further) notTaken.push(`team ${name}: ${sentence}`)
    if (maintainers.length > 0) notTaken.push(`team ${name}: who maintains it (${listed(maintainers)})`)
    const beneath = teams.filter(({ parent }) => parent === name).map(child => child.group)
    return manifest('Group', group, {
      organization,
      ...(group !== name && { displayName: [...name].slice(0, 100).join('') }),
      members: namesOf(members, `team ${name}`),
      ...(beneath.length > 0 && { groups: beneath.sort() }),
    })
  })
  const owners = found.people.filter(({ owner }) => owner).map(({ login }) => login)
  const ownerGroup = manifest('Group', groupNames.give('owners'), {
    organization,
    displayName: `Owners of ${found.organization} on GitHub`,
    members: namesOf(owners, 'owners'),
  })
  const github = {
    organization: found.organization,
    ...(found.url !== undefined && { url: found.url }),
    tokenSecretRef: { name: directory, key: 'token' },
  }
  return {
    manifests: [
      manifest('Organization', organization, { displayName: found.organization }),
      manifest('Directory', directory, { organization, type: 'GitHub', github, policy: 'Observe' }),
      ...[...users.values()].map(({ name, spec }) => manifest('User', name, spec)),
      ...(owners.length > 0 ? [ownerGroup] : []),
      ...groups,
    ],
    notTaken,
  }
}

/** Names of resources, each given once. */
class Names {
  readonly #given = new Set<string>()

  /** `Größe + Maß` → `gro-e-ma`; a number behind it where that is given already. */
  give(text: string): string {
    const base =
      text
        .normalize('NFKD')
        .toLowerCase()
        .replace(/\p{M}/gu, '')
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, 50)
        .replace(/^-+|-+$/g, '') || 'unnamed'
    let name = base
    for (let further = 2; this.#given.has(name); further++) name = `${base}-${further}`
    this.#given.add(name)
    return name
  }
}

const sorted = (people: readonly ImportedPerson[]): ImportedPerson[] =>
  [...people].sort((a, b) => (a.login.toLowerCase() < b.login.toLowerCase() ? -1 : 1))
