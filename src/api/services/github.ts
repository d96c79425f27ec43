import type { Static } from 'typebox'
import { block, optional, secretRef, text } from '../schema.ts'

/** What a Directory of `type: GitHub` reads. */
export const github = block('An organization on GitHub: its people, invitations and teams.', {
  organization: text('Its login, as in the address of its page.', 39, {
    pattern: '^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$',
  }),
  url: optional(
    text(
      'Where the API is: `https://HOST/api/v3` of GitHub Enterprise Server, `https://api.NAME.ghe.com` with data residency.',
      300,
      {
        pattern: '^(https://[^/?#@\\s]+|http://(localhost|127\\.0\\.0\\.1)(:[0-9]+)?)(/api/v3)?/?$',
      },
    ),
    { fixed: 'https://api.github.com' },
  ),
  tokenSecretRef: secretRef('A token of an owner, or of an app with the permission `Members: read`.'),
  caSecretRef: optional(secretRef('PEM of the authority that signed the certificate of the server.'), {
    fixed: 'the authorities that this computer trusts',
  }),
})

export type GithubDirectory = Static<typeof github>
