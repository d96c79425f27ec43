import { githubPeer } from '../test/peers/github.ts'

/** What the server is asked for: another latency, its requests until now, its end. */
export type ServerMessage = { delay: number } | 'count' | 'end'

const IN_A_TEAM = 50
export const ADMINS = ['octo-admin', 'octo-owner']
export const memberAt = (at: number): string => `person-${at}`
/** Teams of an organization with so many members, by index the members of each. */
export const teamsOf = (members: number): number[][] =>
  Array.from({ length: members / IN_A_TEAM }, (_, at) =>
    Array.from({ length: IN_A_TEAM }, (_, nth) => (at * IN_A_TEAM + nth) % members),
  )

/** An organization on the server of the tests, in a process of its own. */
const serve = async (members: number): Promise<void> => {
  const none = Number.POSITIVE_INFINITY
  // What is measured is not how fast GitHub lets anybody be.
  const peer = await githubPeer({ limits: { restPerMinute: none, graphqlPerMinute: none } })
  for (const login of ADMINS) peer.fill.member({ login }, 'admin')
  const ids = Array.from({ length: members }, (_, at) => {
    const person = { login: memberAt(at), name: `Given${at} Family${at}`, domainEmails: [`p${at}@acme.example`] }
    return peer.fill.member(person).id
  })
  for (const [at, team] of teamsOf(members).entries()) {
    const roles = team.map((member, nth) => [ids[member] ?? 0, nth === 0 ? 'maintainer' : 'member'] as const)
    peer.fill.team({ name: `team-${at}`, members: new Map(roles) })
  }
  process.on('message', async (message: ServerMessage) => {
    if (message === 'count') process.send?.(peer.requests.length)
    else if (message !== 'end') peer.delay(message.delay)
    else {
      await peer[Symbol.asyncDispose]()
      process.disconnect?.()
    }
  })
  process.send?.(peer.url)
}

if (process.argv[1] === import.meta.filename) await serve(Number(process.argv[2]))
