import { beforeEach, describe, expect, test } from 'vitest'
import type { GroupSpec } from '../../src/api/group.ts'
import type { LicensePoolSpec } from '../../src/api/licensepool.ts'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { API_VERSION } from '../../src/api/names.ts'
import type { OrganizationSpec } from '../../src/api/organization.ts'
import type { RoleSpec } from '../../src/api/role.ts'
import type { UserSpec } from '../../src/api/user.ts'
import { describeObject } from '../../src/app/describe.ts'
import { mayPerson, whyOf } from '../../src/app/why.ts'
import { colors } from '../../src/cli/color.ts'
import { describeText } from '../../src/cli/describetext.ts'
import { whyText } from '../../src/cli/whytext.ts'
import { directoryRecordName, membershipName, removalKey } from '../../src/decide/record-names.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'

let store: ResourceStore
let clock: FakeClock
const manager = 'source/people'

beforeEach(async () => {
  clock = fakeClock()
  store = await openEmbeddedStore({ folder: ':memory:', clock })
  await organization('holding', { children: ['acme'] })
  await organization('acme', { parent: 'holding', domains: ['acme.example'] })
  await role('editor', { organization: 'acme', allow: ['documents:*'] })
  await role('owner', { organization: 'holding', allow: ['documents:read'], scope: 'Descendants' })
  await role('clerk', { organization: 'holding', allow: ['documents:read'] })
  await role('guarded', { organization: 'acme', deny: ['documents:read'] })
})

const placed = (file: string) => ({
  labels: { 'roster.dev/source': 'people' },
  annotations: { 'roster.dev/source-path': file },
})
const organization = (name: string, spec: OrganizationSpec) =>
  store.create({ kind: 'Organization', metadata: { name, ...placed('org.yaml:1') }, spec }, { manager })
const role = (name: string, spec: RoleSpec) =>
  store.create({ kind: 'Role', metadata: { name, ...placed(`roles/${name}.yaml:1`) }, spec }, { manager })
const now = () => new Date(clock.now()).toISOString()

/** A person who has joined, with these roles declared and in force. */
const member = async (
  name: string,
  roles: Record<string, string[]>,
  more: {
    user?: Partial<UserSpec>
    labels?: Record<string, string>
    record?: Partial<MembershipSpec>
    settled?: Partial<MembershipSpec['settled']>
  } = {},
) => {
  const email = `${name}@acme.example`
  const place = placed(`users/${name}.yaml:1`)
  const { metadata } = await store.create(
    {
      kind: 'User',
      metadata: { name, ...place, labels: { ...place.labels, ...more.labels } },
      spec: {
        email,
        memberships: Object.entries(roles).map(([one, own]) => ({ organization: one, roles: own })),
        ...more.user,
      },
    },
    { manager },
  )
  for (const [one, own] of Object.entries(roles)) {
    const permissions = {
      editor: ['documents:*'],
      owner: ['>documents:read'],
      clerk: ['documents:read'],
      guarded: ['!documents:read'],
    }
    await store.create(
      {
        kind: 'Membership',
        metadata: { name: membershipName(one, email) },
        spec: {
          organization: one,
          address: email,
          user: { name, uid: metadata.uid },
          since: now(),
          nonce: 'n'.repeat(43),
          series: [],
          attempts: [],
          mails: [],
          grants: [],
          joined: { time: now(), how: 'Declared' },
          settled: {
            roles: own,
            groups: [],
            permissions: own.flatMap(role => permissions[role as keyof typeof permissions] ?? []),
            time: now(),
            ...more.settled,
          },
          ...more.record,
        },
      },
      { manager: 'controller' },
    )
  }
}

const why = (person: string, question?: string) => whyOf({ store, clock }, { person, question })
const can = (person: string, permission: string, where = 'acme') =>
  mayPerson({ store, clock }, { person, permission, organization: where })

describe('a permission', () => {
  test('from above comes by a role with scope Descendants, and is told so', async () => {
    await member('olga', { holding: ['owner'] })
    const answer = await can('olga', 'documents:read')
    expect(answer.has).toBe(true)
    expect(answer.ways[0]?.text).toBe(
      'role owner in holding, with scope Descendants allows it (roles/owner.yaml:1); the role: declared in users/olga.yaml:1 (source people)',
    )
  })

  test('of a role without that scope does not reach below', async () => {
    await member('carl', { holding: ['clerk'] })
    expect(await can('carl', 'documents:read')).toMatchObject({ has: false, ways: [] })
    expect((await can('carl', 'documents:read', 'holding')).has).toBe(true)
  })

  test('denied here is denied, though a role above allows it: both are told', async () => {
    await member('dora', { holding: ['owner'], acme: ['guarded'] })
    const answer = await can('dora', 'documents:read')
    expect(answer.has).toBe(false)
    expect(answer.ways.map(way => way.at)).toEqual(['roles/owner.yaml:1'])
    expect(answer.notes).toEqual([expect.stringContaining('role guarded denies it (roles/guarded.yaml:1)')])
  })

  test('without any membership there or above, that is why', async () => {
    await member('hal', { holding: ['owner'] })
    await organization('other', {})
    expect((await can('hal', 'documents:read', 'other')).notes).toEqual(['hal has no membership in other'])
  })

  test('what has ended by its time is not in force, though no pass has run since', async () => {
    const until = new Date(clock.now() + 1000).toISOString()
    await member(
      'tim',
      { acme: ['editor'] },
      { record: { declared: { present: true, roles: ['editor'], join: 'None', until } } },
    )
    expect((await can('tim', 'documents:read')).has).toBe(true)
    await clock.advance(1000)
    const { has, notes } = await can('tim', 'documents:read')
    expect([has, notes[0]]).toEqual([false, expect.stringContaining('not in force: ended')])
  })
})

describe('a role', () => {
  test('by an expression of a group names the expression', async () => {
    await store.create(
      {
        kind: 'Group',
        metadata: { name: 'platform', ...placed('groups.yaml:1') },
        spec: { organization: 'acme', membersWhere: 'user.labels.team == "platform"', roles: ['editor'] },
      },
      { manager },
    )
    await member(
      'ivan',
      { acme: [] },
      { labels: { team: 'platform' }, settled: { roles: ['editor'], groups: ['platform'] } },
    )
    const { facts } = await why('ivan', 'editor')
    expect(facts[0]?.ways).toEqual([
      {
        how: 'Group',
        at: 'groups.yaml:1',
        text: 'through the group platform (groups.yaml:1): in platform, by the expression user.labels.team == "platform" in groups.yaml:1',
        change:
          'change the expression in groups.yaml:1, or what it looks at, or take editor out of the roles in groups.yaml:1 (for all its members)',
      },
    ])
  })

  test('through groups in groups names the whole way in', async () => {
    const group = (name: string, spec: Record<string, unknown>) =>
      store.create(
        {
          kind: 'Group',
          metadata: { name, ...placed(`groups/${name}.yaml:1`) },
          spec: { organization: 'acme', ...spec },
        },
        { manager },
      )
    await group('oncall', { members: ['judy'] })
    await group('platform', { groups: ['oncall'] })
    await group('staff', { groups: ['platform'], roles: ['editor'] })
    await member('judy', { acme: [] }, { settled: { roles: ['editor'], groups: ['oncall', 'platform', 'staff'] } })
    const { facts } = await why('judy', 'editor')
    expect(facts[0]?.ways).toEqual([
      {
        how: 'Group',
        at: 'groups/staff.yaml:1',
        text: 'through the group staff (groups/staff.yaml:1): in oncall, listed in groups/oncall.yaml:1, which is in platform, which is in staff',
        change:
          'take judy out of the members in groups/oncall.yaml:1, or take editor out of the roles in groups/staff.yaml:1 (for all its members)',
      },
    ])
  })

  test('declared in a repository names the commit that said so last', async () => {
    await member('kate', { acme: ['editor'] })
    await store.annotate({ kind: 'User', name: 'kate' }, { 'roster.dev/revision': 'a1b2c3d4e5'.repeat(4) }, { manager })
    const { facts } = await why('kate', 'editor')
    expect(facts[0]?.ways[0]?.text).toBe('declared in users/kate.yaml:1@a1b2c3d4e5a1 (source people)')
  })

  test('declared in a repository names the commit that changed its file last and its author, whose name moves no cursor', async () => {
    await member('kit', { acme: ['editor'] })
    const notes = { revision: 'b'.repeat(40), commit: 'c'.repeat(40), author: 'Cem\u001b[2J' }
    for (const [note, value] of Object.entries(notes))
      await store.annotate({ kind: 'User', name: 'kit' }, { [`roster.dev/${note}`]: value }, { manager })
    const answer = await why('kit', 'editor')
    expect(answer.person.whence).toMatchObject(notes)
    expect(answer.facts[0]?.ways[0]?.text).toBe(
      'declared in users/kit.yaml:1@cccccccccccc by Cem\u001b[2J (source people)',
    )
    const text = whyText(answer, colors(false))
    expect(text).toContain('declared in users/kit.yaml:1@cccccccccccc by Cem\\u001b[2J (source people)')
    expect(text).not.toContain('\u001b')
  })

  test('declared in a repository whose older history is not read names the commit since which it is as it is', async () => {
    await member('kim', { acme: ['editor'] })
    const notes = { revision: 'b'.repeat(40), 'unchanged-since': 'd'.repeat(40) }
    for (const [note, value] of Object.entries(notes))
      await store.annotate({ kind: 'User', name: 'kim' }, { [`roster.dev/${note}`]: value }, { manager })
    const { facts } = await why('kim', 'editor')
    expect(facts[0]?.ways[0]?.text).toBe('declared in users/kim.yaml:1@dddddddddddd or before (source people)')
  })

  test('in force that nothing declares any more says that the loss is still to come', async () => {
    await member('rest', { acme: [] }, { settled: { roles: ['editor'] } })
    const { has, facts } = await why('rest', 'editor')
    expect([has, facts[0]?.ways[0]?.how]).toEqual([true, 'Settled'])
  })

  test('of another organization cannot be given, and that is told', async () => {
    await organization('other', {})
    await role('stranger', { organization: 'other' })
    await member('paul', { acme: ['stranger'] }, { settled: { roles: [] } })
    const { has, facts } = await why('paul', 'stranger')
    expect([has, facts[0]?.notes]).toEqual([false, ['role stranger belongs to other and cannot be given in acme']])
  })

  test('declared and not settled yet says what it waits for', async () => {
    await member('new', { acme: ['editor'] }, { settled: { roles: [] } })
    expect((await why('new', 'editor')).facts[0]?.notes).toEqual([
      'not in force yet: the next pass of the controller settles it',
    ])
    await store.annotate({ kind: 'User', name: 'new' }, { 'roster.dev/pause': 'true' }, { manager: 'local/test' })
    expect((await why('new', 'editor')).facts[0]?.notes).toEqual([
      'not in force yet: User/new is paused; roster resume user/new',
    ])
  })

  test('asked for where somebody does not belong says that first', async () => {
    await member('olga', { holding: ['owner'] })
    const { has, facts, places } = await whyOf(
      { store, clock },
      { person: 'olga', question: 'editor', organization: 'acme' },
    )
    expect([has, places[0]?.standing]).toEqual([false, 'NoMembership'])
    expect(facts[0]?.notes.at(-1)).toBe('olga has no membership in acme')
  })

  /** As `roster invite` asks somebody in. */
  const invite = (name: string, address: string) =>
    store.create(
      { kind: 'Invitation', metadata: { name }, spec: { organization: 'acme', email: address, roles: ['editor'] } },
      { manager: 'local/ann' },
    )
  /** What such a person has before anybody declares anything about them. */
  const asked = async (address: string, spec: Partial<MembershipSpec>) => {
    const facts = { organization: 'acme', address, since: now(), nonce: 'n'.repeat(43) }
    await store.create(
      {
        kind: 'Membership',
        metadata: { name: membershipName('acme', address) },
        spec: { ...facts, series: [], attempts: [], mails: [], grants: [], ...spec },
      },
      { manager: 'controller' },
    )
  }

  test('by an invitation of somebody whom nobody declares comes with it once it is accepted', async () => {
    const invitation = await invite('guest-x', 'guest@partner.example')
    await asked('guest@partner.example', {
      series: [{ number: 1, openedBy: `invitation/${invitation.metadata.uid}`, time: now() }],
    })
    const { person, places, has, facts } = await why('guest@partner.example', 'editor')
    expect([person.name, person.whence, has]).toEqual(['guest@partner.example', undefined, false])
    expect(places).toMatchObject([{ standing: 'Invited', text: 'the invitation has not been sent yet' }])
    expect(facts[0]?.ways).toEqual([
      {
        how: 'Asked',
        at: 'Invitation/guest-x',
        text: 'comes with the invitation guest-x (Invitation/guest-x), once it is accepted',
        change: 'roster delete invitation guest-x',
      },
    ])
  })

  test('by an invitation that was accepted is a grant, which a command takes away', async () => {
    const { metadata } = await invite('guest-x', 'guest@partner.example')
    await asked('guest@partner.example', {
      joined: { time: now(), how: 'Link', attempt: 1 },
      grants: [{ invitation: 'guest-x', uid: metadata.uid, roles: ['editor'], by: 'local/ann', time: now() }],
      settled: { roles: ['editor'], groups: [], permissions: ['documents:*'], time: now() },
    })
    const { has, places, facts } = await why('guest@partner.example', 'editor')
    expect([has, places[0]?.standing]).toEqual([true, 'Active'])
    expect(places[0]?.text).toMatch(/^joined .* by the link$/)
    expect(facts[0]?.ways).toMatchObject([
      {
        how: 'Granted',
        text: expect.stringContaining('granted by the invitation guest-x, written by local/ann and accepted '),
        change: 'roster revoke guest@partner.example editor --org acme',
      },
    ])
  })

  test('by an account that exists at once is in force as declared', async () => {
    const memberships = [{ organization: 'acme', roles: ['editor'], join: 'Account' as const }]
    await member('abe', { acme: ['editor'] }, { user: { memberships } })
    const { has, places, facts } = await why('abe', 'editor')
    expect([has, places[0]?.standing]).toEqual([true, 'Active'])
    expect(places[0]?.text).toMatch(/^joined .* as declared$/)
    expect(facts[0]?.ways).toMatchObject([
      { how: 'Declared', at: 'users/abe.yaml:1', change: 'take editor out of the roles of acme in users/abe.yaml:1' },
    ])
  })

  test('held by the guard stays in force, with what is to be lost, who holds it, and what releases it', async () => {
    const losing = {
      digest: 'd'.repeat(52),
      roles: ['editor'],
      groups: [],
      permissions: ['documents:*'],
      producer: 'source/people',
      because: 'users/hal.yaml:1 no longer gives role editor',
      time: now(),
    }
    await member(
      'hal',
      { acme: [] },
      { settled: { roles: ['editor'], permissions: ['documents:*'] }, record: { losing } },
    )
    const says = async () => {
      const { has, facts, places } = await why('hal', 'editor')
      expect([has, facts[0]?.ways]).toEqual([
        true,
        [{ how: 'Settled', text: 'no declaration gives it any more; it is in force until the loss is carried out' }],
      ])
      return places[0]?.losing
    }
    const loses = 'is to lose editor: users/hal.yaml:1 no longer gives role editor'
    expect(await says()).toBe(`${loses}; the guard has not decided on it yet, and nothing is taken before`)

    const set = {
      organization: 'acme',
      producer: 'source/people',
      removals: [removalKey(membershipName('acme', 'hal@acme.example'), losing.digest)],
      hash: `sha256:${'0'.repeat(64)}`,
      people: 6,
      time: now(),
    }
    const because = '6 people would lose something in acme, and 5 may in 24 hours'
    const { metadata } = await store.create(
      { kind: 'RemovalSet', metadata: { name: 'held-x' }, spec: { ...set, state: 'Held', reason: 'Budget', because } },
      { manager: 'controller' },
    )
    expect(await says()).toMatch(
      new RegExp(
        `^${loses}\\. Nothing is taken since .*, with 5 other people: ${because}; held until it is approved \\(\`roster approve acme\`\\)`,
      ),
    )
    const released = { ...set, state: 'Released' as const, released: { time: now() } }
    await store.replace({ kind: 'RemovalSet', name: 'held-x', spec: released }, { ifVersion: metadata.resourceVersion })
    expect(await says()).toBe(`${loses}; it is released, and carried out with the next pass`)
    // Together they say both: what is still theirs, and that it is going.
    expect(whyText(await why('hal', 'editor'), colors(false))).toContain(`! ${loses}`)
  })

  test('of who left, or is suspended, is not in force', async () => {
    await member('lea', { acme: ['editor'] }, { record: { left: { time: now() } } })
    await member('sue', { acme: ['editor'] }, { user: { suspended: true }, settled: { suspended: true } })
    for (const [name, says] of [
      ['lea', 'left'],
      ['sue', 'suspended'],
    ] as const) {
      const { has, facts, places } = await why(name, 'editor')
      expect([has, places[0]?.standing.toLowerCase()]).toEqual([false, says])
      expect(facts[0]?.notes[0]).toContain(`not in force: ${says}`)
    }
  })
})

describe('what is described', () => {
  test('of a membership above says where its permissions reach down to', async () => {
    await member('olga', { holding: ['owner'] }, { settled: { reach: ['acme'] } })
    const described = await describeObject({ store, clock }, { kind: 'User', name: 'olga' })
    expect(described?.memberships).toMatchObject([{ organization: 'holding', reach: ['acme'] }])
    const text = described && (await describeText(described, clock.now()))
    expect(text).toMatch(/Reach down to: +acme\n/)
  })
})

describe('seats', () => {
  const pool = (spec: object) =>
    store.create(
      {
        kind: 'LicensePool',
        metadata: { name: 'suite', ...placed('pool.yaml:1') },
        spec: { organization: 'acme', product: 'Suite', seats: 1, ...spec },
      },
      { manager },
    )

  test.each([
    [{ selector: { roles: ['owner'] } }, 'the selector (pool.yaml:1) asks for a role among owner'],
    [{ selector: { groups: ['staff'] } }, 'the selector (pool.yaml:1) asks for a group among staff'],
    [{ selector: { skip: ['eve@*'] } }, 'the selector (pool.yaml:1) skips this address'],
    [
      { selector: { expression: 'user.name == "bob"' } },
      'the expression user.name == "bob" (pool.yaml:1) does not hold',
    ],
    [{}, 'suite has no selector (pool.yaml:1): its seats are given by name, in `licenses` of a User'],
  ])('%j: what does not fit is named', async (spec, says) => {
    await pool(spec)
    await member('eve', { acme: ['editor'] })
    expect((await why('eve', 'pool/suite')).facts[0]).toMatchObject({ has: false, notes: [says] })
  })

  test('given by name names the declaration of the person', async () => {
    await pool({})
    await member('eve', { acme: [] }, { user: { licenses: [{ pool: 'suite', quantity: 2 }] } })
    expect((await why('eve', 'pool/suite')).facts[0]?.ways[0]).toMatchObject({
      how: 'License',
      text: 'given by name in users/eve.yaml:1: 2 of suite',
    })
  })
})

describe('a value', () => {
  const source = 'declared in users/vera.yaml:1 (source people)'
  beforeEach(async () => {
    await organization('swiss', { mail: { locale: 'de' } })
    await member('vera', { acme: [], swiss: [] }, { user: { aliases: ['v@acme.example'], givenName: 'Vera' } })
    await store.apply(
      {
        apiVersion: API_VERSION,
        kind: 'User',
        metadata: { name: 'vera' },
        spec: { email: 'vera@acme.example', familyName: 'Vogt' },
      },
      { manager: 'local/ann', force: true },
    )
  })

  test.each<
    [string, { has: boolean; value?: unknown; ways: string[]; changes?: (string | undefined)[]; notes?: string[] }]
  >([
    [
      'email',
      {
        has: true,
        value: 'vera@acme.example',
        ways: [source, 'written into User/vera by local/ann'],
        changes: ['change email in users/vera.yaml:1', 'change email of User/vera'],
      },
    ],
    ['alias', { has: true, value: ['v@acme.example'], ways: [source] }],
    ['value/givenname', { has: true, value: 'Vera', ways: [source] }],
    ['familyName', { has: true, value: 'Vogt', ways: ['written into User/vera by local/ann'] }],
    [
      'locale',
      {
        has: false,
        ways: [],
        notes: [
          'the language of acme counts: en (as no organization says another)',
          'the language of swiss counts: de (mail.locale in org.yaml:1)',
          'not written in users/vera.yaml:1; to set it: write locale there',
        ],
      },
    ],
  ])('%s is told to where it is written, and what to change', async (question, expected) => {
    const { value, has, facts } = await why('vera', question)
    expect({ has, facts }).toEqual({ has: expected.has, facts: [] })
    expect(value?.value).toEqual(expected.value)
    expect(value?.ways.map(way => way.text).sort()).toEqual(expected.ways.toSorted())
    if (expected.changes) expect(value?.ways.map(way => way.change).sort()).toEqual(expected.changes.toSorted())
    expect(value?.notes).toEqual(expected.notes ?? [])
  })

  test('that a directory says is told with the directory, and so is what it says otherwise', async () => {
    const say = async (directory: string, id: string, user: object) => {
      const spec = { directory, of: 'User' as const, id, user: { active: true, ...user }, firstSeenTime: now() }
      const name = directoryRecordName(directory, 'User', id)
      await store.create({ kind: 'DirectoryRecord', metadata: { name }, spec }, { manager: 'controller' })
    }
    for (const name of ['hr', 'okta'])
      await store.create(
        {
          kind: 'Directory',
          metadata: { name },
          spec: {
            organization: 'acme',
            type: 'File',
            file: { path: 'p.csv', columns: { id: 'nr' } },
            policy: 'Observe',
          },
        },
        { manager },
      )
    await member('dora', { acme: [] }, { user: { givenName: 'Dora' } })
    await say('hr', '7', { email: 'dora@acme.example', givenName: 'Theodora', familyName: 'Doe', locale: 'de' })
    await say('okta', 'u1', { email: 'dora@acme.example', locale: 'en' })
    expect((await why('dora', 'locale')).value).toEqual({
      thing: 'value',
      name: 'locale',
      has: true,
      value: 'de',
      ways: [
        {
          how: 'Directory',
          at: 'Directory/hr',
          text: 'directory/hr says so of 7',
          change: 'change it in directory/hr, or write locale in users/dora.yaml:1',
        },
      ],
      notes: ['directory/okta says en of u1', 'not written in users/dora.yaml:1; to set it: write locale there'],
    })
    expect((await why('dora', 'givenName')).value).toMatchObject({
      value: 'Dora',
      ways: [{ how: 'Declared' }],
      notes: ['directory/hr says Theodora of 7'],
    })
    expect((await why('dora', 'email')).value).toMatchObject({
      value: 'dora@acme.example',
      notes: ['directory/hr says dora@acme.example of 7', 'directory/okta says dora@acme.example of u1'],
    })
    const described = await describeObject({ store, clock }, { kind: 'User', name: 'dora' })
    expect(described?.values).toEqual([
      { name: 'email', value: 'dora@acme.example', from: 'users/dora.yaml:1' },
      { name: 'displayName', value: 'Dora', from: 'users/dora.yaml:1' },
      { name: 'givenName', value: 'Dora', from: 'users/dora.yaml:1' },
      { name: 'familyName', value: 'Doe', from: 'directory/hr, of 7' },
      { name: 'locale', value: 'de', from: 'directory/hr, of 7' },
    ])
    expect(described && (await describeText(described, clock.now()))).toContain(
      'locale        de                  directory/hr, of 7',
    )
  })

  test('gives way to a role of the same name, unless it is asked for as a value', async () => {
    await role('locale', { organization: 'acme' })
    expect((await why('vera', 'locale')).asked).toBe('role locale')
    expect((await why('vera', 'value/locale')).asked).toBe('value locale')
    await expect(why('vera', 'value/shoe')).rejects.toThrow('the values are email, aliases')
  })
})

describe('somebody who was removed', () => {
  test('is known by the name they had: who ended it, when, and because of what', async () => {
    const ended = { time: now(), by: 'source/people', because: 'users/rob.yaml gone' }
    await member('rob', { acme: ['editor'] }, { record: { ended } })
    await store.delete({ kind: 'User', name: 'rob' })
    const { places, has } = await why('rob')
    expect(has).toBe(false)
    expect(places).toMatchObject([
      {
        organization: 'acme',
        standing: 'Ended',
        text: 'ended Mon 5 Jan 2026, 09:00 UTC by source/people: users/rob.yaml gone',
      },
    ])
    expect((await why('rob@acme.example')).places).toEqual(places)
  })
})

describe('every way a thing can come', () => {
  const pool = (name: string, selector?: LicensePoolSpec['selector']) =>
    store.create(
      {
        kind: 'LicensePool',
        metadata: { name, ...placed(`pools/${name}.yaml:1`) },
        spec: { organization: 'acme', product: name, seats: 5, ...(selector && { selector }) },
      },
      { manager },
    )
  const group = (name: string, spec: Omit<GroupSpec, 'organization'>) =>
    store.create(
      {
        kind: 'Group',
        metadata: { name, ...placed(`groups/${name}.yaml:1`) },
        spec: { organization: 'acme', ...spec },
      },
      { manager },
    )

  test.each<{ way: string; given: () => Promise<unknown>; asked: string; tells: string }>([
    {
      way: 'a group, by its members',
      given: async () => {
        await group('staff', { members: ['ida'] })
        await member('ida', { acme: [] }, { settled: { groups: ['staff'] } })
      },
      asked: 'group/staff',
      tells: 'in the group staff, listed in groups/staff.yaml:1',
    },
    {
      way: 'a role, by the roles of a group',
      given: async () => {
        await group('staff', { members: ['ida'], roles: ['editor'] })
        await member('ida', { acme: [] }, { settled: { roles: ['editor'], groups: ['staff'] } })
      },
      asked: 'role/editor',
      tells: 'through the group staff (groups/staff.yaml:1): in staff, listed in groups/staff.yaml:1',
    },
    {
      way: 'a seat, given by name',
      given: async () => {
        await pool('suite')
        await member('ida', { acme: ['editor'] }, { user: { licenses: [{ pool: 'suite', quantity: 2 }] } })
      },
      asked: 'pool/suite',
      tells: 'given by name in users/ida.yaml:1: 2 of suite',
    },
    {
      way: 'a seat, by a role of the selector',
      given: async () => {
        await pool('suite', { roles: ['editor'] })
        await member('ida', { acme: ['editor'] })
      },
      asked: 'pool/suite',
      tells: 'the selector of suite (pools/suite.yaml:1) fits: role editor',
    },
    {
      way: 'a seat, by a group of the selector',
      given: async () => {
        await pool('suite', { groups: ['staff'] })
        await group('staff', { members: ['ida'] })
        await member('ida', { acme: [] }, { settled: { groups: ['staff'] } })
      },
      asked: 'pool/suite',
      tells: 'the selector of suite (pools/suite.yaml:1) fits: group staff',
    },
    {
      way: 'a seat, by the expression of the selector',
      given: async () => {
        await pool('suite', { expression: "user.labels['team'] == 'ops'" })
        await member('ida', { acme: [] }, { labels: { team: 'ops' } })
      },
      asked: 'pool/suite',
      tells: "the selector of suite (pools/suite.yaml:1) fits: the expression user.labels['team'] == 'ops'",
    },
  ])('$way', async ({ given, asked, tells }) => {
    await given()
    const { facts } = await why('ida', asked)
    expect(facts.flatMap(fact => fact.ways.map(one => one.text))).toEqual([tells])
    expect(facts.flatMap(fact => fact.ways.map(one => one.change))).toEqual([expect.stringMatching(/^(take|change) /)])
  })

  test.each<[string, Partial<UserSpec>, Partial<MembershipSpec>, string]>([
    [
      'suspended',
      { suspended: true },
      { settled: { roles: ['editor'], groups: [], permissions: [], suspended: true, time: '2026-01-05T09:00:00Z' } },
      'not in force: suspended everywhere; nothing is in force until that is taken back',
    ],
    ['who left', {}, { left: { time: '2026-01-05T09:00:00Z' } }, 'not in force: left Mon 5 Jan 2026, 09:00 UTC'],
  ])('a role of somebody %s is declared, and not in force', async (_, user, record, note) => {
    await member('ida', { acme: ['editor'] }, { user, record })
    const { has, facts } = await why('ida', 'editor')
    expect(has).toBe(false)
    expect(facts[0]?.ways[0]?.text).toBe('declared in users/ida.yaml:1 (source people)')
    expect(facts[0]?.notes).toEqual([note])
  })
})
