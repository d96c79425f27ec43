import type { Static } from 'typebox'
import { block, choice, integer, optional, secretRef, text } from '../schema.ts'

const filter = (description: string) =>
  text(`${description} A filter (RFC 7644 section 3.4.2.2).`, 2000, { pattern: '^[^\\x00-\\x1f]+$' })

/** What a Directory of `type: SCIM` reads. */
export const scim = block(
  'A service that speaks SCIM 2.0 (RFC 7643, RFC 7644).',
  {
    url: text(
      'What stands before `/Users`: `https://api.acme.example/scim/v2`. `http://` only to this computer. No credentials in it.',
      500,
      {
        pattern: '^(https://[^/?#@\\s]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]+)?)(/[^?#@\\s]*)?$',
      },
    ),
    tokenSecretRef: secretRef('The bearer token that the service gave out.'),
    caSecretRef: optional(secretRef('PEM of the authority that signed the certificate of the service.'), {
      fixed: 'the authorities that this computer trusts',
    }),
    profile: optional(
      choice(
        'What the service does otherwise than the standard. `AWS`: IAM Identity Center, in pages of 100 by cursor, without groups, whose members it does not tell. `GitLab`: without groups, of which it tells no members. `WSO2`: groups in one page.',
        ['Standard', 'AWS', 'GitLab', 'WSO2'],
      ),
      { fixed: 'Standard' },
    ),
    users: optional(
      block('Which people are read.', { filter: optional(filter('Who of them.'), { fixed: 'everybody' }) }),
      { fixed: 'everybody' },
    ),
    groups: optional(
      block('Which groups are read; `{}` for all of them.', {
        filter: optional(filter('Which of them.'), { fixed: 'all' }),
        members: optional(
          choice(
            'Where their members are told. `InLists`: with the list of groups. `OneByOne`: when a group is asked for by itself, which takes a request for each.',
            ['InLists', 'OneByOne'],
          ),
          { fixed: 'InLists, where the list tells of members at all' },
        ),
      }),
      'off',
    ),
    pageSize: optional(integer('People or groups asked for at once.', 1, 10_000), {
      fixed: 'what the service allows, 500 at most; 100 where it does not say',
    }),
  },
  [
    {
      rule: "!has(self.profile) || !(self.profile in ['AWS', 'GitLab']) || !has(self.groups)",
      message: 'this service does not tell who is in a group; leave groups out',
      fieldPath: '.groups',
    },
  ],
)

export type ScimDirectory = Static<typeof scim>
