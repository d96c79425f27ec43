import type { FoundGroup } from '../../ports/directory.ts'
import { inParallel } from '../parallel.ts'
import { ServiceTrouble } from '../trouble.ts'
import { type Item, itemsOf, textOf } from './answers.ts'
import { allOf, pagesOf } from './pages.ts'
import type { Place } from './place.ts'
import type { Session } from './session.ts'
import { strange } from './trouble.ts'

/** Groups of one server: whatever it has beyond is its own invention. */
const MOST_GROUPS = 1_000_000

interface Node {
  readonly id: string
  /** From the top, as `Sales/North`: names alone are the same in several places of the tree. */
  readonly name: string
  readonly description?: string
  readonly hasChildren: boolean
}

interface Tree {
  readonly session: Session
  readonly place: Place
  readonly pageSize: number
  /** Ids of the people who were read: members are looked for among them, and accounts of clients are not. */
  readonly people: ReadonlySet<string>
}

/**
 * All groups, from the top down, in pages that are each told once all members are known. What a group gives its members, it gives to those of the
 * groups beneath it too ("users inherit the attributes and role mappings from their parent as well", Server Administration Guide, Groups), although its
 * own list has only those who were put into it: so a group beneath is a member of the one above.
 * @returns how many
 */
export const readGroups = async (tree: Tree, take: (groups: FoundGroup[]) => Promise<void>): Promise<number> => {
  const { session, place, pageSize } = tree
  const seen = new Set<string>()
  const tell = async (top: Node[]) => {
    const waiting = [top]
    for (let nodes = waiting.pop(); nodes; nodes = waiting.pop()) {
      // One that was moved meanwhile comes at both places.
      const fresh = nodes.filter(({ id }) => !seen.has(id))
      for (const { id } of fresh) seen.add(id)
      if (seen.size > MOST_GROUPS)
        throw new ServiceTrouble('NotAllowed', `there are more than ${MOST_GROUPS} groups, which is not believed`)
      const read = await inParallel(fresh, session.concurrency, node => readGroup(tree, node))
      if (read.length > 0) await take(read.map(({ group }) => group))
      const beneath = read.flatMap(({ children }) => children)
      for (let at = 0; at < beneath.length; at += pageSize) waiting.push(beneath.slice(at, at + pageSize))
    }
  }
  const list = listOf(tree, place.groups)
  if (place.organization && (await list.first()) === undefined) return 0
  for await (const page of pagesOf(list.fetch, pageSize)) await tell(page.map(item => nodeOf(session, item, '')))
  return seen.size
}

const listOf = ({ session, place }: Tree, path: string) => {
  const query = { briefRepresentation: 'true', populateHierarchy: 'false', subGroupsCount: 'true' }
  return {
    /** Undefined: Keycloak before 26.6 has no groups of organizations. */
    first: async () => await session.find(place.what.groups, path, { first: 0, max: 1, ...query }),
    fetch: async (first: number, max: number) =>
      itemsOf(session, place.what.groups, await session.get(place.what.groups, path, { first, max, ...query })),
  }
}

const nodeOf = (session: Session, item: Item, above: string): Node => {
  const { subGroupCount } = item
  const name = textOf(item['name'])
  if (name === undefined || typeof subGroupCount !== 'number') throw strange(session.asked, 'groups')
  const description = textOf(item['description'])
  return {
    id: item.id,
    name: `${above}${name}`,
    ...(description === undefined ? {} : { description }),
    hasChildren: subGroupCount > 0,
  }
}

const readGroup = async (tree: Tree, node: Node): Promise<{ group: FoundGroup; children: Node[] }> => {
  const { session, place, pageSize, people } = tree
  const path = `${place.groups}/${encodeURIComponent(node.id)}`
  const children = node.hasChildren ? await allOf(listOf(tree, `${path}/children`).fetch, pageSize) : []
  const members = pagesOf(async (first, max) => {
    const query = { first, max, briefRepresentation: 'true' }
    return itemsOf(session, place.what.members, await session.get(place.what.members, `${path}/members`, query))
  }, pageSize)
  const users: string[] = []
  for await (const page of members) for (const { id } of page) if (people.has(id)) users.push(id)
  const { id, name, description } = node
  return {
    group: {
      id,
      name,
      ...(description === undefined ? {} : { description }),
      users: users.sort(),
      groups: children.map(child => child.id).sort(),
    },
    children: children.map(child => nodeOf(session, child, `${name}/`)),
  }
}
