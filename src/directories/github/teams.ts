import type { FoundGroup } from '../../ports/directory.ts'
import { type Cut, type Page, pageOf, readConnection } from './connection.ts'
import { argumentsOf } from './people.ts'
import type { Session } from './session.ts'
import { said, shape } from './shape.ts'

/** A team with the people who are in it by themselves; those of the teams beneath it are members too. */
export interface Team {
  readonly id: string
  readonly name: string
  /** As it stands in addresses. */
  readonly slug: string
  readonly description?: string
  readonly secret: boolean
  /** The id of the team that it is beneath. */
  readonly parent?: string
  readonly members: readonly { readonly id: string; readonly maintainer: boolean }[]
}

/** Teams asked for at once, each with its first members: GitHub gives up on a query that takes more than ten seconds. */
const TEAMS_A_PAGE = 20
const MEMBERS =
  'totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { role node { databaseId } }'

const teamsText = (
  cut: string,
  declared: string,
) => `query($organization: String!, $size: Int!, $members: Int!${declared}) {
  organization(login: $organization) {
    teams(${cut}) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes {
        id databaseId name slug description privacy
        parentTeam { databaseId }
        members(first: $members, membership: IMMEDIATE) { ${MEMBERS} }
      }
    }
  }
}`
const moreMembers = `query($team: ID!, $size: Int!, $at: String!) {
  node(id: $team) { ... on Team { members(first: $size, after: $at, membership: IMMEDIATE) { ${MEMBERS} } } }
}`

/**
 * All teams, each with all of its members.
 * @returns how many there are, by the service; and how many teams told of fewer members than they have
 */
export const readTeams = async (session: Session): Promise<{ teams: Team[]; total: number; short: number }> => {
  const { organization, pageSize } = session
  const seen = new Set<string>()
  const teams: Team[] = []
  let short = 0
  const ask = async (cut: Cut): Promise<Page> => {
    const { text, declared, variables } = argumentsOf(cut)
    const data = await session.query(teamsText(text, declared), { organization, members: pageSize, ...variables })
    return pageOf(shape.object(data['organization'], 'organization')['teams'], 'nodes', 'teams')
  }
  const { total } = await readConnection({
    pageSize: Math.min(pageSize, TEAMS_A_PAGE),
    ask,
    take: items => {
      const fresh = items
        .map(item => shape.object(item, 'team'))
        .filter(node => {
          const id = shape.id(node['databaseId'], 'databaseId')
          return !seen.has(id) && seen.add(id)
        })
      const reading = fresh.map(async node => {
        const { team, lacks } = await teamOf(session, node)
        teams.push(team)
        if (lacks) short++
      })
      return { fresh: fresh.length, done: Promise.all(reading) }
    },
  })
  return { teams, total, short }
}

const teamOf = async (session: Session, node: Record<string, unknown>): Promise<{ team: Team; lacks: boolean }> => {
  const members = new Map<string, boolean>()
  let page = pageOf(node['members'], 'edges', 'members of a team')
  for (;;) {
    const before = members.size
    for (const edge of page.items) {
      const { role, node: person } = shape.object(edge, 'member')
      members.set(shape.id(shape.object(person, 'person')['databaseId'], 'databaseId'), role === 'MAINTAINER')
    }
    if (page.after === undefined || members.size === before) break
    const variables = { team: shape.text(node['id'], 'id'), size: session.pageSize, at: page.after }
    const more = await session.query(moreMembers, variables)
    page = pageOf(shape.object(more['node'], 'team')['members'], 'edges', 'members of a team')
  }
  const description = said(node['description'])
  const parent = node['parentTeam']
  const team: Team = {
    id: shape.id(node['databaseId'], 'databaseId'),
    name: shape.text(node['name'], 'name'),
    slug: shape.text(node['slug'], 'slug'),
    secret: node['privacy'] === 'SECRET',
    ...(description !== undefined && { description }),
    ...(parent !== null && { parent: shape.id(shape.object(parent, 'team')['databaseId'], 'databaseId') }),
    members: [...members].map(([id, maintainer]) => ({ id, maintainer })),
  }
  return { team, lacks: members.size < page.total }
}

/**
 * Teams as groups: a team beneath another one is a group in it, as GitHub counts its members.
 * @param known whether somebody was told of; others joined a moment ago, and come with the next read
 */
export const groupsOf = (teams: readonly Team[], known: (id: string) => boolean): FoundGroup[] => {
  const beneath = new Map<string, string[]>()
  for (const { id, parent } of teams)
    if (parent !== undefined) beneath.set(parent, [...(beneath.get(parent) ?? []), id])
  return teams.map(({ id, name, description, members }) => {
    const here = members.filter(member => known(member.id))
    return {
      id,
      name,
      ...(description !== undefined && { description }),
      users: here.map(member => member.id).sort(),
      groups: (beneath.get(id) ?? []).sort(),
      maintainers: here.flatMap(member => (member.maintainer ? member.id : [])).sort(),
    }
  })
}
