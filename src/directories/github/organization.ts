import type { FoundUser } from '../../ports/directory.ts'
import { ServiceTrouble } from '../trouble.ts'
import { type Invitation, type Member, readInvitations, readMembers, readOutsiders } from './people.ts'
import { type GithubOptions, githubClient, openSession } from './session.ts'
import { readTeams, type Team } from './teams.ts'

/** Everything of an organization, at once. */
export interface Organization {
  readonly members: readonly Member[]
  readonly outsiders: readonly FoundUser[]
  readonly invitations: readonly Invitation[]
  readonly teams: readonly Team[]
}

/** @throws ServiceTrouble where anything of it is missing; the signal's reason once it aborts */
export const readOrganization = async (options: GithubOptions, signal: AbortSignal): Promise<Organization> => {
  const client = githubClient(options)
  try {
    const session = openSession(client, options, { signal, tally: { requests: 0 } })
    const members: Member[] = []
    const counted = await readMembers(session, async page => void members.push(...page))
    const { teams, total, short } = await readTeams(session)
    if (counted.told < counted.total || teams.length < total || short > 0)
      throw new ServiceTrouble('Incomplete', `${client.host} told of less than it counts; try again in a while`)
    const [outsiders, invitations] = await Promise.all([readOutsiders(session), readInvitations(session)])
    return { members, outsiders, invitations, teams }
  } finally {
    await client.close()
  }
}
