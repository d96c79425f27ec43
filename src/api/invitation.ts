import type { Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  address,
  choice,
  conditions,
  duration,
  immutable,
  integer,
  type KindDefinition,
  linkLifetime,
  list,
  locale,
  object,
  observedGeneration,
  optional,
  reference,
  text,
  time,
  unset,
} from './schema.ts'

const spec = object(
  'Whom to invite, where to, with which roles.',
  {
    email: address('Who is invited.'),
    organization: reference('Organization', 'Where to.'),
    roles: optional(
      list(reference('Role', ''), 100, 'Roles from the moment of joining. None: restricted access until roles arrive.'),
      'off',
    ),
    givenName: optional(text('Given name, for the greeting.', 100), 'off'),
    locale: optional(locale('Language of the mail.'), { inherited: 'mail.locale of the organization' }),
    message: optional(
      text('Words of the inviter, shown as a quotation, plain.', 1000, {
        pattern: '^[^\\x00-\\x09\\x0b-\\x1f\\x7f]*$',
      }),
      'off',
    ),
    invitedBy: optional(
      reference('User', 'Who invites. Shown only where authenticated, or if the person may invite there.'),
      'off',
    ),
    validFor: optional(duration('How long the link works. At least one minute, at most 30 days.'), {
      inherited: 'invitations.validFor of the organization',
    }),
  },
  [linkLifetime('validFor')],
)

const status = object('Where the invitation stands. A projection: the facts are in the Membership.', {
  state: unset(choice('For display.', ['Queued', 'Pending', 'Accepted', 'Expired', 'Declined', 'Failed', 'GaveUp'])),
  attempt: unset(integer('Number of the last attempt; it only grows.', 0, 1_000_000)),
  sentTime: unset(time('When the last mail was handed over.')),
  expirationTime: unset(time('Until when the last link works.')),
  acceptedTime: unset(time('When the person joined.')),
  delivery: unset(text('What the mail server answered, shortened.', 200)),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type InvitationSpec = Static<typeof spec>
export type InvitationStatus = Static<typeof status>
export type Invitation = Resource<'Invitation', InvitationSpec, InvitationStatus>

export const invitation: KindDefinition = {
  kind: 'Invitation',
  plural: 'invitations',
  singular: 'invitation',
  shortNames: ['inv'],
  description:
    'A request to one address to join one organization. Deleting it before acceptance kills the link; afterwards it changes nothing.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Email', type: 'string', jsonPath: '.spec.email', description: 'Who is invited.' },
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Where to.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'Where it stands.' },
    { name: 'Expires', type: 'string', jsonPath: '.status.expirationTime', description: 'Until when the link works.' },
    {
      name: 'Attempt',
      type: 'integer',
      jsonPath: '.status.attempt',
      description: 'Number of the last attempt.',
      priority: 1,
    },
  ],
  rules: immutable('email', 'organization'),
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: Invitation
metadata: {name: carol}
spec: {email: carol@partner.example, organization: acme, roles: [viewer, billing], givenName: Carol, locale: en, message: "Hi Carol, have a look.", invitedBy: bob, validFor: 24h}
`,
}
