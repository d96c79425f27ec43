import Type, { type Static } from 'typebox'
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
const uid = (description: string) => Type.String({ description, maxLength: 64, minLength: 1 })
const actor = (description: string) => text(description, 300)
const outcome = (description: string) => choice(description, ['Sent', 'Refused', 'Unknown', 'NotSent'])
const claim = {
  claimedTime: time('When it was claimed, before the first try.'),
  epoch: integer('Lease epoch of the claim.', 0, Number.MAX_SAFE_INTEGER),
  deadline: time('Until when the claimer may be at it; a successor waits it out.'),
  tries: integer('Handed to the mail server so many times.', 0, 100),
  outcome: unset(outcome('How it ended. Absent: an open intent.')),
  outcomeTime: unset(time('When it ended.')),
  response: unset(text('What the mail server answered, shortened.', 200)),
}

const series = object(
  'A run of attempts. Opened by a declaration seen for the first time, an Invitation, a resend, or a declaration that came back; by nothing else.',
  {
    number: integer('Grows.', 1, 1_000_000),
    openedBy: text('`declaration`, `invitation/<uid>` or `resend/<token>`.', 300),
    time: time('When.'),
  },
)

const attempt = object('One mail with one link. The intent is written before the first try to send.', {
  number: integer('Grows over the whole life of the record.', 1, 1_000_000),
  series: integer('Number of its series.', 1, 1_000_000),
  purpose: choice('What the link is for.', ['Invitation', 'SetUp']),
  actor: actor('Who caused it; limits count by this.'),
  automatic: flag('Sent again by itself after expiry: not counted against the inviter.'),
  roles: list(name('A role.'), 200, 'Roles that the mail named.'),
  ...claim,
  expirationTime: time('Until when the link works; fixed before the first try.'),
  withdrawnTime: unset(time('When the link was killed.')),
})

/** The claim of a mail that goes once a key, as a record keeps it. */
export const mailClaim = (description: string, keys: string) => object(description, { key: text(keys, 300), ...claim })
const mail = mailClaim(
  'Another mail to this person, once a key.',
  '`welcome`, `keys/<pool>/<fingerprint>`, `notice/<what>`.',
)

const grant = object('Roles that a hand-written Invitation granted when it was accepted.', {
  invitation: name('Name of the Invitation.'),
  uid: uid('Its uid.'),
  roles: list(name('A role.'), 200, 'The roles.'),
  by: actor('Who wrote the Invitation.'),
  time: time('When it was accepted.'),
})

const entry = (description: string) =>
  object(description, {
    name: name('The Directory.'),
    id: Type.String({ description: 'The id of the person there.', maxLength: 255, minLength: 1 }),
    goneTime: unset(time('Since when that is gone.')),
  })

const spec = object('What happened between one organization and one address.', {
  organization: reference('Organization', 'Which organization.'),
  address: address('Which address, normalized.'),
  user: unset(object('The User that last claimed it.', { name: name('Its name.'), uid: uid('Its uid.') })),
  since: time('When it was first wanted: the order of every waiting line.'),
  nonce: Type.String({
    description: 'Random, in every link of this record: 32 bytes, base64url.',
    pattern: '^[A-Za-z0-9_-]{43}$',
    maxLength: 43,
  }),
  series: Type.Array(series, { description: 'Newest last.', maxItems: 16 }),
  attempts: Type.Array(attempt, { description: 'Newest last.', maxItems: 32 }),
  mails: Type.Array(mail, { description: 'Other mails, newest last.', maxItems: 200 }),
  declared: unset(
    object('The declaration as last seen, so that one that comes back is known as such.', {
      present: flag('Whether a declared membership stood there at the last pass.'),
      roles: list(name('A role.'), 200, 'Declared roles.'),
      join: choice('How the person joins.', ['Invitation', 'Account', 'None']),
      until: unset(time('When it ends.')),
      beside: unset(entry('It is declared, and a directory gives something beside.')),
      directory: unset(entry('Nobody declares it: it stands on what a directory says.')),
    }),
  ),
  joined: unset(
    object('The person joined.', {
      time: time('When.'),
      how: choice('How.', ['Link', 'SignIn', 'Declared']),
      attempt: unset(integer('By which attempt.', 1, 1_000_000)),
      account: unset(name('Which Account.')),
    }),
  ),
  grants: Type.Array(grant, { description: 'Roles from accepted Invitations.', maxItems: 100 }),
  declined: unset(
    object('The person does not want to join.', {
      time: time('When.'),
      attempt: integer('Which attempt.', 1, 1_000_000),
      reported: flag('Reported as not asked for.'),
      released: unset(time('When a later series made it void.')),
    }),
  ),
  left: unset(
    object('The person left by themselves.', {
      time: time('When.'),
      released: unset(time('When a later series made it void.')),
    }),
  ),
  ended: unset(
    object('The membership was ended.', { time: time('When.'), by: actor('By whom.'), because: text('Why.', 500) }),
  ),
  settled: unset(
    object(
      'The access in force. Gains are written at once, losses only with a permit; everything that asks what somebody may do reads this.',
      {
        roles: list(name('A role.'), 500, 'Roles.'),
        groups: list(name('A group.'), 500, 'Groups.'),
        permissions: list(
          text('`area:verb` here; `>area:verb` here and in every organization below; with `!` in front: denied.', 400),
          5000,
          'Flat permissions.',
        ),
        reach: unset(
          list(
            name('An organization.'),
            5000,
            'Organizations below in which the `>area:verb` and `!>area:verb` are in force. Absent where there are such: in all that are declared below.',
          ),
        ),
        suspended: unset(flag('The person is suspended here. Absent: not suspended.')),
        time: time('When it last changed.'),
      },
    ),
  ),
  asking: unset(
    object('The first mail of a series is more than the inviter may send, and waits for the guard.', {
      digest: Type.String({ description: 'Over the series.', pattern: '^[a-z2-7]{16}$', maxLength: 16 }),
      producer: actor('Who invites.'),
      because: text('Where it is asked for.', 500),
      time: time('Since when.'),
    }),
  ),
  losing: unset(
    object(
      'What the declarations no longer give and is still in force, until the guard lets it go. Written by the first pass that finds it.',
      {
        digest: Type.String({ description: 'Over what is lost.', pattern: '^[a-z2-7]{16}$', maxLength: 16 }),
        organization: unset(flag('The membership itself.')),
        roles: list(name('A role.'), 500, 'Roles.'),
        groups: list(name('A group.'), 500, 'Groups.'),
        permissions: list(text('A permission.', 400), 20, 'The first of the permissions.'),
        reach: unset(
          list(
            text('An organization below, `!` in front: denied there from now on.', 254),
            20,
            'The first of those below.',
          ),
        ),
        suspended: unset(flag('Suspended.')),
        until: unset(time('The end, brought forward to this time.')),
        admin: unset(flag('The person is an admin of the organization by what they lose.')),
        producer: actor('Whose change it is.'),
        urgent: unset(flag('One named person, asked and answered.')),
        because: text('Why.', 500),
        time: time('Since when.'),
      },
    ),
  ),
})

export type MembershipSpec = Static<typeof spec>
export type Attempt = Static<typeof attempt>
export type Series = Static<typeof series>
export type MailRecord = Static<typeof mail>
export type Grant = Static<typeof grant>
export type Losing = NonNullable<Static<typeof spec>['losing']>
export type SettledAccess = NonNullable<MembershipSpec['settled']>
export type Membership = Resource<'Membership', MembershipSpec, never>

export const membership: KindDefinition = {
  kind: 'Membership',
  plural: 'memberships',
  singular: 'membership',
  shortNames: [],
  description: 'Record: what happened between one organization and one address.',
  record: true,
  spec,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Which organization.' },
    { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'Which address.' },
    { name: 'Joined', type: 'string', jsonPath: '.spec.joined.time', description: 'When the person joined.' },
  ],
  rules: [],
  maxNameLength: 253,
  example: '',
}
