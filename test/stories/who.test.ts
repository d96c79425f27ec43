import { describe, expect, it } from 'vitest'
import type { UserSpec } from '../../src/api/user.ts'
import { directoryRecordName } from '../../src/decide/record-names.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'
import fc, { storyRuns } from '../properties.ts'

const ADDRESSES = ['a@acme.example', 'b@acme.example', 'c@partner.example', 'd@mail.example'] as const
const DIRECTORIES = { hr: 'acme', okta: 'acme', theirs: 'partner' } as const
type DirectoryName = keyof typeof DIRECTORIES

/** What may be there of one thing; undefined: it is not. */
type Turn =
  | { of: 'User'; name: string; spec: UserSpec | undefined }
  | { of: 'Record'; directory: DirectoryName; id: string; user: object | undefined; missing: boolean; former: string[] }
  | { of: 'Organization'; domains: string[]; guarded: string[] }

const addresses = fc.uniqueArray(fc.constantFrom(...ADDRESSES), { maxLength: 2 })
const directory = fc.constantFrom(...(Object.keys(DIRECTORIES) as DirectoryName[]))
const id = fc.constantFrom('1', '2')
const login = fc.constantFrom('ann', 'Ben')
const spec: fc.Arbitrary<UserSpec> = fc
  .record({
    email: fc.constantFrom(...ADDRESSES),
    aliases: addresses,
    organizations: fc.uniqueArray(fc.constantFrom('acme', 'partner'), { maxLength: 2 }),
    admin: fc.boolean(),
    identities: fc.array(fc.oneof(fc.record({ directory, id }), fc.record({ directory, name: login })), {
      maxLength: 1,
    }),
    distinctFrom: fc.array(fc.record({ directory, id }), { maxLength: 1 }),
  })
  .map(({ email, aliases, organizations, admin, identities, distinctFrom }) => ({
    email,
    aliases: aliases.filter(one => one !== email),
    memberships: organizations.map(organization => ({
      organization,
      join: 'None' as const,
      roles: admin && organization === 'acme' ? ['admin'] : [],
    })),
    identities,
    distinctFrom,
  }))
const turn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({
    of: fc.constant('User' as const),
    name: fc.constantFrom('ann', 'ben'),
    spec: fc.option(spec, { nil: undefined, freq: 3 }),
  }),
  fc.record({
    of: fc.constant('Record' as const),
    directory,
    id,
    user: fc.option(
      fc.record({ addresses, login: fc.option(login, { nil: undefined }), givenName: fc.constantFrom('Ann', 'Ben') }),
      { nil: undefined, freq: 3 },
    ),
    missing: fc.boolean(),
    former: fc.uniqueArray(login, { maxLength: 1 }),
  }),
  fc.record({
    of: fc.constant('Organization' as const),
    domains: fc.subarray(['acme.example', 'mail.example']),
    guarded: addresses,
  }),
)
const keyOf = (one: Turn): string =>
  one.of === 'User' ? one.name : one.of === 'Record' ? `${one.directory}/${one.id}` : one.of

const open = async (): Promise<Realm> => {
  const realm = await openRealm()
  await realm.declare('Organization', 'acme', { domains: ['acme.example'] })
  await realm.declare('Organization', 'partner', { domains: ['partner.example'] })
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:update'] })
  for (const [name, organization] of Object.entries(DIRECTORIES))
    await realm.declare('Directory', name, {
      organization,
      type: 'File',
      file: { path: 'people.csv', columns: { id: 'number' } },
      policy: 'Observe',
    })
  return realm
}

const play = async (realm: Realm, one: Turn): Promise<void> => {
  if (one.of === 'Organization') {
    const guard = { protected: one.guarded }
    await realm.declare('Organization', 'acme', { domains: one.domains, guard })
  } else if (one.of === 'User') {
    const before = await realm.store.get('User', one.name)
    // The guard holds an admin back.
    if (before?.metadata.deletionTimestamp !== undefined) return
    if (one.spec) await realm.declare('User', one.name, one.spec)
    else if (before) await realm.remove('User', one.name)
  } else {
    const { directory: of, id: number, user, missing, former } = one
    const said = user as { addresses: string[]; login?: string; givenName: string } | undefined
    const name = directoryRecordName(of, 'User', number)
    const [email, ...aliases] = said?.addresses ?? []
    await realm.world.effects.writeDirectoryRecord(
      {
        name,
        before: await realm.store.get('DirectoryRecord', name),
        spec: said && {
          directory: of,
          of: 'User',
          id: number,
          user: {
            active: true,
            givenName: said.givenName,
            ...(said.login !== undefined && { login: said.login }),
            ...(email !== undefined && { email }),
            ...(aliases.length > 0 && { aliases }),
          },
          ...(former.length > 0 && { formerLogins: former }),
          firstSeenTime: '2026-03-02T09:00:00Z',
          ...(missing && { missingTime: '2026-03-02T09:00:00Z' }),
        },
      },
      { actor: 'controller', because: `Directory/${of}`, organization: 'acme' },
    )
  }
}

/** What is shown of everybody declared, without times. */
const shown = async (realm: Realm): Promise<unknown> =>
  (await realm.store.list('User')).items
    .filter(({ metadata }) => metadata.labels?.['roster.dev/generated'] === undefined)
    .map(({ metadata, status }) => ({
      name: metadata.name,
      // Whether somebody is from elsewhere is also told by where they belonged.
      profile: { ...status?.profile, external: undefined },
      sources: status?.sources,
      conditions: status?.conditions
        ?.filter(({ type }) => type.startsWith('Duplicate'))
        .map(({ type, message }) => [type, message.replace(/\(.*?\)/g, '')]),
    }))

describe('who is who, as Users show it', () => {
  it('follows every change by itself, and is what is there in whatever order it came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 14 }), async turns => {
        await using realm = await open()
        await realm.run()
        for (const one of turns) {
          await play(realm, one)
          await realm.run()
          // Whoever should have been woken was: waking everybody changes nothing.
          const before = await shown(realm)
          await realm.runAll()
          expect(await shown(realm)).toEqual(before)
        }
        // Only what is there in the end counts. Not played back: two Users, of whom the older one has an address, and who is held by the guard.
        const last = new Map<string, Turn>()
        for (const one of turns) last.set(keyOf(one), one)
        const users = turns.flatMap(one => (one.of === 'User' ? one : []))
        if (new Set(users.map(({ name }) => name)).size > 1 || users.some(one => !one.spec)) return
        await using other = await open()
        for (const one of [...last.values()].reverse()) await play(other, one)
        await other.run()
        expect(await shown(other)).toEqual(await shown(realm))
      }),
      { numRuns: storyRuns(60) },
    )
  })
})
