import { ServiceTrouble } from '../trouble.ts'

/** Who asks where, for people. */
export interface Asked {
  readonly server: string
  readonly realm: string
  readonly clientId: string
}

/** What is asked for. */
export type What = 'token' | 'realm' | 'people' | 'groups' | 'members' | 'organizations' | 'organization'

const CALLED: Readonly<Record<What, string>> = {
  token: 'a token',
  realm: 'the realm',
  people: 'people',
  groups: 'groups',
  members: 'members of groups',
  organizations: 'organizations',
  organization: 'people and groups of the organization',
}

/** The roles of `realm-management` that show it. */
export const rolesFor = (what: What): string =>
  what === 'organizations'
    ? 'view-organizations'
    : what === 'organization'
      ? 'view-users and view-organizations'
      : 'view-users'

/** The server does not allow it. */
export const refused = ({ server, realm, clientId }: Asked, what: What): ServiceTrouble =>
  what === 'token'
    ? new ServiceTrouble(
        'CredentialsRefused',
        `${server} does not let the client ${clientId} sign in to realm ${realm}; correct clientId or the secret, and turn on client authentication and service accounts of that client there`,
      )
    : new ServiceTrouble(
        'NotAllowed',
        `${server} does not show ${CALLED[what]} of realm ${realm} to ${clientId}; give its service account ${rolesFor(what)} of realm-management there`,
      )

/** There is no such thing. */
export const missing = ({ server, realm }: Asked, what: What): ServiceTrouble => {
  if (what === 'realm')
    return new ServiceTrouble('InvalidSpec', `${server} has no realm ${realm}; correct realm or url`)
  if (what === 'organizations')
    return new ServiceTrouble(
      'InvalidSpec',
      `${server} has no organizations in realm ${realm}; turn them on there (Keycloak 26 or newer), or leave organization out`,
    )
  return new ServiceTrouble(
    'Retrying',
    `${CALLED[what]} of realm ${realm} went away while they were read; they are read again`,
  )
}

/** The server says something else than the admin API would. */
export const strange = ({ server, realm }: Asked, what: What): ServiceTrouble =>
  new ServiceTrouble(
    'NotAllowed',
    `${server} says something about ${CALLED[what]} of realm ${realm} that is not understood; look whether it is Keycloak 24 or newer, and what stands between`,
  )
