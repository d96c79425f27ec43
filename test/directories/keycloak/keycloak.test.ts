import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { FoundUser } from '../../../src/ports/directory.ts'
import { directoryContract, readAll } from '../../contract/directory.ts'
import { describeWith } from '../../parts.ts'
import { STRANGER_CERTIFICATE } from '../../peers/certificate.ts'
import { CLIENT, CLIENT_SECRET, type Keycloak, startFront, startKeycloak } from '../../peers/keycloak.ts'
import { PASSWORD, PEOPLE, READER, startSlapd } from '../../peers/slapd.ts'
import { personEntry } from '../ldap/reading.ts'
import { driverFor, realmOf } from './reading.ts'
import { runsBesideKeycloak } from './running.ts'
import { readsBySCIM } from './scim.ts'

vi.setConfig({ testTimeout: 120_000 })

const never = new AbortController().signal
const people = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    login: `u${String(index).padStart(4, '0')}`,
    email: `u${index}@acme.example`,
    givenName: 'Given',
    familyName: `Family ${index}`,
  }))
const loginsOf = (users: readonly FoundUser[]) => users.map(user => user.login).sort()

// One server for all of it, since it takes its time to start; each test has a realm of its own.
describeWith('keycloak', 'a real Keycloak', () => {
  let keycloak: Keycloak
  beforeAll(async () => {
    keycloak = await startKeycloak()
  }, 180_000)
  afterAll(() => keycloak?.[Symbol.asyncDispose]())

  directoryContract('a realm', {
    open: async (people, groups, pageSize) => {
      const realm = await keycloak.realm(realmOf(people, groups))
      const front = await startFront(keycloak.port)
      return {
        driver: driverFor(front.url, realm, { spec: { pageSize } }),
        breakAt: n => front.breakAt(n),
        close: async () => await front[Symbol.asyncDispose](),
      }
    },
    tree: true,
    memberPages: true,
  })

  describe('a realm', () => {
    it('of 1,200 people and a group of 700 is read in pages, with one token', async () => {
      const all = people(1200)
      const crowd = { name: 'crowd', users: all.slice(0, 700).map(({ login }) => login), groups: [] }
      const realm = await keycloak.realm(realmOf(all, [crowd, { name: 'few', users: ['u0001'], groups: [] }]))
      await using front = await startFront(keycloak.port)
      const told = await readAll(driverFor(front.url, realm))
      // A token; people counted twice, and 3 pages; groups counted twice, and a page; members: 2 pages and 1.
      expect(told.outcome).toEqual({ outcome: 'Complete', requests: 1 + 2 + 3 + 2 + 1 + 3 })
      expect(loginsOf(told.users)).toEqual(all.map(({ login }) => login))
      expect(told.groups.map(({ name, users }) => [name, users.length])).toEqual([
        ['crowd', 700],
        ['few', 1],
      ])
      expect(
        front.asked
          .filter(asked => asked.includes('/users?'))
          .every(asked => asked.includes('briefRepresentation=true')),
      ).toBe(true)
    })

    it('tells languages, further addresses and descriptions, and no account of a client', async () => {
      const realm = await keycloak.realm({
        groups: [{ name: 'all', description: 'Everybody', subGroups: [{ name: 'a/b' }] }],
      })
      const profile = (await realm.admin('GET', '/users/profile')).body
      await realm.admin('PUT', '/users/profile', { ...profile, unmanagedAttributePolicy: 'ENABLED' })
      const attributes = { locale: ['de'], mails: ['ann.meyer@acme.example', 'a@acme.example'], tongue: ['fr'] }
      const ann = { username: 'ann', email: 'ann@acme.example', enabled: true, attributes }
      await realm.admin('POST', '/users', ann)
      await realm.admin('POST', '/users', { username: 'nobody', enabled: true })
      const client = (await realm.admin('GET', `/users?username=service-account-${CLIENT}`)).body[0].id
      const group = (await realm.admin('GET', '/groups')).body[0].id
      await realm.admin('PUT', `/users/${client}/groups/${group}`)

      const brief = await readAll(driverFor(keycloak.secureUrl, realm))
      expect(brief.outcome).toMatchObject({ outcome: 'Complete' })
      expect(brief.users).toMatchObject([
        { login: 'ann', locale: 'de' },
        { login: 'nobody', active: true },
      ])
      expect(brief.users[0]).not.toHaveProperty('aliases')
      expect(brief.users[1]).not.toHaveProperty('email')
      expect(brief.groups).toMatchObject([
        { name: 'all', description: 'Everybody', users: [], groups: [brief.groups[1]?.id] },
        { name: 'all/a/b', users: [] },
      ])
      const spec = { aliasesAttribute: 'mails', localeAttribute: 'tongue' }
      const whole = await readAll(driverFor(keycloak.secureUrl, realm, { spec }))
      expect(whole.users[0]).toMatchObject({ locale: 'fr', aliases: ['a@acme.example', 'ann.meyer@acme.example'] })
    })

    it('is read whole while people come and go', async () => {
      const all = people(12)
      const realm = await keycloak.realm(realmOf(all, []))
      const [first] = (await realm.admin('GET', '/users?username=u0000')).body
      for (const change of [
        () => realm.admin('DELETE', `/users/${first.id}`),
        () => realm.admin('POST', '/users', { username: 'a-newcomer', enabled: true }),
      ]) {
        await using front = await startFront(keycloak.port)
        front.onRequest = async asked => {
          if (!asked.includes('first=4')) return undefined
          front.onRequest = () => undefined
          await change()
          return undefined
        }
        const told = await readAll(driverFor(front.url, realm, { spec: { pageSize: 4 } }))
        expect(told.outcome).toMatchObject({ outcome: 'Complete' })
        for (const { login } of all.slice(1)) expect(loginsOf(told.users)).toContain(login)
      }
    })

    it.each([
      ['people', '/users/count'],
      ['groups', '/groups/count'],
    ])('that counts more %s than it shows is not complete', async (what, path) => {
      const realm = await keycloak.realm(realmOf(people(2), [{ name: 'one', users: [], groups: [] }]))
      await using front = await startFront(keycloak.port)
      front.onAnswer = (asked, body) => {
        if (!asked.endsWith(path)) return body
        return typeof body === 'number' ? body + 1 : { count: (body as { count: number }).count + 1 }
      }
      const { outcome, users, groups } = await readAll(driverFor(front.url, realm))
      expect(outcome).toMatchObject({
        outcome: 'Partial',
        reason: 'NotAllowed',
        message: expect.stringContaining(what),
      })
      expect([users.length, groups.length]).toEqual([2, 1])
    })

    it('is not complete behind something that shortens pages', async () => {
      const realm = await keycloak.realm(realmOf(people(5), []))
      await using front = await startFront(keycloak.port)
      front.onAnswer = (_, body) => (Array.isArray(body) ? body.slice(0, 2) : body)
      const told = await readAll(driverFor(front.url, realm))
      expect(told.outcome).toMatchObject({ outcome: 'Partial', reason: 'NotAllowed' })
      expect(told.users.length).toBe(2)
    })

    it('that is gone in the middle of many groups is not asked for each of them', async () => {
      const groups = Array.from({ length: 60 }, (_, index) => ({ name: `g${index}`, users: [], groups: [] }))
      const realm = await keycloak.realm(realmOf(people(1), groups))
      await using front = await startFront(keycloak.port)
      front.breakAt(12)
      const { outcome } = await readAll(driverFor(front.url, realm))
      expect(outcome).toMatchObject({ outcome: 'Partial', reason: 'Unreachable' })
      // Four at a time, and five tries of each.
      expect(front.asked.length).toBeLessThanOrEqual(11 + 4 * 5)
    })

    it('of which the client may see little says which role is lacking', async () => {
      const realm = await keycloak.realm(realmOf(people(2), [{ name: 'one', users: [], groups: [] }]))
      const driver = driverFor(keycloak.secureUrl, realm)
      const outcome = async () => (await readAll(driver)).outcome
      const check = async () => {
        const found = await driver.check({ signal: never })
        if ('outcome' in found) return found.message
        return found.rights.map(({ held, what }) => `${held ? '+' : '-'} ${what}`)
      }
      const lacks = { reason: 'NotAllowed', message: expect.stringContaining('view-users of realm-management') }
      await realm.allow()
      expect(await outcome()).toMatchObject({ outcome: 'Failed', ...lacks })
      expect(await check()).toEqual([
        '+ encrypts the connection',
        `+ lets the client ${CLIENT} sign in`,
        expect.stringMatching(/^- shows people: .*view-users/),
        expect.stringMatching(/^- shows groups: .*view-users/),
      ])
      await realm.allow('query-users', 'query-groups')
      expect(await outcome()).toMatchObject({ outcome: 'Failed', ...lacks })
      expect(await check()).toEqual([
        '+ encrypts the connection',
        `+ lets the client ${CLIENT} sign in`,
        expect.stringMatching(/^- counts people \(2\), and shows none; .*view-users/),
        expect.stringMatching(/^- counts groups \(1\), and shows none; .*view-users/),
      ])
      await realm.allow('view-users')
      expect(await outcome()).toMatchObject({ outcome: 'Complete' })
      expect(await check()).toEqual([
        '+ encrypts the connection',
        `+ lets the client ${CLIENT} sign in`,
        '+ shows people (view-users): 2',
        '+ shows groups (query-groups, view-users): 1',
        '+ shows members of groups (view-users)',
      ])
    })
  })

  describe('an organization', () => {
    it('is read with its members and its own groups, and nothing else of the realm', async () => {
      const all = people(9)
      const realm = await keycloak.realm(realmOf(all, [{ name: 'of the realm', users: ['u0001'], groups: [] }]))
      const idOf = async (login: string) => (await realm.admin('GET', `/users?username=${login}`)).body[0].id
      const found = async (alias: string) => {
        const domains = [{ name: `${alias}.example` }]
        return (await realm.admin('POST', '/organizations', { name: `${alias} GmbH`, alias, enabled: true, domains }))
          .id
      }
      for (const other of ['a', 'b', 'd']) await found(other)
      const organization = `/organizations/${await found('acme')}`
      for (const login of [...all.slice(0, 6).map(({ login }) => login), `service-account-${CLIENT}`])
        await realm.admin('POST', `${organization}/members`, await idOf(login))
      const top = (await realm.admin('POST', `${organization}/groups`, { name: 'Engineering' })).body.id
      const inner = (await realm.admin('POST', `${organization}/groups/${top}/children`, { name: 'Backend' })).body.id
      await realm.admin('PUT', `${organization}/groups/${inner}/members/${await idOf('u0002')}`)

      const driver = driverFor(keycloak.secureUrl, realm, { spec: { organization: 'acme', pageSize: 2 } })
      const told = await readAll(driver)
      expect(told.outcome).toMatchObject({ outcome: 'Complete' })
      expect(loginsOf(told.users)).toEqual(all.slice(0, 6).map(({ login }) => login))
      expect(told.groups).toEqual([
        { id: top, name: 'Engineering', users: [], groups: [inner] },
        { id: inner, name: 'Engineering/Backend', users: [await idOf('u0002')], groups: [] },
      ])
      const check = await driver.check({ signal: never })
      expect(check).toMatchObject({ server: `${keycloak.secureUrl}, realm ${realm.name}, organization acme` })
      if ('outcome' in check) return
      expect(check.rights.filter(({ held }) => !held)).toEqual([])

      const other = driverFor(keycloak.secureUrl, realm, { spec: { organization: 'acme GmbH' } })
      expect((await readAll(other)).outcome).toMatchObject({ outcome: 'Failed', reason: 'InvalidSpec' })
      await realm.allow('view-users')
      expect((await readAll(driver)).outcome).toMatchObject({
        outcome: 'Failed',
        reason: 'NotAllowed',
        message: expect.stringContaining('view-organizations'),
      })
    })

    it('of a Keycloak that has no groups of organizations has none', async () => {
      const realm = await keycloak.realm(realmOf(people(1), []))
      await realm.admin('POST', '/organizations', { name: 'acme', alias: 'acme', domains: [{ name: 'acme.example' }] })
      await using front = await startFront(keycloak.port)
      front.onRequest = asked =>
        /organizations\/[^/]+\/groups/.test(asked) ? { status: 404, body: { error: 'HTTP 404 Not Found' } } : undefined
      const driver = driverFor(front.url, realm, { spec: { organization: 'acme' } })
      expect(await readAll(driver)).toMatchObject({ outcome: { outcome: 'Complete' }, users: [], groups: [] })
    })
  })

  describe('a token', () => {
    it('is renewed once when the server no longer takes it, and not for ever', async () => {
      const realm = await keycloak.realm(realmOf(people(9), []))
      await using front = await startFront(keycloak.port)
      const driver = driverFor(front.url, realm, { spec: { pageSize: 2 } })
      const tokens = () => front.asked.filter(asked => asked.startsWith('POST')).length
      let refusals = 1
      front.onRequest = asked =>
        asked.includes('first=4') && refusals-- > 0
          ? { status: 401, body: { error: 'HTTP 401 Unauthorized' } }
          : undefined
      const told = await readAll(driver)
      expect([told.outcome.outcome, loginsOf(told.users).length, tokens()]).toEqual(['Complete', 9, 2])
      refusals = 2
      expect((await readAll(driver)).outcome).toMatchObject({ outcome: 'Partial', reason: 'CredentialsRefused' })
      expect(tokens()).toBe(4)
    })

    it('that the server ended is renewed', async () => {
      const realm = await keycloak.realm({ ...realmOf(people(9), []), accessTokenLifespan: 1 })
      await using front = await startFront(keycloak.port)
      let refused = 0
      const patient = { token: '' }
      front.onRequest = async asked => {
        if (!asked.includes('first=4') || refused++ > 0) return undefined
        // As long as the server takes a token that was made at the same time.
        const form = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: CLIENT_SECRET }
        const place = `${keycloak.url}/realms/${realm.name}/protocol/openid-connect/token`
        const given = await fetch(place, { method: 'POST', body: new URLSearchParams(form) })
        patient.token = ((await given.json()) as { access_token: string }).access_token
        for (let status = 200; status === 200; ) {
          const headers = { authorization: `Bearer ${patient.token}` }
          const answer = await fetch(`${keycloak.url}/admin/realms/${realm.name}/users/count`, { headers })
          await answer.arrayBuffer()
          status = answer.status
        }
        return undefined
      }
      const told = await readAll(driverFor(front.url, realm, { spec: { pageSize: 2 } }))
      expect([told.outcome.outcome, loginsOf(told.users).length]).toEqual(['Complete', 9])
      expect(front.asked.filter(asked => asked.startsWith('POST')).length).toBeGreaterThan(1)
    })

    it('comes only for the right client, secret and realm, and only from where the secret may be sent', async () => {
      const realm = await keycloak.realm()
      const ended = async (more: Parameters<typeof driverFor>[2], of = realm, url = keycloak.secureUrl) => {
        const { outcome } = await readAll(driverFor(url, of, more))
        expect(JSON.stringify(outcome)).not.toContain('not-the-secret')
        return outcome
      }
      const failed = (reason: string, word: string) => ({
        outcome: 'Failed',
        reason,
        message: expect.stringContaining(word),
      })
      expect(await ended({ secret: 'not-the-secret' })).toMatchObject(failed('CredentialsRefused', CLIENT))
      expect(await ended({ spec: { clientId: 'nope' } })).toMatchObject(failed('CredentialsRefused', 'nope'))
      expect(await ended({ spec: { clientId: 'admin-cli' } })).toMatchObject(
        failed('CredentialsRefused', 'service accounts'),
      )
      expect(await ended({}, { ...realm, name: 'nowhere' })).toMatchObject(failed('InvalidSpec', 'no realm nowhere'))
      expect(await ended({ hosts: ['elsewhere.example'] })).toMatchObject(failed('SecretAudience', 'localhost'))
      expect(await ended({ secret: ' ' })).toMatchObject(failed('CredentialsRefused', 'empty'))
      expect(await ended({ ca: STRANGER_CERTIFICATE })).toMatchObject(failed('NotAllowed', 'certificate'))
      expect(
        await driverFor(keycloak.secureUrl, realm, { ca: STRANGER_CERTIFICATE }).check({ signal: never }),
      ).toMatchObject(failed('NotAllowed', 'certificate'))
      expect(await ended({ ca: 'none' })).toMatchObject(failed('InvalidSpec', 'caSecretRef'))
      expect(await ended({}, realm, `${keycloak.secureUrl}/auth`)).toMatchObject(failed('InvalidSpec', 'url'))
    })
  })

  it('that is none is no Keycloak', async () => {
    const realm = await keycloak.realm(realmOf(people(2), [{ name: 'one', users: [], groups: [] }]))
    for (const [path, body] of [
      ['/users?', { error: 'no list' }],
      ['/users?', [{ username: 'without an id' }]],
      ['/users?', [null]],
      ['/users/count', 'many'],
      ['/users/count', -1],
      ['/groups?', [{ id: '1', name: 'of Keycloak 22', subGroups: [] }]],
      ['/groups?', [{ id: '1', subGroupCount: 0 }]],
      ['/token', { token: 'none' }],
      ['/token', { access_token: 'two\nlines' }],
    ] as const) {
      await using front = await startFront(keycloak.port)
      front.onRequest = asked => (asked.includes(path) ? { status: 200, body } : undefined)
      const { outcome } = await readAll(driverFor(front.url, realm))
      expect(outcome, path).toMatchObject({ reason: 'NotAllowed', message: expect.stringContaining('Keycloak 24') })
    }
  })

  describeWith('slapd', 'with people from an LDAP server', () => {
    it.each(['true', 'false'])('tells them beside its own (imported: %s)', async importEnabled => {
      const far = people(7).map(person => ({ ...person, login: `far-${person.login}`, email: `far-${person.email}` }))
      await using slapd = await startSlapd(far.map(personEntry), { tls: false })
      const realm = await keycloak.realm(realmOf(people(3), []))
      await realm.admin('POST', '/components', {
        name: 'ldap',
        providerId: 'ldap',
        providerType: 'org.keycloak.storage.UserStorageProvider',
        config: Object.fromEntries(
          Object.entries({
            enabled: 'true',
            priority: '0',
            importEnabled,
            editMode: 'READ_ONLY',
            vendor: 'other',
            connectionUrl: `ldap://127.0.0.1:${slapd.port}`,
            authType: 'simple',
            bindDn: READER,
            bindCredential: PASSWORD,
            usersDn: PEOPLE,
            usernameLDAPAttribute: 'uid',
            rdnLDAPAttribute: 'uid',
            uuidLDAPAttribute: 'entryUUID',
            userObjectClasses: 'inetOrgPerson',
            searchScope: '1',
            pagination: 'true',
          }).map(([key, value]) => [key, [value]]),
        ),
      })
      const driver = driverFor(keycloak.secureUrl, realm, { spec: { pageSize: 4 } })
      const told = await readAll(driver)
      const again = await readAll(driver)
      const all = [...people(3), ...far].map(({ login }) => login).sort()
      expect([told.outcome, loginsOf(told.users)]).toMatchObject([{ outcome: 'Complete' }, all])
      expect(again.users.map(({ id }) => id).sort()).toEqual(told.users.map(({ id }) => id).sort())
      expect(new Set(told.users.map(({ id }) => id)).size).toBe(10)
    })
  })

  readsBySCIM(() => keycloak)
  runsBesideKeycloak(() => keycloak)
})
