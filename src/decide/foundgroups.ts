import type { FoundGroup } from '../api/found.ts'

/** Groups as a read tells of them, and who of the people there is in those that somebody wants to know of. */
export class FoundGroups {
  readonly #wanted: ReadonlySet<string>
  readonly #told = new Map<string, FoundGroup>()
  readonly #ids = new Map<string, string[]>()

  /** @param wanted names */
  constructor(wanted: Iterable<string>) {
    this.#wanted = new Set(wanted)
  }

  add(group: FoundGroup): void {
    // Nobody asks: then nothing is kept.
    if (this.#wanted.size === 0 || this.#told.has(group.id)) return
    this.#told.set(group.id, group)
    if (!this.#wanted.has(group.name)) return
    const ids = this.#ids.get(group.name)
    if (ids) ids.push(group.id)
    else this.#ids.set(group.name, [group.id])
  }

  /** Names that several groups have: nobody is in them, for nobody knows which one is meant. */
  get ambiguous(): string[] {
    return [...this.#ids].flatMap(([name, ids]) => (ids.length > 1 ? [name] : [])).sort()
  }

  /** Id of a person → names of wanted groups, sorted: by themselves, or by a group in a group. Circles are walked once. */
  members(): Map<string, string[]> {
    const found = new Map<string, string[]>()
    for (const [name, [first, ...others]] of [...this.#ids].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (first === undefined || others.length > 0) continue
      const within = new Set([first])
      const people = new Set<string>()
      for (const id of within) {
        const group = this.#told.get(id)
        for (const user of group?.users ?? []) people.add(user)
        for (const nested of group?.groups ?? []) within.add(nested)
      }
      for (const person of people) {
        const names = found.get(person)
        if (names) names.push(name)
        else found.set(person, [name])
      }
    }
    return found
  }
}

/** Names of groups in which there were people, and now nobody is. */
export const emptied = (
  before: Iterable<readonly string[]>,
  members: ReadonlyMap<string, readonly string[]>,
): string[] => {
  const now = new Set([...members.values()].flat())
  const then = new Set([...before].flat())
  return [...then].filter(name => !now.has(name)).sort()
}
