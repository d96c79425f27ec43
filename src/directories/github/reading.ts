import type { FoundPage, FoundUser } from '../../ports/directory.ts'
import type { Lack } from '../trouble.ts'
import { invitedUsers, readInvitations, readMembers, readOutsiders } from './people.ts'
import type { Session } from './session.ts'
import { groupsOf, readTeams } from './teams.ts'

/** People and groups that are told at once. */
const TOLD_AT_ONCE = 500

/**
 * Tells everything: members as they come, while the rest is read beside them; then those who are none, and teams, whose members are known by then.
 * @param stop called when one of the lists broke, and the others need not go on
 * @returns undefined: nothing is missing
 * @throws ServiceTrouble where it had to stop
 */
export const readEverything = async (
  session: Session,
  options: { stop: () => void; take: (page: FoundPage) => Promise<void> },
): Promise<Lack | undefined> => {
  const { stop } = options
  const known = new Set<string>()
  const tell = async (users: readonly FoundUser[]) => {
    const fresh = users.filter(({ id }) => !known.has(id) && known.add(id))
    for (let at = 0; at < fresh.length; at += TOLD_AT_ONCE)
      await options.take({ users: fresh.slice(at, at + TOLD_AT_ONCE) })
  }
  const [members, outsiders, invited, found] = await beside(stop, [
    readMembers(session, members => tell(members.map(({ user }) => user))),
    readOutsiders(session),
    readInvitations(session).then(invitations => invitedUsers(session, invitations)),
    readTeams(session),
  ])
  await tell(outsiders)
  // Whoever is here by now, was invited before.
  await tell(invited)
  const lack = lackOf(session, members, found)
  // Teams that lack somebody would be told as if these had left them.
  if (lack) return lack
  const groups = groupsOf(found.teams, id => known.has(id))
  for (let at = 0; at < groups.length; at += TOLD_AT_ONCE)
    await options.take({ groups: groups.slice(at, at + TOLD_AT_ONCE) })
  return undefined
}

const lackOf = (
  { host, organization }: Session,
  members: { told: number; total: number },
  { teams, total, short }: Awaited<ReturnType<typeof readTeams>>,
): Lack | undefined => {
  const missing = [
    members.told < members.total && `${members.told} of ${members.total} members`,
    teams.length < total && `${teams.length} of ${total} teams`,
    short > 0 && `not all members of ${short} teams`,
  ].filter(text => text !== false)
  if (missing.length === 0) return undefined
  return {
    reason: 'Incomplete',
    message: `${host} told of ${missing.join(' and ')} of ${organization}; its lists catch up with its counts in a while, and it is read again`,
  }
}

type Awaits<Tasks extends readonly unknown[]> = { [At in keyof Tasks]: Promise<Tasks[At]> }

/** Waits for all; where one of them fails, stops the others, and throws what failed first once they ended. */
const beside = async <Results extends readonly unknown[]>(
  stop: () => void,
  tasks: readonly [...Awaits<Results>],
): Promise<Results> => {
  try {
    return (await Promise.all(tasks)) as unknown as Results
  } catch (error) {
    stop()
    await Promise.allSettled(tasks)
    throw error
  }
}
