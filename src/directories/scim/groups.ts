import { attributeOf, isJson, type Json, textOf, valuesOf } from './resource.ts'

/** A member as a group names it. */
export interface Member {
  readonly id: string
  /** What it is, where the service says so; `Other` is neither. */
  readonly of?: 'User' | 'Group' | 'Other'
}

/** Members of a group, each once. */
export interface Members {
  readonly members: readonly Member[]
  /** Members that it does not name. */
  readonly unnamed: number
}

/**
 * Who is in a group, from a Group (RFC 7643 section 4.2).
 * @returns undefined where it says nothing of members: there are none, or the service tells them elsewhere
 */
export const membersOf = (resource: Json): Members | undefined => {
  const told = attributeOf(resource, 'members')
  if (told === undefined || told === null) return undefined
  const members = new Map<string, Member>()
  let unnamed = 0
  for (const each of valuesOf(resource, 'members')) {
    const member = memberOf(isJson(each) ? each : { value: each })
    if (member) members.set(`${member.of} ${member.id}`, member)
    else unnamed++
  }
  return { members: [...members.values()], unnamed }
}

const memberOf = (entry: Json): Member | undefined => {
  const place = placeOf(textOf(entry, '$ref'))
  const id = textOf(entry, 'value') ?? place?.id
  if (id === undefined) return undefined
  const type = textOf(entry, 'type')?.trim().toLowerCase()
  if (type === 'user') return { id, of: 'User' }
  if (type === 'group') return { id, of: 'Group' }
  return { id, ...(place && { of: place.of }) }
}

/** `https://example.com/v2/Users/2819c223`, or only the end of it. */
const placeOf = (reference: string | undefined): { id: string; of: 'User' | 'Group' | 'Other' } | undefined => {
  const [, collection, segment] = /(?:^|\/)([A-Za-z]+)\/([^/?#]+)$/.exec(reference ?? '') ?? []
  if (collection === undefined || segment === undefined) return undefined
  const of = { users: 'User', groups: 'Group' } as const
  return { id: decoded(segment), of: of[collection.toLowerCase() as keyof typeof of] ?? 'Other' }
}

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
