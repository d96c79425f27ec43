import Type, { type Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  address,
  block,
  choice,
  conditions,
  date,
  flag,
  integer,
  type KindDefinition,
  list,
  locale,
  NAME_PATTERN,
  object,
  observedGeneration,
  optional,
  reference,
  text,
  time,
  unset,
} from './schema.ts'

const membership = Type.Object(
  {
    organization: reference('Organization', 'Where.'),
    roles: optional(
      list(reference('Role', ''), 100, 'Roles there. None: a member with restricted access.'),
      'unmanaged',
    ),
    join: optional(
      choice(
        'How the person joins. `Invitation`: invited by mail, joins by accepting. `Account`: exists at once; a mail says how to sign in and set a password. `None`: known and licensed, no portal.',
        ['Invitation', 'Account', 'None'],
      ),
      { fixed: 'Invitation' },
    ),
    from: optional(
      date(
        'When it begins; before, nobody is invited. A plain date is the start of that day in the time zone of the organization.',
      ),
      'off',
    ),
    until: optional(
      date('When it ends. A plain date is the end of that day in the time zone of the organization.'),
      'off',
    ),
    state: optional(choice('`Ended` ends this membership, whoever declared it.', ['Ended']), 'off'),
  },
  { description: 'Membership of one organization.', additionalProperties: false, 'x-kubernetes-map-type': 'atomic' },
)

const spec = object(
  'One person.',
  {
    email: address(
      'Where mail goes. Unique in a realm. A changed address is unproven until a link sent to it was used.',
    ),
    aliases: optional(
      list(
        address('Another address.'),
        20,
        'Further addresses of the same person: the decision that they are the same.',
      ),
      'unmanaged',
    ),
    identities: optional(
      list(
        block(
          'Who the person is in one directory.',
          {
            directory: reference('Directory', 'Which directory.'),
            id: optional(text('The id that the service has for them, for good.', 255), 'off'),
            name: optional(
              text(
                'The login there. It stands for whoever had it first: one that somebody else is given later is not theirs.',
                255,
              ),
              'off',
            ),
          },
          [{ rule: 'has(self.id) != has(self.name)', message: 'either `id` or `name` is needed, and not both' }],
        ),
        20,
        'Who in a directory is the same person: the decision that they are, also where addresses do not say so.',
      ),
      'unmanaged',
    ),
    distinctFrom: optional(
      list(
        block('Somebody in one directory.', {
          directory: reference('Directory', 'Which directory.'),
          id: text('The id that the service has for them, for good.', 255),
        }),
        50,
        'Who in a directory is somebody else, though it looks otherwise: the decision that they are not the same.',
      ),
      'unmanaged',
    ),
    givenName: optional(text('Given name.', 100), 'unmanaged'),
    familyName: optional(text('Family name.', 100), 'unmanaged'),
    displayName: optional(text('Full name as people see it.', 200), { fixed: 'given and family name' }),
    locale: optional(locale('Language of mails and pages.'), 'unmanaged'),
    memberships: optional(
      Type.Array(membership, {
        description:
          'Organizations the person belongs to, one entry each. Each manager owns the entries that it declares; dropping one ends that membership.',
        maxItems: 200,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['organization'],
      }),
      'unmanaged',
    ),
    licenses: optional(
      list(
        block('Seats given by name.', {
          pool: reference('LicensePool', 'From which pool.'),
          quantity: optional(integer('How many seats.', 1, 100), { fixed: 'perUser of the pool' }),
          sendToEmail: optional(flag('Mail the keys.'), { fixed: 'sendToEmail of the pool' }),
        }),
        50,
        'Seats beside those that the selectors of the pools give.',
      ),
      'unmanaged',
    ),
    suspended: optional(
      flag('The person cannot sign in anywhere, and no link works, until this is taken back. Nothing is forgotten.'),
      { fixed: false },
    ),
    previousNames: optional(
      list(
        Type.String({ description: 'A former `metadata.name`.', maxLength: 253, pattern: NAME_PATTERN }),
        20,
        'Former names of this resource, so that a rename is not a new person.',
      ),
      'unmanaged',
    ),
  },
  [
    {
      rule: '!has(self.licenses) || self.licenses.all(l, self.licenses.exists_one(m, m.pool == l.pool))',
      message: 'a pool is named twice',
      fieldPath: '.licenses',
    },
  ],
)

const profile = object('Effective values: as declared, else as the first directory says that says anything.', {
  email: unset(address('Where mail goes.')),
  displayName: unset(text('Full name.', 200)),
  givenName: unset(text('Given name.', 100)),
  familyName: unset(text('Family name.', 100)),
  locale: unset(locale('Language.')),
  external: unset(flag('The address is in no domain of the organizations the person belongs to.')),
})

const source = object('What one directory says.', {
  directory: reference('Directory', 'Which directory.'),
  id: text('The id that the service has for them.', 255),
  login: unset(text('Login there.', 255)),
  email: unset(address('Address.')),
  aliases: unset(list(address(''), 20, 'Further addresses.')),
  givenName: unset(text('Given name.', 100)),
  familyName: unset(text('Family name.', 100)),
  displayName: unset(text('Full name.', 200)),
  locale: unset(text('Language.', 20)),
  disabled: unset(flag('The account is not in use there.')),
  missingTime: unset(time('Since when a complete read no longer has it.')),
})

const status = object('Where the person stands.', {
  state: unset(
    choice('For display: the most that the person is anywhere.', [
      'Invited',
      'Active',
      'Restricted',
      'Suspended',
      'Ended',
      'Left',
    ]),
  ),
  profile: unset(profile),
  sources: unset(
    Type.Array(source, {
      description:
        'What directories say of the person, by their names; of each no more than fits into two kilobytes. `profile` has what of it is in force.',
      maxItems: 16,
      'x-kubernetes-list-type': 'atomic',
    }),
  ),
  memberships: unset(
    Type.Array(
      object('One organization.', {
        organization: reference('Organization', 'Where.'),
        state: choice('Where the person stands there.', [
          'Invited',
          'Active',
          'Restricted',
          'Suspended',
          'Ended',
          'Left',
          'Waiting',
        ]),
        roles: unset(list(reference('Role', ''), 200, 'Roles in force there, from wherever.')),
      }),
      {
        description: 'One entry an organization.',
        maxItems: 200,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['organization'],
      },
    ),
  ),
  licenses: unset(
    Type.Array(
      object('Seats of one pool.', {
        pool: reference('LicensePool', 'Which.'),
        quantity: integer('How many seats.', 0, 100),
        state: choice('Whether the seats are there.', ['Reserved', 'Used', 'Waiting', 'Releasing']),
      }),
      {
        description: 'One entry a pool.',
        maxItems: 100,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['pool'],
      },
    ),
  ),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type UserSpec = Static<typeof spec>
export type UserSource = Static<typeof source>
export type UserMembership = Static<typeof membership>
export type UserStatus = Static<typeof status>
export type User = Resource<'User', UserSpec, UserStatus>

export const user: KindDefinition = {
  kind: 'User',
  plural: 'users',
  singular: 'user',
  shortNames: ['usr'],
  description:
    'One person: where they belong, with which roles and licences. Declared people are invited by themselves.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Email', type: 'string', jsonPath: '.spec.email', description: 'Where mail goes.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'Where the person stands.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
    { name: 'Name', type: 'string', jsonPath: '.status.profile.displayName', description: 'Full name.', priority: 1 },
  ],
  rules: [],
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: alice, labels: {team: platform}}
spec:
  email: alice@acme.example
  givenName: Alice
  familyName: Smith
  locale: de
  memberships:
    - {organization: acme, roles: [editor]}
  licenses: [{pool: suite, quantity: 2}]
`,
}
