import { API_VERSION } from '../../src/api/names.ts'

/** Files of a repository: path → text. */
export type Files = Map<string, string>

export interface Shape {
  people: number
  groups: number
  /** People listed in groups, all together. */
  memberships: number
}

/** A large organization of an open-source project: many small groups nested in a few, most people in two or three of them. */
export const REAL_SHAPE: Shape = { people: 1_500, groups: 770, memberships: 3_600 }

/** Names that YAML 1.1 or 1.2 reads as something else than a text where they are not quoted. */
const ODD_NAMES = ['0123', '1e3', '0x1f', '12345678', '1.5', 'null', 'true', 'no', 'on', 'y', '2026-11-28', '0o17']
const ROLES = ['viewer', 'editor', 'maintainer', 'auditor']

/** The same numbers for the same seed, on every machine (mulberry32). @returns whole numbers from 0 to `below` - 1 */
export const seeded = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** A repository that changes commit by commit. */
export interface Material {
  files: Files
  /** Makes one more commit. @returns what it was, for the message of a failing test */
  commit(): string
}

interface Person {
  name: string
  team: string
  role: string
}
interface Team {
  name: string
  members: Set<string>
  groups: Set<string>
}

/** The organization as manifests in files, one a document, and its stream of commits: people come, go, move and are renamed. */
export const material = (shape: Shape = REAL_SHAPE, seed = 4711): Material => {
  const draw = seeded(seed)
  const pick = <T>(all: readonly T[]): T => all[draw(all.length)] as T
  const people = new Map<string, Person>()
  const teams: Team[] = []
  const files: Files = new Map()
  let hired = 0

  const writePerson = ({ name, team, role }: Person) =>
    files.set(
      `users/${name}.yaml`,
      manifest(
        'User',
        name,
        { email: `${name}@acme.example`, memberships: [{ organization: 'acme', roles: [role] }] },
        { team },
      ),
    )
  const writeTeam = ({ name, members, groups }: Team) =>
    files.set(
      `groups/${name}.yaml`,
      manifest('Group', name, { organization: 'acme', members: [...members], groups: [...groups] }),
    )
  const hire = (): string => {
    const name = ODD_NAMES[hired] ?? `person-${hired}`
    hired++
    const person = { name, team: `team-${draw(shape.groups)}`, role: pick(ROLES) }
    people.set(name, person)
    writePerson(person)
    return name
  }
  const leave = (name: string) => {
    people.delete(name)
    files.delete(`users/${name}.yaml`)
    for (const team of teams) if (team.members.delete(name)) writeTeam(team)
  }

  files.set('acme.yaml', manifest('Organization', 'acme', { displayName: 'Acme', domains: ['acme.example'] }))
  for (const role of ROLES)
    files.set(`roles/${role}.yaml`, manifest('Role', role, { organization: 'acme', allow: [`documents:${role}`] }))
  for (let number = 0; number < shape.people; number++) hire()
  const names = [...people.keys()]
  for (let number = 0; number < shape.groups; number++) {
    const team: Team = { name: `team-${number}`, members: new Set(), groups: new Set() }
    // Only in earlier ones: never a circle.
    if (number > 10) teams[draw(number)]?.groups.add(team.name)
    teams.push(team)
  }
  for (let listed = 0; listed < shape.memberships; ) {
    const { members } = pick(teams)
    const before = members.size
    members.add(pick(names))
    listed += members.size - before
  }
  for (const team of teams) writeTeam(team)

  const edits: readonly [number, () => string][] = [
    [
      30,
      () => {
        const person = people.get(pick([...people.keys()])) as Person
        person.role = pick(ROLES)
        writePerson(person)
        return `${person.name} is ${person.role}`
      },
    ],
    [
      30,
      () => {
        const team = pick(teams)
        const name = pick([...people.keys()])
        if (!team.members.delete(name)) team.members.add(name)
        writeTeam(team)
        return `${name} in or out of ${team.name}`
      },
    ],
    [20, () => `${hire()} comes`],
    [
      12,
      () => {
        const name = pick([...people.keys()])
        leave(name)
        return `${name} leaves`
      },
    ],
    // As often as 40 times in a thousand.
    [
      4,
      () => {
        const old = people.get(pick([...people.keys()])) as Person
        const person = { ...old, name: `${old.name}-new` }
        const groups = teams.filter(({ members }) => members.has(old.name))
        leave(old.name)
        people.set(person.name, person)
        writePerson(person)
        for (const team of groups) writeTeam({ ...team, members: team.members.add(person.name) })
        return `${old.name} is now ${person.name}`
      },
    ],
  ]
  const all = edits.reduce((sum, [weight]) => sum + weight, 0)
  return {
    files,
    commit: () => {
      let at = draw(all)
      for (const [weight, edit] of edits) {
        if (at < weight) return edit()
        at -= weight
      }
      return 'nothing'
    },
  }
}

/** Every text in quotes, as JSON, which is YAML too. */
const manifest = (kind: string, name: string, spec: object, labels?: Record<string, string>): string =>
  `${JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, ...(labels && { labels }) }, spec })}\n`
