import type { Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  block,
  choice,
  conditions,
  duration,
  expression,
  flag,
  immutable,
  integer,
  type KindDefinition,
  list,
  object,
  observedGeneration,
  optional,
  reference,
  secretRef,
  text,
  unset,
} from './schema.ts'

const criteria = {
  roles: optional(list(reference('Role', ''), 100, 'Holders of one of these roles.'), 'off'),
  groups: optional(list(reference('Group', ''), 100, 'Members of one of these groups.'), 'off'),
}

const spec = object('Seats of one product.', {
  organization: reference('Organization', 'Whose seats they are.'),
  product: text('What is licensed.', 100),
  seats: integer('How many there are. Lowering it takes nothing away.', 0, 1_000_000),
  perUser: optional(integer('Seats that one person takes, all at once or none.', 1, 100), { fixed: 1 }),
  selector: optional(
    block(
      'Who gets seats by themselves: all of these fields must hold, one value of each list is enough. `{}`: every member.',
      {
        ...criteria,
        external: optional(
          choice('Whether people outside the domains of the organization count.', ['Include', 'Exclude']),
          { fixed: 'Include' },
        ),
        skip: optional(
          list(text('An address, `*` for any run of characters: `svc-*@acme.example`.', 254), 200, 'Never these.'),
          'off',
        ),
        expression: optional(expression('Further condition.'), 'off'),
      },
    ),
    'off',
  ),
  priority: optional(
    list(
      block('One step: holders of these roles or members of these groups.', criteria),
      20,
      'Who is served first when seats are short, first step first; then whoever has waited longest. Nobody is evicted.',
    ),
    'off',
  ),
  reserveForInvited: optional(flag('Keep a seat for who is invited, from the first mail on.'), { fixed: true }),
  releaseAfter: optional(duration('How long a used seat stays with somebody who no longer qualifies.'), {
    fixed: '72h',
  }),
  shared: optional(flag('Members of organizations below may get seats too; one person counts once.'), { fixed: false }),
  sendToEmail: optional(flag('Mail each key to its holder.'), { fixed: false }),
  keysSecretRef: optional(
    secretRef('Licence keys, one a line. A key that was mailed is never given to somebody else.'),
    'off',
  ),
})

const status = object('How many seats are taken.', {
  seats: unset(integer('All.', 0, 1_000_000)),
  used: unset(integer('Used.', 0, 1_000_000)),
  reserved: unset(integer('Kept for invited people.', 0, 1_000_000)),
  free: unset(integer('Free.', 0, 1_000_000)),
  waiting: unset(integer('People who wait.', 0, 10_000_000)),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type LicensePoolSpec = Static<typeof spec>
export type LicensePoolStatus = Static<typeof status>
export type LicensePool = Resource<'LicensePool', LicensePoolSpec, LicensePoolStatus>

export const licensePool: KindDefinition = {
  kind: 'LicensePool',
  plural: 'licensepools',
  singular: 'licensepool',
  shortNames: ['pool'],
  description: 'Seats of one product, and who gets them. A seat that does not exist cannot be given.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Product', type: 'string', jsonPath: '.spec.product', description: 'What is licensed.' },
    { name: 'Seats', type: 'integer', jsonPath: '.status.seats', description: 'All.' },
    { name: 'Used', type: 'integer', jsonPath: '.status.used', description: 'Used.' },
    { name: 'Reserved', type: 'integer', jsonPath: '.status.reserved', description: 'Kept for invited people.' },
    { name: 'Free', type: 'integer', jsonPath: '.status.free', description: 'Free.' },
    { name: 'Waiting', type: 'integer', jsonPath: '.status.waiting', description: 'People who wait.' },
  ],
  rules: immutable('organization', 'product'),
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: CloudHub Business, seats: 10, selector: {roles: [editor]}, priority: [{roles: [admin]}], releaseAfter: 72h}
`,
}
