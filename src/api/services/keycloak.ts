import type { Static } from 'typebox'
import { block, integer, optional, secretRef, text } from '../schema.ts'

const name = (description: string) => text(description, 255, { pattern: '^[^./\\x00-\\x1f][^/\\x00-\\x1f]*$' })
const attribute = (description: string) => text(description, 255, { pattern: '^[^\\x00-\\x1f]+$' })

/** What a Directory of `type: Keycloak` reads. */
export const keycloak = block('A realm of Keycloak 24 or newer, by its admin API.', {
  url: text(
    '`https://host`, with a port or path where it has one: what stands before `/realms` in its addresses. No credentials in it.',
    300,
    { pattern: '^https?://[^?#@\\s]+$' },
  ),
  realm: name('Name of the realm whose people and groups are read. The client belongs to it too.'),
  clientId: text(
    'The client that reads: confidential, with service accounts turned on, and the role `view-users` of `realm-management`; `view-organizations` too where `organization` is named.',
    255,
    { pattern: '^[^\\x00-\\x1f]+$' },
  ),
  clientSecretRef: secretRef('Its secret.'),
  caSecretRef: optional(secretRef('PEM of the authority that signed the certificate of the server.'), {
    fixed: 'the authorities that this computer trusts',
  }),
  organization: optional(
    name('Alias of an organization in the realm (Keycloak 26 or newer): only its members and its groups are read.'),
    { fixed: 'all people and groups of the realm' },
  ),
  aliasesAttribute: optional(attribute('User attribute that holds further addresses.'), 'off'),
  localeAttribute: optional(attribute('User attribute that holds the language.'), {
    fixed: 'locale, which Keycloak tells where internationalization is turned on in the realm',
  }),
  pageSize: optional(integer('People, groups or members asked for at once.', 1, 1000), { fixed: 500 }),
})

export type KeycloakDirectory = Static<typeof keycloak>
