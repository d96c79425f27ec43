/** A person with an account on GitHub. */
export interface Account {
  /** Never changes, never given to anybody else. */
  readonly id: number
  login: string
  name?: string
  /** Shown to everybody. */
  email?: string
  /** Proven, for verified domains of the organization. */
  domainEmails?: string[]
}

export interface TeamState {
  readonly id: number
  slug: string
  name: string
  description?: string
  privacy: 'closed' | 'secret'
  parent?: number
  /** Account ids, and who among them maintains the team. */
  members: Map<number, 'member' | 'maintainer'>
}

export interface InvitationState {
  readonly id: number
  login?: string
  email?: string
  role: 'direct_member' | 'admin'
  failed?: string
  teams: number[]
}

/** What GitHub holds of one organization; a test changes it as people would by hand. */
export interface OrganizationState {
  readonly login: string
  readonly accounts: Map<number, Account>
  readonly members: Map<number, 'admin' | 'member'>
  readonly outside: Set<number>
  readonly teams: Map<number, TeamState>
  readonly invitations: InvitationState[]
  /** Who still stands in counts after having left the lists: eventual consistency. */
  lagging: number
}

export const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')

export const emptyOrganization = (login: string): OrganizationState => ({
  login,
  accounts: new Map(),
  members: new Map(),
  outside: new Set(),
  teams: new Map(),
  invitations: [],
  lagging: 0,
})

/** Ids are drawn from one sequence, as on GitHub they are from a few. */
export const filling = (state: OrganizationState) => {
  const next = () => 1000 + state.accounts.size + state.teams.size + state.invitations.length
  const filled = {
    account: (account: Omit<Account, 'id'>): Account => {
      const made = { id: next(), ...account }
      state.accounts.set(made.id, made)
      return made
    },
    member: (account: Omit<Account, 'id'>, role: 'admin' | 'member' = 'member'): Account => {
      const made = filled.account(account)
      state.members.set(made.id, role)
      return made
    },
    outsider: (account: Omit<Account, 'id'>): Account => {
      const made = filled.account(account)
      state.outside.add(made.id)
      return made
    },
    team: (team: Partial<TeamState> & { name: string }): TeamState => {
      const made: TeamState = {
        id: next(),
        slug: slugOf(team.name),
        privacy: 'closed',
        members: new Map(),
        ...team,
      }
      state.teams.set(made.id, made)
      return made
    },
    invitation: (
      invitation: Omit<InvitationState, 'id' | 'teams' | 'role'> & Partial<InvitationState>,
    ): InvitationState => {
      const made: InvitationState = { id: next(), role: 'direct_member', teams: [], ...invitation }
      state.invitations.push(made)
      return made
    },
  }
  return filled
}

/** In the order of their ids, as GitHub lists. */
export const byId = <Item extends { readonly id: number }>(items: Iterable<Item>): Item[] =>
  [...items].sort((a, b) => a.id - b.id)
