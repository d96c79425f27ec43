import type { DirectoryCheck } from '../../ports/directory.ts'
import { lackOf } from '../trouble.ts'
import type { Session } from './session.ts'
import { shape } from './shape.ts'

const organizationText = `query($organization: String!) {
  viewer { login }
  organization(login: $organization) {
    viewerCanAdminister
    membersWithRole(first: 1) { totalCount }
    teams(first: 1) { totalCount }
  }
  rateLimit { limit remaining }
}`
const addressesText = `query($organization: String!) {
  organization(login: $organization) {
    membersWithRole(first: 1) { nodes { name email organizationVerifiedDomainEmails(login: $organization) } }
  }
}`

/**
 * Tries one by one what a read needs.
 * @throws ServiceTrouble where not even the organization is shown
 */
export const checkOrganization = async (session: Session): Promise<DirectoryCheck> => {
  const { host, organization } = session
  const data = await session.query(organizationText, { organization })
  const found = shape.object(data['organization'], 'organization')
  const countOf = (list: string) => shape.count(shape.object(found[list], list)['totalCount'], 'count')
  const viewer = shape.text(shape.object(data['viewer'], 'viewer')['login'], 'login')
  const rights: { held: boolean; what: string }[] = [
    { held: true, what: `lets ${viewer} sign in` },
    { held: true, what: `shows the members of ${organization}: ${countOf('membersWithRole')}` },
  ]
  try {
    await session.query(addressesText, { organization })
    rights.push({ held: true, what: 'shows names, and addresses that people show or that are of its domains' })
  } catch (error) {
    const lack = lackOf(error)
    if (lack?.reason !== 'NotAllowed') throw error
    rights.push({ held: false, what: `shows names and addresses: ${lack.message}` })
  }
  rights.push({ held: true, what: `shows teams: ${countOf('teams')}` })
  rights.push(
    found['viewerCanAdminister'] === true
      ? { held: true, what: 'shows secret teams' }
      : { held: false, what: `shows secret teams, which an owner sees, and ${viewer} only where they are in one` },
  )
  for (const [path, what] of [
    ['outside_collaborators', 'outside collaborators'],
    ['invitations', 'pending invitations'],
    ['failed_invitations', 'failed invitations'],
  ] as const) {
    const held = await session.mayList(path)
    rights.push({ held, what: held ? `shows ${what}` : `shows ${what}: the token needs admin:org, or Members: read` })
  }
  const budget = data['rateLimit']
  if (budget !== null && budget !== undefined) {
    const { limit, remaining } = shape.object(budget, 'rateLimit')
    rights.push({ held: remaining !== 0, what: `has ${remaining} of ${limit} points left for queries in this hour` })
  }
  return { server: `${host}, organization ${organization}`, rights }
}
