import { schema } from '@octokit/graphql-schema'
import { buildSchema, type DocumentNode, execute, GraphQLError, type GraphQLSchema, parse, validate } from 'graphql'
import { type Account, byId, type OrganizationState, type TeamState } from './organization.ts'
import { nodeId } from './rest.ts'

/** The schema that GitHub publishes, whole: a query that it would refuse is refused here. */
let published: GraphQLSchema | undefined
const schemaOf = (): GraphQLSchema => {
  published ??= buildSchema(schema.idl, { assumeValid: true })
  return published
}

const parsed = new Map<string, DocumentNode | readonly GraphQLError[]>()
const documentOf = (text: string): DocumentNode | readonly GraphQLError[] => {
  let known = parsed.get(text)
  if (!known) {
    const rules = schemaOf()
    try {
      const document = parse(text)
      const wrong = validate(rules, document)
      known = wrong.length > 0 ? wrong : document
    } catch (error) {
      known = [error as GraphQLError]
    }
    parsed.set(text, known)
  }
  return known
}

interface Cut {
  first?: number
  after?: string
  last?: number
  before?: string
}

const typed = (type: string, message: string) => new GraphQLError(message, { extensions: { type } })

/** "Clients must supply a first or last argument on any connection. Values of first and last must be within 1-100." */
const connection = <Item extends { readonly id: number }>(
  name: string,
  items: readonly Item[],
  { first, after, last, before }: Cut,
  edgeOf: (item: Item) => Record<string, unknown>,
  more = 0,
) => {
  const size = first ?? last
  if (size === undefined)
    throw typed(
      'MISSING_PAGINATION_BOUNDARIES',
      `You must provide a \`first\` or \`last\` value to properly paginate the \`${name}\` connection.`,
    )
  if (size < 1 || size > 100)
    throw typed(
      'EXCESSIVE_PAGINATION',
      `Requesting ${size} records on the \`${name}\` connection exceeds the \`first\` limit of 100 records.`,
    )
  const place = (cursor: string) => Number(Buffer.from(cursor, 'base64').toString().replace('cursor:v2:', ''))
  const from = after === undefined ? 0 : items.findIndex(({ id }) => id > place(after))
  const until = before === undefined ? items.length : items.findIndex(({ id }) => id >= place(before))
  const between = items.slice(from < 0 ? items.length : from, until < 0 ? items.length : until)
  const page = first !== undefined ? between.slice(0, first) : between.slice(-size)
  const cursorOf = (item: Item | undefined) => (item ? Buffer.from(`cursor:v2:${item.id}`).toString('base64') : null)
  const [head, tail] = [page[0], page.at(-1)]
  return {
    totalCount: items.length + more,
    pageInfo: {
      hasNextPage: tail !== undefined && items.at(-1) !== tail,
      hasPreviousPage: head !== undefined && items[0] !== head,
      startCursor: cursorOf(head),
      endCursor: cursorOf(tail),
    },
    edges: page.map(item => ({ cursor: cursorOf(item), ...edgeOf(item) })),
    nodes: page.map(item => edgeOf(item)['node']),
  }
}

const personOf = (account: Account) => ({
  __typename: 'User',
  id: nodeId('User', account.id),
  databaseId: account.id,
  login: account.login,
  name: account.name ?? null,
  email: account.email ?? '',
  organizationVerifiedDomainEmails: account.domainEmails ?? [],
})

const teamOf = (state: OrganizationState, team: TeamState): Record<string, unknown> => ({
  __typename: 'Team',
  id: nodeId('Team', team.id),
  databaseId: team.id,
  name: team.name,
  slug: team.slug,
  description: team.description ?? null,
  privacy: team.privacy === 'secret' ? 'SECRET' : 'VISIBLE',
  parentTeam: () => {
    const parent = team.parent === undefined ? undefined : state.teams.get(team.parent)
    return parent ? teamOf(state, parent) : null
  },
  members: (cut: Cut & { membership?: string }) => {
    // What comes with ALL is not what anybody here wants.
    if (cut.membership !== 'IMMEDIATE') throw typed('NOT_HERE', 'only immediate members are served')
    const members = byId([...team.members].flatMap(([id]) => state.accounts.get(id) ?? []))
    return connection('members', members, cut, account => ({
      node: personOf(account),
      role: team.members.get(account.id) === 'maintainer' ? 'MAINTAINER' : 'MEMBER',
    }))
  },
})

const rootOf = (state: OrganizationState, isOwner: boolean) => ({
  viewer: { login: 'octo-admin' },
  rateLimit: { limit: 5000, remaining: 4999, cost: 1, used: 1, nodeCount: 1, resetAt: '2026-01-01T00:00:00Z' },
  organization: ({ login }: { login: string }) => {
    if (login.toLowerCase() !== state.login.toLowerCase())
      throw typed('NOT_FOUND', `Could not resolve to an Organization with the login of '${login}'.`)
    return {
      login: state.login,
      databaseId: 1,
      viewerCanAdminister: isOwner,
      membersWithRole: (cut: Cut) => {
        const members = byId([...state.members.keys()].flatMap(id => state.accounts.get(id) ?? []))
        const edgeOf = (account: Account) => ({
          node: personOf(account),
          role: state.members.get(account.id) === 'admin' ? 'ADMIN' : 'MEMBER',
        })
        return connection('membersWithRole', members, cut, edgeOf, state.lagging)
      },
      teams: (cut: Cut) => {
        const visible = [...state.teams.values()].filter(({ privacy }) => isOwner || privacy === 'closed')
        return connection('teams', byId(visible), cut, team => ({ node: teamOf(state, team) }))
      },
    }
  },
  user: ({ login }: { login: string }) => {
    const account = [...state.accounts.values()].find(one => one.login.toLowerCase() === login.toLowerCase())
    if (!account) throw typed('NOT_FOUND', `Could not resolve to a User with the login of '${login}'.`)
    return personOf(account)
  },
  node: ({ id }: { id: string }) => nodeOf(state, id),
  nodes: ({ ids }: { ids: string[] }) => {
    if (ids.length > 100) throw typed('ARGUMENT_LIMIT', 'You may not provide more than 100 node ids; ')
    return ids.map(id => nodeOf(state, id))
  },
})

const nodeOf = (state: OrganizationState, id: string) => {
  const [type, number] = Buffer.from(id, 'base64url').toString().split(':')
  const account = type === 'User' ? state.accounts.get(Number(number)) : undefined
  const team = type === 'Team' ? state.teams.get(Number(number)) : undefined
  if (account) return personOf(account)
  if (team) return teamOf(state, team)
  throw typed('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'`)
}

const SCOPES: Readonly<Record<string, readonly string[]>> = {
  email: ['user:email', 'read:user'],
  name: ['read:user', 'read:org'],
  membersWithRole: ['read:org', 'admin:org'],
}

/** What a query answers; errors stand beside the data, with status 200. */
export const graphqlAnswer = async (
  state: OrganizationState,
  { query = '', variables = {} }: { query?: string; variables?: Record<string, unknown> },
  token: { scopes: readonly string[]; isOwner: boolean },
): Promise<unknown> => {
  const document = documentOf(query)
  const written = (error: GraphQLError) => ({
    ...(error.extensions['type'] === undefined ? {} : { type: error.extensions['type'] }),
    ...(error.path && { path: error.path }),
    locations: error.locations,
    message: error.message,
  })
  if (!('kind' in document)) return { errors: document.map(written) }
  for (const [field, scopes] of Object.entries(SCOPES))
    if (new RegExp(`\\b${field}\\b`).test(query) && !scopes.some(scope => token.scopes.includes(scope)))
      return {
        errors: [
          {
            type: 'INSUFFICIENT_SCOPES',
            message: `Your token has not been granted the required scopes to execute this query. The '${field}' field requires one of the following scopes: ${JSON.stringify(scopes)}, but your token has only been granted the: ${JSON.stringify(token.scopes)} scopes.`,
          },
        ],
      }
  const { data, errors } = await execute({
    schema: schemaOf(),
    document,
    rootValue: rootOf(state, token.isOwner),
    variableValues: variables,
  })
  return { data: data ?? null, ...(errors && { errors: errors.map(written) }) }
}
