import type { KeycloakDirectory } from '../../api/services/keycloak.ts'
import { ServiceTrouble } from '../trouble.ts'
import { itemsOf } from './answers.ts'
import { pagesOf } from './pages.ts'
import type { Session } from './session.ts'
import type { What } from './trouble.ts'

/** Whose people and groups are read, as paths of the admin API. */
export interface Place {
  /** Of an organization: its accounts of clients are listed among the people. */
  readonly organization: boolean
  readonly people: string
  readonly groups: string
  /** Where groups are counted; undefined where they are not. */
  readonly groupCount?: string
  /** What a refusal is about. */
  readonly what: { readonly people: What; readonly groups: What; readonly members: What }
}

/**
 * The realm, or the organization that is named.
 * @throws ServiceTrouble where there is no such organization
 */
export const placeOf = async (session: Session, spec: KeycloakDirectory, pageSize: number): Promise<Place> => {
  if (spec.organization === undefined)
    return {
      organization: false,
      people: '/users',
      groups: '/groups',
      groupCount: '/groups/count',
      what: { people: 'people', groups: 'groups', members: 'members' },
    }
  // The admin API does not find one by its alias, the only name that stays.
  const pages = pagesOf(
    async (first, max) =>
      itemsOf(session, 'organizations', await session.get('organizations', '/organizations', { first, max })),
    pageSize,
  )
  for await (const page of pages) {
    const found = page.find(({ alias }) => alias === spec.organization)
    if (!found) continue
    const path = `/organizations/${encodeURIComponent(found.id)}`
    return {
      organization: true,
      people: `${path}/members`,
      groups: `${path}/groups`,
      what: { people: 'organization', groups: 'organization', members: 'organization' },
    }
  }
  const { server, realm, clientId } = session.asked
  throw new ServiceTrouble(
    'InvalidSpec',
    `${server} has no organization with the alias ${spec.organization} in realm ${realm}, or does not show it to ${clientId}; correct organization, or give its service account view-organizations of realm-management there`,
  )
}
