import { normalDn } from './dn.ts'

/** Several owners of one name: nobody can say who is meant. */
const SEVERAL = Symbol('several')

/** Names of entries that were read, and the ids behind them. Nothing else is kept of them. */
class Names {
  readonly #ids = new Map<string, string | typeof SEVERAL>()

  add(name: string, id: string): void {
    const before = this.#ids.get(name)
    this.#ids.set(name, before === undefined || before === id ? id : SEVERAL)
  }

  find(name: string): string | typeof SEVERAL | undefined {
    return this.#ids.get(name)
  }
}

/** Who was read, by all the names that a group calls its members by. */
export class Known {
  readonly #people = new Names()
  readonly #logins = new Names()
  readonly #groups = new Names()
  /** Security identifiers of primary groups, and who has them. */
  readonly #primary = new Map<string, string[]>()
  readonly #seen = { user: new Set<string>(), group: new Set<string>() }
  /** Members whom several people or groups could be. */
  ambiguous = 0

  /** @returns false when there was one with that id already */
  addUser(dn: string, id: string, logins: readonly string[], primaryGroup: string | undefined): boolean {
    this.#people.add(normalDn(dn) ?? dn, id)
    for (const login of logins) this.#logins.add(login, id)
    if (this.#seen.user.has(id)) return false
    this.#seen.user.add(id)
    if (primaryGroup !== undefined) {
      const having = this.#primary.get(primaryGroup)
      if (having) having.push(id)
      else this.#primary.set(primaryGroup, [id])
    }
    return true
  }

  addGroup(dn: string, id: string): void {
    this.#groups.add(normalDn(dn) ?? dn, id)
    this.#seen.group.add(id)
  }

  hasGroup(id: string): boolean {
    return this.#seen.group.has(id)
  }

  /** Who is meant by a distinguished name; undefined: nobody who was read. */
  byDn(dn: string): { user?: string; group?: string } | undefined {
    const name = normalDn(dn)
    if (name === undefined) return undefined
    const user = this.#people.find(name)
    const group = user === undefined ? this.#groups.find(name) : undefined
    if (user === SEVERAL || group === SEVERAL) {
      this.ambiguous++
      return undefined
    }
    if (user !== undefined) return { user }
    return group === undefined ? undefined : { group }
  }

  byLogin(login: string): string | undefined {
    const user = this.#logins.find(login)
    if (user !== SEVERAL) return user
    this.ambiguous++
    return undefined
  }

  byPrimaryGroup(sid: string): readonly string[] {
    return this.#primary.get(sid) ?? []
  }
}
