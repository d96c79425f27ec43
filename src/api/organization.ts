import type { Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  address,
  block,
  choice,
  conditions,
  duration,
  flag,
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
  unset,
  webUrl,
} from './schema.ts'

const phone = (description: string) => text(description, 40, { pattern: '^[+]?[0-9 ()/.-]+$' })

const spec = object(
  'A tenant.',
  {
    displayName: optional(text('How people see it.', 100), { fixed: 'metadata.name' }),
    customerId: optional(text('Customer number, shown in mails and in the organization switch.', 50), 'off'),
    parent: optional(
      reference(
        'Organization',
        'The organization above: the reseller of a client. It must name this one in `children`.',
      ),
      'off',
    ),
    children: optional(
      list(reference('Organization', ''), 5000, 'Organizations that may name this one as parent.'),
      'off',
    ),
    domains: optional(
      list(
        text('A domain.', 253, { pattern: '^[^\\s@/:]+\\.[^\\s@/:.]+$' }),
        200,
        'Mail domains of the organization; one owner in a realm. Addresses outside are external.',
      ),
      'off',
    ),
    timeZone: optional(
      text('IANA time zone in which plain dates are read and times are shown.', 64, { pattern: '^[A-Za-z0-9_+/-]+$' }),
      { inherited: 'UTC' },
    ),
    contacts: optional(
      list(
        block('Somebody to turn to.', {
          name: text('Name.', 100),
          email: optional(address('Mail address.'), 'off'),
          phone: optional(phone('Telephone number.'), 'off'),
          purpose: choice('What for.', ['Technical', 'Billing', 'Security', 'Support']),
        }),
        20,
        'People to turn to. The support contacts are shown on pages and in mails; admin mails go to contacts where there is no admin yet.',
      ),
      'off',
    ),
    portal: optional(
      block('What people see on the pages.', {
        productName: optional(text('What people are invited to: "Acme GmbH invites you to CloudHub".', 60), {
          inherited: 'metadata.name',
        }),
        homeUrl: optional(webUrl('Where people go after joining.'), 'inherited'),
        links: optional(
          list(
            block('A link on the home page.', {
              title: text('Its text.', 100),
              url: webUrl('Where it leads.'),
              type: optional(choice('What it is.', ['Link', 'Document']), { fixed: 'Link' }),
            }),
            50,
            'Links and documents of the home page.',
          ),
          'inherited',
        ),
        help: optional(
          list(
            block('One question with its answer.', {
              question: text('Question.', 200),
              answer: text('Answer, plain text.', 2000),
            }),
            50,
            'Answers of the help page.',
          ),
          'inherited',
        ),
        feedback: optional(block('Where feedback goes.', { email: address('Mail address.') }), 'inherited'),
        privacyUrl: optional(webUrl('Privacy notice.'), 'inherited'),
      }),
      'inherited',
    ),
    mail: optional(
      block('How mails of this organization look.', {
        from: optional(
          block('Sender.', {
            name: optional(text('Name.', 60), { fixed: 'displayName' }),
            email: address('Address. Must be one that the mail server may send for.'),
          }),
          { inherited: 'the sender of the controller' },
        ),
        replyTo: optional(
          choice('Where answers go: the person who invited (when known and proven), or the sender.', [
            'Inviter',
            'Sender',
          ]),
          { inherited: 'Sender' },
        ),
        templates: optional(
          block(
            'Own texts, in Liquid without logic: `{{ person.name }}`. They replace the paragraphs, never the facts, the button or the link.',
            {
              invitation: optional(text('Paragraph of the invitation.', 4000), 'inherited'),
              accountCreated: optional(text('Paragraph of the mail that says how to sign in.', 4000), 'inherited'),
              welcome: optional(text('Paragraph of the welcome mail.', 4000), 'inherited'),
              licenseKeys: optional(text('Paragraph of the mail with licence keys.', 4000), 'inherited'),
            },
          ),
          'inherited',
        ),
        locale: optional(locale('Language of people whose own is not known.'), { inherited: 'en' }),
      }),
      'inherited',
    ),
    invitations: optional(
      block(
        'Limits of invitations.',
        {
          validFor: optional(duration('How long a link works. At least one minute, at most 30 days.'), {
            inherited: '24h',
          }),
          dailyLimitPerInviter: optional(integer('Mails that one inviter may cause in any 24 hours.', 0, 100_000), {
            inherited: 50,
          }),
          dailyLimit: optional(integer('Mails of the whole organization in any 24 hours.', 0, 1_000_000), {
            inherited: 500,
          }),
          maxAttempts: optional(integer('How often somebody is invited in one series before Roster gives up.', 1, 10), {
            inherited: 3,
          }),
        },
        [linkLifetime('validFor')],
      ),
      'inherited',
    ),
    onboarding: optional(
      block('What follows joining.', {
        welcomeMail: optional(flag('Mail an overview after joining.'), { inherited: true }),
      }),
      'inherited',
    ),
    users: optional(
      block('Who of the people that directories tell of belongs here.', {
        external: optional(
          choice('Whether people outside the domains of the organization do.', ['Include', 'Exclude']),
          { inherited: 'Include' },
        ),
        skip: optional(
          list(
            text('An address or a login, `*` for any run of characters: `svc-*@acme.example`.', 254),
            200,
            'Never these.',
          ),
          { inherited: 'nobody' },
        ),
      }),
      'inherited',
    ),
    guard: optional(
      block(
        'How much may be taken from people at once. An organization can only be stricter than those above it; a looser guard counts when it has stood for 24 hours.',
        {
          maxRemovals: optional(
            text('Share of the people who may lose something in any 24 hours, in whole per cent.', 4, {
              pattern: '^(100|[1-9]?[0-9])%$',
            }),
            { inherited: '5%' },
          ),
          freeRemovals: optional(
            integer('So many people may lose something in any 24 hours, whatever share they are.', 0, 100_000),
            { inherited: 5 },
          ),
          maxInvitations: optional(
            integer(
              'So many invitations of one inviter may be sent in 24 hours or wait for their turn; what is more waits for an Approval.',
              0,
              1_000_000,
            ),
            { inherited: 500 },
          ),
          protected: optional(
            list(address(''), 200, 'Addresses of people from whom nothing is taken without an Approval.'),
            'inherited',
          ),
          minAdmins: optional(integer('So many admins who can sign in must be left when one is taken.', 0, 100), {
            inherited: 2,
          }),
        },
      ),
      'inherited',
    ),
    frozen: optional(
      flag(
        'No mail leaves and nothing happens outside of Roster, for this organization and all below it, until it is taken back; people sign in, join and lose access as ever. `roster freeze` sets it, and what a person has set a Source does not take back.',
      ),
      { inherited: false },
    ),
  },
  [
    {
      rule: '!has(self.domains) || self.domains.all(d, self.domains.exists_one(e, e == d))',
      message: 'a domain is named twice',
      fieldPath: '.domains',
    },
    {
      rule: '!has(self.children) || !has(self.parent) || !(self.parent in self.children)',
      message: 'an organization cannot be above and below itself',
      fieldPath: '.children',
    },
  ],
)

const status = object('Counts, at most every 10 seconds anew.', {
  users: unset(
    object('People of this organization.', {
      active: integer('Joined, with a role.', 0, 10_000_000),
      invited: integer('Not joined yet.', 0, 10_000_000),
      restricted: integer('Joined, without any role.', 0, 10_000_000),
      suspended: integer('Suspended.', 0, 10_000_000),
    }),
  ),
  invitations: unset(
    object('Open invitations.', {
      pending: integer('Link sent and valid.', 0, 10_000_000),
      expired: integer('Link no longer valid.', 0, 10_000_000),
    }),
  ),
  seats: unset(
    object('Seats of its pools.', {
      total: integer('All.', 0, 10_000_000),
      used: integer('Used or reserved.', 0, 10_000_000),
    }),
  ),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type OrganizationSpec = Static<typeof spec>
export type OrganizationStatus = Static<typeof status>
export type Organization = Resource<'Organization', OrganizationSpec, OrganizationStatus>

export const organization: KindDefinition = {
  kind: 'Organization',
  plural: 'organizations',
  singular: 'organization',
  shortNames: ['org'],
  description:
    'A tenant: what its people see, its limits, and its place under a parent. Most settings are inherited from the parent, per field, lists whole.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Display name', type: 'string', jsonPath: '.spec.displayName', description: 'How people see it.' },
    { name: 'Active', type: 'integer', jsonPath: '.status.users.active', description: 'Joined, with a role.' },
    { name: 'Invited', type: 'integer', jsonPath: '.status.users.invited', description: 'Not joined yet.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
  ],
  rules: [],
  maxNameLength: 50,
  example: `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec:
  displayName: Acme GmbH
  customerId: "10042"
  domains: [acme.example]
  timeZone: Europe/Berlin
  contacts: [{name: Bob Berg, email: bob@acme.example, purpose: Support}]
  portal: {productName: CloudHub, homeUrl: https://app.acme.example}
  invitations: {validFor: 24h, dailyLimitPerInviter: 50}
`,
}
