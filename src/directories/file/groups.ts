import type { FileDirectory } from '../../api/services/file.ts'
import type { FoundGroup } from '../../ports/directory.ts'
import type { Entry } from './entry.ts'

/** Names of the groups that an entry is in. */
export const groupsIn = ({ values }: Entry, { columns }: FileDirectory): string[] => {
  const value = columns.groups === undefined ? undefined : values.get(columns.groups)
  const names = typeof value === 'string' ? value.split(';') : (value ?? [])
  return [...new Set(names.map(name => name.trim()).filter(name => name !== ''))]
}

/** Groups as the people of a file name them: a group is its name. */
export class GroupsOfFile {
  readonly #users = new Map<string, string[]>()

  add(user: string, groups: readonly string[]): void {
    for (const group of groups) {
      const users = this.#users.get(group)
      if (users) users.push(user)
      else this.#users.set(group, [user])
    }
  }

  all(): FoundGroup[] {
    return [...this.#users].map(([name, users]) => ({ id: name, name, users, groups: [] }))
  }
}
