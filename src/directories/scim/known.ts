import type { FoundGroup } from '../../ports/directory.ts'
import type { Member } from './groups.ts'

/** A group and what it says of its members, who may not be known yet. */
export interface Told {
  readonly id: string
  readonly name: string
  readonly members: readonly Member[]
}

/** Ids of the people and groups of one read: members are found among them, and nowhere else. */
export class Known {
  readonly users = new Set<string>()
  readonly groups = new Set<string>()

  /** @returns undefined while a member is not known */
  group(told: Told): FoundGroup | undefined {
    const found = this.#divide(told)
    return found.unknown > 0 ? undefined : found.group
  }

  /** The group with those of its members that are known: the others are not read. */
  knownPart(told: Told): FoundGroup {
    return this.#divide(told).group
  }

  #divide({ id, name, members }: Told): { group: FoundGroup; unknown: number } {
    const users = new Set<string>()
    const groups = new Set<string>()
    let unknown = 0
    for (const member of members) {
      if (member.of === 'Other') continue
      // Services whose people and groups share ids say which is meant, all but those that know no groups in groups.
      if (member.of !== 'Group' && this.users.has(member.id)) users.add(member.id)
      else if (member.of !== 'User' && this.groups.has(member.id)) groups.add(member.id)
      else unknown++
    }
    return { group: { id, name, users: [...users].sort(), groups: [...groups].sort() }, unknown }
  }
}
