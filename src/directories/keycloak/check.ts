import type { KeycloakDirectory } from '../../api/services/keycloak.ts'
import type { DirectoryCheck } from '../../ports/directory.ts'
import { lackOf } from '../trouble.ts'
import { countOf, itemsOf } from './answers.ts'
import { placeOf } from './place.ts'
import { PAGE_SIZE } from './reading.ts'
import type { Session } from './session.ts'
import { rolesFor } from './trouble.ts'

/**
 * Tries one by one what a read needs, and names the roles of `realm-management` that are held or lacking.
 * @throws ServiceTrouble where nothing can be tried
 */
export const checkServer = async (session: Session, spec: KeycloakDirectory): Promise<DirectoryCheck> => {
  const { server, realm, clientId } = session.asked
  const rights: { held: boolean; what: string }[] = []
  const trying = async (title: string, work: () => Promise<{ held: boolean; what: string }[]>) => {
    try {
      rights.push(...(await work()))
    } catch (error) {
      const lack = lackOf(error)
      if (!lack || !/^(NotAllowed|InvalidSpec)$/.test(lack.reason)) throw error
      rights.push({ held: false, what: `${title}: ${lack.message}` })
    }
  }

  // Before anything is tried: without a token all of it fails, and the failure is said once.
  await session.signIn()
  if (spec.url.startsWith('https:')) rights.push({ held: true, what: 'encrypts the connection' })
  rights.push({ held: true, what: `lets the client ${clientId} sign in` })
  let place: Awaited<ReturnType<typeof placeOf>> | undefined
  await trying('shows the organization', async () => {
    place = await placeOf(session, spec, spec.pageSize ?? PAGE_SIZE)
    return place.organization
      ? [{ held: true, what: `shows the organization ${spec.organization} (${rolesFor('organizations')})` }]
      : []
  })
  const found = place
  if (found) {
    const { what } = found
    await trying('shows people', async () => {
      const count = countOf(session, what.people, await session.get(what.people, `${found.people}/count`))
      const shown = itemsOf(session, what.people, await session.get(what.people, found.people, { first: 0, max: 1 }))
      return [seen('people', rolesFor('people'), count, shown.length)]
    })
    await trying('shows groups', async () => {
      const query = { first: 0, max: 1, briefRepresentation: 'true' }
      const body = await session.find(what.groups, found.groups, query)
      if (body === undefined) return [{ held: true, what: 'has no groups of organizations (Keycloak 26.6 has)' }]
      const shown = itemsOf(session, what.groups, body)
      const count =
        found.groupCount === undefined
          ? undefined
          : countOf(session, what.groups, await session.get(what.groups, found.groupCount))
      const rights = [seen('groups', 'query-groups, view-users', count, shown.length)]
      const [group] = shown
      if (group) {
        const path = `${found.groups}/${encodeURIComponent(group.id)}/members`
        await session.get(what.members, path, query)
        rights.push({ held: true, what: `shows members of groups (${rolesFor('members')})` })
      }
      return rights
    })
  }
  const of = spec.organization === undefined ? '' : `, organization ${spec.organization}`
  return { server: `${server}, realm ${realm}${of}`, rights }
}

/** Who may only query is told how many there are, and shown none. */
const seen = (who: 'people' | 'groups', role: string, count: number | undefined, shown: number) =>
  count !== undefined && count > 0 && shown === 0
    ? {
        held: false,
        what: `counts ${who} (${count}), and shows none; give the service account view-users of realm-management there`,
      }
    : { held: true, what: `shows ${who} (${role})${count === undefined ? '' : `: ${count}`}` }
