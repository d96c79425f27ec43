import { type Account, byId, type InvitationState, type OrganizationState, type TeamState } from './organization.ts'

/** An answer of the REST API: an item, or a list of which a page is asked for. */
export type RestAnswer =
  | { readonly status: number; readonly item: unknown }
  | { readonly list: readonly unknown[] }
  | { readonly people: readonly Account[] }

const NOT_FOUND: RestAnswer = { status: 404, item: { message: 'Not Found', status: '404' } }

/** "Simple user" of the published description, with all of its addresses. */
export const simpleUser = ({ id, login }: Account) => {
  const url = `https://api.github.com/users/${login}`
  return {
    login,
    id,
    node_id: nodeId('User', id),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`,
    gravatar_id: '',
    url,
    html_url: `https://github.com/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: 'User',
    site_admin: false,
  }
}

export const nodeId = (type: 'User' | 'Team', id: number): string => Buffer.from(`${type}:${id}`).toString('base64url')

/** Members of a team over REST include those of all teams beneath it ("List team members"). */
const withChildren = (state: OrganizationState, team: TeamState): Map<number, 'member' | 'maintainer'> => {
  const all = new Map(team.members)
  for (const child of state.teams.values())
    if (child.parent === team.id) for (const [id] of withChildren(state, child)) if (!all.has(id)) all.set(id, 'member')
  return all
}

const people = (state: OrganizationState, ids: Iterable<number>) =>
  byId([...ids].flatMap(id => state.accounts.get(id) ?? []))

const teamOf = (state: OrganizationState, team: TeamState, short = false): unknown => {
  const parent = team.parent === undefined ? undefined : state.teams.get(team.parent)
  return {
    id: team.id,
    node_id: nodeId('Team', team.id),
    url: `https://api.github.com/organizations/1/team/${team.id}`,
    html_url: `https://github.com/orgs/${state.login}/teams/${team.slug}`,
    name: team.name,
    slug: team.slug,
    description: team.description ?? null,
    privacy: team.privacy,
    notification_setting: 'notifications_enabled',
    permission: 'pull',
    members_url: `https://api.github.com/organizations/1/team/${team.id}/members{/member}`,
    repositories_url: `https://api.github.com/organizations/1/team/${team.id}/repos`,
    ...(!short && { parent: parent ? teamOf(state, parent, true) : null }),
  }
}

const invitationOf = (invitation: InvitationState) => ({
  id: invitation.id,
  node_id: `OI_${invitation.id}`,
  login: invitation.login ?? null,
  email: invitation.email ?? null,
  role: invitation.role,
  created_at: '2026-01-01T00:00:00Z',
  failed_at: invitation.failed === undefined ? null : '2026-01-08T00:00:00Z',
  failed_reason: invitation.failed ?? null,
  team_count: invitation.teams.length,
  invitation_teams_url: `https://api.github.com/organizations/1/invitations/${invitation.id}/teams`,
  invitation_source: 'member',
  inviter: null,
})

/** Reads of the REST API, as docs.github.com describes them. */
export const restAnswer = (state: OrganizationState, path: string, query: URLSearchParams): RestAnswer => {
  const [root, organization, what, which, whose] = path
    .replace(/^\/(?:api\/v3\/)?/, '')
    .split('/')
    .map(decodeURIComponent)
  if (root === 'user' && organization === undefined)
    return { status: 200, item: { login: 'octo-admin', id: 1, node_id: nodeId('User', 1), type: 'User' } }
  if (root === 'user' && organization === 'orgs') return { list: [{ login: state.login, id: 1 }] }
  if (root !== 'orgs' || organization?.toLowerCase() !== state.login.toLowerCase()) return NOT_FOUND
  const role = query.get('role') ?? 'all'
  switch (what) {
    case undefined:
      return { status: 200, item: { login: state.login, id: 1, name: state.login } }
    case 'members':
      return {
        people: people(
          state,
          [...state.members].flatMap(([id, held]) => (role === 'all' || role === held ? id : [])),
        ),
      }
    case 'outside_collaborators':
      return { people: people(state, state.outside) }
    case 'invitations': {
      if (whose === 'teams') {
        const invitation = state.invitations.find(({ id }) => id === Number(which))
        return invitation
          ? { list: invitation.teams.flatMap(id => state.teams.get(id) ?? []).map(team => teamOf(state, team)) }
          : NOT_FOUND
      }
      return {
        list: state.invitations.filter(({ failed }) => failed === undefined).map(one => invitationOf(one)),
      }
    }
    case 'failed_invitations':
      return {
        list: state.invitations.filter(({ failed }) => failed !== undefined).map(one => invitationOf(one)),
      }
    case 'teams': {
      if (which === undefined) return { list: byId(state.teams.values()).map(team => teamOf(state, team)) }
      const team = [...state.teams.values()].find(({ slug }) => slug === which)
      if (!team) return NOT_FOUND
      if (whose === undefined) return { status: 200, item: teamOf(state, team) }
      if (whose === 'invitations')
        return {
          list: state.invitations
            .filter(({ failed, teams }) => failed === undefined && teams.includes(team.id))
            .map(one => invitationOf(one)),
        }
      if (whose !== 'members') return NOT_FOUND
      const members = [...withChildren(state, team)].flatMap(([id, held]) =>
        role === 'all' || role === held ? id : [],
      )
      return { people: people(state, members) }
    }
    default:
      return NOT_FOUND
  }
}
