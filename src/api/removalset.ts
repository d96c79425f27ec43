import Type, { type Static } from 'typebox'
import { mailClaim } from './membership.ts'
import type { Resource } from './resource.ts'
import {
  address,
  choice,
  flag,
  integer,
  type KindDefinition,
  list,
  NAME_PATTERN,
  object,
  reference,
  text,
  time,
  unset,
} from './schema.ts'

const name = (description: string) => Type.String({ description, maxLength: 253, pattern: NAME_PATTERN })

const guard = object('A guard, every value worked out.', {
  maxRemovals: integer('Per cent of the people.', 0, 100),
  freeRemovals: integer('People.', 0, 100_000),
  protected: list(address(''), 200, 'Protected addresses, normalized.'),
  minAdmins: integer('Admins that stay.', 0, 100),
  maxInvitations: unset(integer('Invitations of one inviter. Absent: 500.', 0, 1_000_000)),
})

const spec = object(
  'What one producer takes from people of one organization, decided as a whole; or, under the name of the organization itself, the guard by which that is judged.',
  {
    organization: reference('Organization', 'Which organization.'),
    state: choice(
      '`Open`: the one that holds the guard in force. `Held`: nothing of it happens. `Released`: it may be carried out. `Done`: it was; kept while the budget of 24 hours counts it, or an Approval must not be used again.',
      ['Open', 'Held', 'Released', 'Done'],
    ),
    guard: unset(guard),
    loosened: unset(
      object('A looser guard that is declared, and comes into force when it has stood for 24 hours.', {
        guard,
        since: time('Since when it has been declared.'),
      }),
    ),
    producer: unset(text('Whose change it is: `source/people`, `controller` for edits by hand.', 300)),
    hash: unset(
      Type.String({
        description: 'Over the sorted removals; what an Approval names.',
        pattern: '^sha256:[0-9a-f]{64}$',
        maxLength: 71,
      }),
    ),
    removals: unset(
      Type.Array(
        Type.String({
          description: '`<Membership>/<digest of what it loses, or of the series that it is to be mailed for>`.',
          pattern: '^m-[a-z2-7]{26}/[a-z2-7]{16}$',
          maxLength: 45,
        }),
        { description: 'What is taken, or mailed; sorted.', maxItems: 15_000 },
      ),
    ),
    people: unset(integer('People who lose something by it, or are mailed.', 0, 15_000)),
    reason: unset(
      choice(
        'What holds it. `Budget`: more people than may lose something in 24 hours. `Protected`: somebody protected is among them. `MinAdmins`: too few admins would be left. `Invitations`: nothing is taken; more mails are to be sent than one inviter may send.',
        ['Budget', 'Protected', 'MinAdmins', 'Invitations'],
      ),
    ),
    because: unset(text('Why it is held, in words.', 1000)),
    time: unset(time('When it was decided.')),
    urgent: unset(flag('One named person, asked and answered: counts against ten in an hour, not against the budget.')),
    prior: unset(
      list(text('A uid.', 64), 100, 'Approvals that named its hash before it was held: they release nothing.'),
    ),
    released: unset(
      object('Leave to carry it out.', {
        time: time('When.'),
        approval: unset(object('The Approval that gave it.', { name: name('Its name.'), uid: text('Its uid.', 64) })),
      }),
    ),
    mails: unset(
      Type.Array(
        mailClaim(
          'A mail to one admin.',
          '`held/<RemovalSet>/<address>`: that something is held; `stale/<uid of the Directory>/<last complete read>/<address>`: that it cannot be read.',
        ),
        {
          description: 'Of an open one: mails to the admins about what concerns no single person, newest last.',
          maxItems: 200,
        },
      ),
    ),
    closed: unset(time('When the last of it was carried out, or not wanted any more.')),
  },
)

export type RemovalSetSpec = Static<typeof spec>
export type SettledGuard = Static<typeof guard>
export type HoldReason = NonNullable<RemovalSetSpec['reason']>
export type RemovalSet = Resource<'RemovalSet', RemovalSetSpec, never>

export const removalSet: KindDefinition = {
  kind: 'RemovalSet',
  plural: 'removalsets',
  singular: 'removalset',
  shortNames: [],
  description: 'Record: what one producer takes from people of one organization; held, released or carried out.',
  record: true,
  spec,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Which organization.' },
    { name: 'State', type: 'string', jsonPath: '.spec.state', description: 'Held, released or carried out.' },
    { name: 'People', type: 'integer', jsonPath: '.spec.people', description: 'People who lose something by it.' },
    { name: 'Producer', type: 'string', jsonPath: '.spec.producer', description: 'Whose change it is.' },
    { name: 'Because', type: 'string', jsonPath: '.spec.because', description: 'Why it is held.' },
    { name: 'Hash', type: 'string', jsonPath: '.spec.hash', description: 'What an Approval names.', priority: 1 },
  ],
  rules: [],
  maxNameLength: 253,
  example: '',
}
