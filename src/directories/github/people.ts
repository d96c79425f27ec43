import type { FoundUser } from '../../ports/directory.ts'
import { type Cut, type Page, pageOf, readConnection } from './connection.ts'
import type { Session } from './session.ts'
import { said, shape } from './shape.ts'

/** A person of the organization, and whether they own it. */
export interface Member {
  readonly user: FoundUser
  readonly owner: boolean
}

/** An invitation that nobody answered, or that came to nothing. */
export interface Invitation {
  /** Of the invitation: who is invited may have no account. */
  readonly id: string
  readonly login?: string
  readonly email?: string
  readonly failed: boolean
}

/** People whom one query asks for by login or node id. */
const TOGETHER = 100

const PERSON = 'databaseId login name email'

const members = (cut: string, declared: string) => `query($organization: String!, $size: Int!${declared}) {
  organization(login: $organization) {
    membersWithRole(${cut}) {
      totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { role node { ${PERSON} organizationVerifiedDomainEmails(login: $organization) } }
    }
  }
}`

/** The arguments of a connection for a cut, and its variables. */
export const argumentsOf = (cut: Cut): { text: string; declared: string; variables: Record<string, unknown> } => {
  const [size, side, cursor] = 'first' in cut ? [cut.first, 'first', 'after'] : [cut.last, 'last', 'before']
  const at = 'first' in cut ? cut.after : cut.before
  if (at === undefined) return { text: `${side}: $size`, declared: '', variables: { size } }
  return { text: `${side}: $size, ${cursor}: $at`, declared: ', $at: String!', variables: { size, at } }
}

/**
 * Tells the members, page by page.
 * @param take given each of them once
 * @returns how many came, and how many there are
 */
export const readMembers = (
  session: Session,
  take: (members: readonly Member[]) => Promise<void>,
): Promise<{ told: number; total: number }> => {
  const { organization, pageSize } = session
  const seen = new Set<string>()
  const ask = async (cut: Cut): Promise<Page> => {
    const { text, declared, variables } = argumentsOf(cut)
    const data = await session.query(members(text, declared), { organization, ...variables })
    return pageOf(shape.object(data['organization'], 'organization')['membersWithRole'], 'edges', 'members')
  }
  return readConnection({
    pageSize,
    ask,
    take: items => {
      const fresh = items.map(memberOf).filter(({ user }) => !seen.has(user.id) && seen.add(user.id))
      return { fresh: fresh.length, done: take(fresh) }
    },
  })
}

const memberOf = (edge: unknown): Member => {
  const { role, node } = shape.object(edge, 'member')
  const owner = role === 'ADMIN'
  return { owner, user: { ...personOf(node), relation: owner ? 'Owner' : 'Member', active: true } }
}

/** What GitHub says of a person. An address that it proved for a domain of the organization comes before the one that they show to everybody. */
const personOf = (node: unknown): Omit<FoundUser, 'relation' | 'active'> => {
  const person = shape.object(node, 'person')
  const proven = person['organizationVerifiedDomainEmails']
  const addresses = [...(Array.isArray(proven) ? [...proven].sort() : []), person['email']].flatMap(
    address => said(address) ?? [],
  )
  const [email, ...aliases] = [...new Set(addresses)]
  const name = said(person['name'])
  return {
    id: shape.id(person['databaseId'], 'databaseId'),
    login: shape.text(person['login'], 'login'),
    ...(email !== undefined && { email }),
    ...(aliases.length > 0 && { aliases }),
    ...(name !== undefined && { displayName: name }),
  }
}

/** People who work on repositories without being members. REST tells only ids and logins; the rest is asked for, a hundred at once. */
export const readOutsiders = async (session: Session): Promise<FoundUser[]> => {
  const listed = await session.list('outside_collaborators', 'outside collaborators')
  const outsiders = new Map(
    listed.map(({ id, login, node_id }) => {
      const user = { id: shape.id(id, 'id'), login: shape.text(login, 'login') }
      return [shape.text(node_id, 'node_id'), user] as const
    }),
  )
  const told = await Promise.all(
    partsOf([...outsiders.keys()]).map(async ids => {
      const { nodes } = await session.query(
        `query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { ${PERSON} } } }`,
        { ids },
        ({ type, path }) => type === 'NOT_FOUND' && path[0] === 'nodes',
      )
      return shape
        .list(nodes, 'people')
        .filter(node => node !== null && Object.keys(shape.object(node, 'person')).length > 0)
    }),
  )
  const known = new Map(
    told
      .flat()
      .map(node => personOf(node))
      .map(person => [person.id, person]),
  )
  return [...outsiders.values()].map(({ id, login }) => ({
    ...(known.get(id) ?? { id, login }),
    relation: 'OutsideCollaborator',
    active: true,
  }))
}

/** Invitations, those that failed last, each person or address once. */
export const readInvitations = async (session: Session): Promise<Invitation[]> => {
  const [pending, failed] = await Promise.all([
    session.list('invitations', 'invitations'),
    session.list('failed_invitations', 'failed invitations'),
  ])
  const found = new Map<string, Invitation>()
  // The newest comes last, and who was invited again is only that.
  const invitations = [
    ...pending.map(one => invitationOf(one, false)),
    ...failed.map(one => invitationOf(one, true)).reverse(),
  ]
  for (const invitation of invitations) {
    const whom = (invitation.login ?? invitation.email ?? invitation.id).toLowerCase()
    if (!found.has(whom)) found.set(whom, invitation)
  }
  return [...found.values()]
}

const invitationOf = ({ id, login, email }: Record<string, unknown>, failed: boolean): Invitation => {
  const called = said(login)
  const address = said(email)
  return {
    id: shape.id(id, 'id'),
    ...(called !== undefined && { login: called }),
    ...(address !== undefined && { email: address }),
    failed,
  }
}

/**
 * Who is invited. Whoever has an account is known by its id from the beginning, so that they stay the same when they accept; an address by the id of
 * its invitation.
 */
export const invitedUsers = async (session: Session, invitations: readonly Invitation[]): Promise<FoundUser[]> => {
  const people = await peopleByLogin(
    session,
    invitations.flatMap(({ login }) => login ?? []),
  )
  return invitations.map(({ id, login, email, failed }) => {
    const known = login === undefined ? undefined : people.get(login.toLowerCase())
    return {
      id: `invitation-${id}`,
      ...(login !== undefined && { login }),
      ...(email !== undefined && { email }),
      ...known,
      relation: failed ? 'InvitationFailed' : 'Invited',
      active: false,
    }
  })
}

/** People by login, in lower case, as far as there are such. */
export const peopleByLogin = async (
  session: Session,
  logins: readonly string[],
): Promise<Map<string, Omit<FoundUser, 'relation' | 'active'>>> => {
  const found = new Map<string, Omit<FoundUser, 'relation' | 'active'>>()
  await Promise.all(
    partsOf(logins).map(async part => {
      const declared = part.map((_, at) => `$l${at}: String!`).join(', ')
      const asked = part.map((_, at) => `p${at}: user(login: $l${at}) { ${PERSON} }`).join(' ')
      const variables = Object.fromEntries(part.map((login, at) => [`l${at}`, login]))
      const data = await session.query(`query(${declared}) { ${asked} }`, variables, ({ type }) => type === 'NOT_FOUND')
      for (const [at, login] of part.entries()) {
        const node = data[`p${at}`]
        if (node !== null && node !== undefined) found.set(login.toLowerCase(), personOf(node))
      }
    }),
  )
  return found
}

const partsOf = <Item>(items: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(items.length / TOGETHER) }, (_, at) => items.slice(at * TOGETHER, (at + 1) * TOGETHER))
