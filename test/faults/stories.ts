import type { MembershipSpec } from '../../src/api/membership.ts'
import { API_VERSION, type DeclaredKind } from '../../src/api/names.ts'
import type { UserMembership, UserSpec } from '../../src/api/user.ts'
import { DAY } from '../fakes/realm.ts'
import type { Stage } from './stage.ts'

export interface Story {
  name: string
  /** What there is before anything goes wrong. */
  before: readonly Step[]
  /** What is told while it does. */
  steps: readonly Step[]
  /** It ends as it does because changes are met at once: who of six is met hours later is judged by what is left of the budget then, and a link that goes hours later ends later. */
  atOnce?: true
  /** Milliseconds that pass after each step. Default: a day and five minutes. */
  pause?: number
}
export type Step = (stage: Stage) => Promise<unknown>

const address = (name: string) => `${name}@acme.example`
const time = ({ realm }: Stage, later = 0) => new Date(realm.clock.now() + later).toISOString()
const user =
  (name: string, membership: Partial<UserMembership> = {}, spec: Partial<UserSpec> = {}): Step =>
  ({ realm }) =>
    realm.declare('User', name, {
      email: address(name),
      memberships: [{ organization: 'acme', roles: ['editor'], ...membership }],
      ...spec,
    })
const invitation =
  (name: string): Step =>
  ({ realm }) =>
    realm.declare(
      'Invitation',
      name,
      { email: `${name}@partner.example`, organization: 'acme', roles: ['viewer'] },
      { manager: 'user/bob' },
    )
const resend =
  (name: string): Step =>
  ({ realm }) =>
    realm.store.annotate(
      { kind: 'Invitation', name },
      { 'roster.dev/resendRequestedAt': 'once' },
      { manager: 'user/bob' },
    )
const pool =
  (seats: number): Step =>
  ({ realm }) =>
    realm.declare('LicensePool', 'suite', {
      organization: 'acme',
      product: 'CloudHub',
      seats,
      selector: {},
      sendToEmail: true,
      keysSecretRef: { name: 'suite', key: 'keys' },
    })
const licenseKeys: Step = async stage => {
  stage.keys = 'KEY-1\nKEY-2\nKEY-3\n'
}
const remove =
  (kind: DeclaredKind, name: string): Step =>
  ({ realm }) =>
    realm.remove(kind, name)
const file =
  (name: string, email: string): Step =>
  async ({ files }) => {
    const spec = { email, memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }] }
    files.set(`${name}.yaml`, JSON.stringify({ apiVersion: API_VERSION, kind: 'User', metadata: { name }, spec }))
  }
const source: Step = ({ realm }) =>
  realm.declare('Source', 'people', { folder: { path: '/people' }, prune: true }, { manager: 'local/bob' })
const inPortal =
  (who: string, change: (spec: MembershipSpec, now: string) => Partial<MembershipSpec>): Step =>
  stage =>
    stage.realm.portal('acme', who, spec => ({ ...spec, ...change(spec, time(stage)) }))
const joinByHand =
  (who: string): Step =>
  ({ realm }) =>
    realm.accept('acme', who)
const wait: Step = async () => undefined

const acme: Step[] = [
  ({ realm }) =>
    realm.declare('Organization', 'acme', {
      domains: ['acme.example'],
      contacts: [{ name: 'Bob', email: 'bob@acme.example', purpose: 'Technical' }],
    }),
  ({ realm }) => realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] }),
  ({ realm }) => realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] }),
]
const TEAM = Array.from({ length: 20 }, (_, at) => `p${String(at).padStart(2, '0')}`)
const THIRD = TEAM.slice(0, 6)
const members = (names: readonly string[]) => names.map(name => user(name, { join: 'None' }))
const loseThird: Step = async stage => {
  for (const name of THIRD) await user(name, { join: 'None', roles: ['viewer'] })(stage)
}
const approve: Step = async stage => {
  const { realm } = stage
  const held = (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held')
  await realm.declare(
    'Approval',
    'yes',
    {
      organization: 'acme',
      releases: held?.spec.hash ?? 'nothing is held',
      reason: 'asked for',
      expirationTime: time(stage, 3 * DAY),
    },
    { manager: 'local/bob' },
  )
}

/** Everything that Roster does for people, once each. */
export const STORIES: readonly Story[] = [
  {
    name: 'create',
    before: [],
    steps: [
      async stage => {
        for (const step of acme) await step(stage)
        await user('ann', { join: 'None' })(stage)
        await user('eve', { join: 'Account', roles: ['viewer'] })(stage)
        await stage.realm.declare('Group', 'platform', { organization: 'acme', members: ['ann'], roles: ['viewer'] })
      },
    ],
  },
  {
    name: 'change',
    before: [
      ...acme,
      ...members(['ann', 'ben']),
      ({ realm }) => realm.declare('Group', 'platform', { organization: 'acme', members: ['ann'], roles: ['viewer'] }),
    ],
    steps: [
      ({ realm }) => realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*', 'files:*'] }),
      ({ realm }) => realm.declare('Group', 'platform', { organization: 'acme', members: ['ben'], roles: ['viewer'] }),
      user('ann', { join: 'None', roles: ['viewer'] }, { givenName: 'Ann' }),
    ],
  },
  { name: 'invite', before: acme, steps: [user('ann'), invitation('carol')] },
  {
    name: 'resend',
    before: [...acme, invitation('carol')],
    steps: [resend('carol')],
  },
  {
    name: 'expire',
    before: [
      ({ realm }) => realm.declare('Organization', 'acme', { invitations: { maxAttempts: 2, validFor: '20h' } }),
      ({ realm }) => realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] }),
    ],
    steps: [invitation('carol'), wait, wait],
  },
  {
    name: 'accept',
    before: [...acme, user('ann'), invitation('carol')],
    steps: [
      async stage => {
        await stage.accept(address('ann'))
        await stage.accept('carol@partner.example')
      },
    ],
  },
  { name: 'decline', before: [...acme, user('ann')], steps: [stage => stage.decline(address('ann'))] },
  {
    name: 'allocate',
    before: [...acme, ...members(['ann', 'ben', 'cid']), user('dan'), licenseKeys],
    steps: [
      pool(3),
      // Whoever waits gets what somebody else gives back.
      user('ann', { join: 'None', state: 'Ended' }),
      wait,
      wait,
      wait,
    ],
  },
  {
    name: 'shrink the pool',
    before: [...acme, ...members(['ann', 'ben', 'cid']), licenseKeys, pool(3)],
    steps: [pool(1), user('ann', { join: 'None', state: 'Ended' }), wait, wait, wait],
  },
  {
    name: 'rename',
    before: [...acme, ...members(['ann']), user('ben')],
    steps: [
      async stage => {
        await user('anna', { join: 'None' }, { email: address('ann'), previousNames: ['ann'] })(stage)
        await stage.realm.remove('User', 'ann')
      },
      user('ben', {}, { email: 'benjamin@acme.example' }),
      user('anna', { join: 'None' }, { email: address('anna') }),
    ],
  },
  {
    name: 'end',
    before: [...acme, ...members(['ann', 'ben', 'cid']), user('dan'), user('eve')],
    steps: [
      user('ann', { join: 'None', state: 'Ended' }),
      stage => user('ben', { join: 'None', until: time(stage, 2 * DAY).slice(0, 10) })(stage),
      inPortal(address('cid'), (_, now) => ({ left: { time: now } })),
      user('dan', { state: 'Ended' }),
      remove('User', 'eve'),
      wait,
    ],
  },
  {
    name: 'prune',
    // A source is read every five minutes.
    pause: 20 * 60_000,
    before: [...acme, file('ann', address('ann')), file('ben', address('ben')), file('cid', address('cid')), source],
    steps: [
      async ({ files }) => files.delete('ann.yaml'),
      file('ben', 'benjamin@acme.example'),
      file('dan', address('dan')),
    ],
  },
  { name: 'hold', atOnce: true, before: [...acme, ...members(TEAM)], steps: [loseThird] },
  { name: 'approve', before: [...acme, ...members(TEAM), stage => stage.live(DAY), loseThird], steps: [approve] },
]

/** All of it one after the other, to the same people. */
export const MONTH: Story = {
  name: 'a month in the life of five people',
  atOnce: true,
  before: [],
  steps: [
    async stage => {
      for (const step of acme) await step(stage)
      await user('alice', { roles: ['editor', 'viewer'] })(stage)
      await user('eve', { roles: ['viewer'], join: 'Account' })(stage)
      await user('never', { roles: [] })(stage)
      await invitation('carol')(stage)
      await invitation('dave')(stage)
    },
    joinByHand(address('alice')),
    resend('carol'),
    joinByHand('carol@partner.example'),
    inPortal('dave@partner.example', (_, now) => ({ declined: { time: now, attempt: 1, reported: false } })),
    remove('Invitation', 'carol'),
    user('alice', { roles: ['viewer'] }),
    user('eve', { roles: [], state: 'Ended' }),
    inPortal(address('alice'), (_, now) => ({ left: { time: now } })),
    remove('User', 'never'),
    wait,
    wait,
    wait,
    wait,
  ],
}
