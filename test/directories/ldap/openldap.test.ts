import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAll } from '../../contract/directory.ts'
import { describeWith } from '../../parts.ts'
import { STRANGER_CERTIFICATE } from '../../peers/certificate.ts'
import { GROUPS, type Ldif, PEOPLE, READER, type Slapd, SUFFIX, startBreaker, startSlapd } from '../../peers/slapd.ts'
import { driverFor, groupDn, groupEntry, personDn, personEntry } from './reading.ts'

const person = (login: string) => personEntry({ login, email: `${login}@acme.example`, familyName: login })
const never = new AbortController().signal

describeWith('slapd', 'a real OpenLDAP', () => {
  describe('with ten thousand people', () => {
    const logins = Array.from({ length: 10_000 }, (_, index) => `u${index}`)
    const members = logins.slice(0, 3000)
    let slapd: Slapd
    beforeAll(async () => {
      slapd = await startSlapd([
        ...logins.map(person),
        groupEntry({ name: 'large', users: members, groups: ['ring'] }),
        groupEntry({ name: 'ring', users: [], groups: ['large', 'ring'] }),
      ])
    })
    afterAll(() => slapd[Symbol.asyncDispose]())

    it('tells each of them, with a group of three thousand and its circle', async () => {
      const told = await readAll(driverFor(`ldap://localhost:${slapd.port}`))
      // StartTLS, bind, 20 pages of people, and groups twice.
      expect(told.outcome).toEqual({ outcome: 'Complete', requests: 24 })
      expect(new Set(told.users.map(user => user.login))).toEqual(new Set(logins))
      const ids = new Map(told.users.map(user => [user.id, user.login]))
      const [large, ring] = [...told.groups].sort((a, b) => (a.name < b.name ? -1 : 1))
      expect(large?.users.map(id => ids.get(id)).sort()).toEqual([...members].sort())
      expect(large?.groups).toEqual([ring?.id])
      expect(ring).toMatchObject({ users: [], groups: [large?.id, ring?.id].sort() })
    })

    it('is never complete when it breaks after any number of bytes', async () => {
      await using breaker = await startBreaker(slapd.securePort)
      const driver = driverFor(`ldaps://localhost:${breaker.port}`)
      const whole = await readAll(driver)
      expect(whole.outcome.outcome).toBe('Complete')
      const all = breaker.bytes
      // The last bytes say that the last page is the last one, or only say goodbye.
      for (const at of [100, 3000, ...[1, 2, 3, 4, 5, 6, 7].map(part => Math.floor((all * part) / 8)), all - 200]) {
        breaker.atByte(at)
        const broken = await readAll(driver)
        expect(broken.outcome, `byte ${at} of ${all}`).toMatchObject({
          outcome: broken.users.length > 0 ? 'Partial' : 'Failed',
          reason: 'Unreachable',
        })
        expect(broken.groups).toEqual([])
      }
    })

    it('is partial when the server is killed in the middle', async () => {
      await using doomed = await startSlapd(logins.slice(0, 300).map(person))
      const driver = driverFor(`ldaps://localhost:${doomed.securePort}`, { spec: { pageSize: 100 } })
      let told = 0
      const outcome = await driver.read({
        signal: never,
        take: async page => {
          told += page.users?.length ?? 0
          await doomed.kill()
        },
      })
      expect(outcome).toMatchObject({ outcome: 'Partial', reason: 'Unreachable' })
      expect(told).toBe(100)
      expect((await readAll(driver)).outcome).toMatchObject({ outcome: 'Failed', reason: 'Unreachable' })
    })
  })

  describe('with a few', () => {
    const extra: Ldif[] = [
      [
        groupDn('Unique, "one"'),
        { objectClass: 'groupOfUniqueNames', cn: 'Unique, "one"', uniqueMember: [`UID=A ,  ${PEOPLE}#'01'B`, READER] },
      ],
      [
        groupDn('posix'),
        { objectClass: 'posixGroup', cn: 'posix', gidNumber: '1', memberUid: ['b', 'nobody'], description: 'By login' },
      ],
      [
        `uid=many,${PEOPLE}`,
        {
          objectClass: 'inetOrgPerson',
          uid: 'many',
          cn: 'Many',
          sn: 'Many',
          mail: ['z@acme.example', 'a@acme.example', 'many@acme.example'],
        },
      ],
    ]
    let slapd: Slapd
    beforeAll(async () => {
      slapd = await startSlapd([person('a'), person('b'), ...extra])
    })
    afterAll(() => slapd[Symbol.asyncDispose]())
    const url = () => `ldaps://localhost:${slapd.securePort}`

    it('finds members by unique name and by login', async () => {
      const told = await readAll(driverFor(url()))
      expect(told.outcome.outcome).toBe('Complete')
      const id = (login: string) => told.users.find(user => user.login === login)?.id
      expect([...told.groups].sort((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
        { name: 'Unique, "one"', users: [id('a')], groups: [] },
        { name: 'posix', description: 'By login', users: [id('b')], groups: [] },
      ])
    })

    it('takes the address with the login for the main one', async () => {
      const { users } = await readAll(driverFor(url()))
      expect(users.find(user => user.login === 'many')).toMatchObject({
        email: 'many@acme.example',
        aliases: ['a@acme.example', 'z@acme.example'],
      })
    })

    it('reads by the filter that is given, in all letters', async () => {
      const filter = '(&(objectClass=inetOrgPerson)(|(uid=a)(sn=M\\c3\\bcller)))'
      const told = await readAll(driverFor(url(), { spec: { users: { base: PEOPLE, filter } } }))
      expect(told.users.map(user => user.login)).toEqual(['a'])
    })

    it.each([
      ['another authority', { ca: STRANGER_CERTIFICATE }, 'NotAllowed', /certificate of ldaps.*caSecretRef/],
      ['no certificate for authority', { ca: 'junk' }, 'InvalidSpec', /caSecretRef/],
      ['a wrong password', { password: 'wrong' }, 'CredentialsRefused', /refuses the password of cn=reader/],
      ['no password', { password: '' }, 'CredentialsRefused', /no password/],
      ['a secret for other hosts', { hosts: ['ldap.other.example'] }, 'SecretAudience', /may not be sent to localhost/],
      ['nobody', { anonymous: true }, 'NotAllowed', /does not let anonymous read/],
      ['a base that is not there', { spec: { users: { base: `ou=x,${SUFFIX}` } } }, 'InvalidSpec', /has no entry ou=x/],
      ['a base that is none', { spec: { users: { base: 'people' } } }, 'InvalidSpec', /base people/],
      ['a filter that is none', { spec: { users: { base: PEOPLE, filter: '(uid=a' } } }, 'InvalidSpec', /\(uid=a/],
    ] as const)('fails with %s, and says what to do', async (_, more, reason, message) => {
      const told = await readAll(driverFor(url(), more as Parameters<typeof driverFor>[1]))
      expect(told.outcome).toMatchObject({ outcome: 'Failed', reason, message: expect.stringMatching(message) })
      expect(told.users).toEqual([])
    })

    it('fails over StartTLS too where the authority is another', async () => {
      const told = await readAll(driverFor(`ldap://localhost:${slapd.port}`, { ca: STRANGER_CERTIFICATE }))
      expect(told.outcome).toMatchObject({ outcome: 'Failed', reason: 'NotAllowed', requests: 1 })
    })

    it('does not see an empty place where it may not look', async () => {
      await using shut = await startSlapd([person('a')], {
        lines: [`access to dn.subtree="${PEOPLE}" by * none`, 'access to * by anonymous auth by * read'],
      })
      const told = await readAll(driverFor(`ldaps://localhost:${shut.securePort}`))
      expect(told.outcome).toMatchObject({ outcome: 'Failed' })
    })

    it('leaves out who has no id that we may read, and is partial', async () => {
      await using veiled = await startSlapd([person('a'), person('b')], {
        lines: [
          `access to dn.base="${personDn('b')}" attrs=entryUUID by * none`,
          'access to * by anonymous auth by * read',
        ],
      })
      const told = await readAll(driverFor(`ldaps://localhost:${veiled.securePort}`))
      expect(told.users.map(user => user.login)).toEqual(['a'])
      expect(told.outcome).toMatchObject({
        outcome: 'Partial',
        message: expect.stringMatching(/^1 entries.*entryUUID/),
      })
    })

    it.each([1, 2, 3])('is partial at a size limit of the server, in pages of %i', async pageSize => {
      await using limited = await startSlapd(['a', 'b', 'c', 'd', 'e'].map(person), {
        lines: ['access to * by anonymous auth by * read', 'limits users size=3 size.prtotal=3'],
      })
      const told = await readAll(driverFor(`ldaps://localhost:${limited.securePort}`, { spec: { pageSize } }))
      expect(told.outcome).toMatchObject({ outcome: 'Partial', reason: 'NotAllowed' })
      expect(told.outcome).toMatchObject({ message: expect.stringContaining('limit') })
      expect(told.users.length).toBeGreaterThan(0)
      expect(told.users.length).toBeLessThan(5)
    })

    it('does not follow a referral, and is partial', async () => {
      const elsewhere: Ldif = [
        `ou=elsewhere,${PEOPLE}`,
        { objectClass: ['referral', 'extensibleObject'], ou: 'elsewhere', ref: `ldap://other.example/ou=x,${SUFFIX}` },
      ]
      await using referring = await startSlapd([person('a'), elsewhere])
      const told = await readAll(driverFor(`ldaps://localhost:${referring.securePort}`))
      expect(told.users.map(user => user.login)).toEqual(['a'])
      expect(told.outcome).toMatchObject({
        outcome: 'Partial',
        message: expect.stringContaining('ldap://other.example/'),
      })
    })

    it('sends nothing to a server without TLS', async () => {
      await using plain = await startSlapd([person('a')], { tls: false })
      const told = await readAll(driverFor(`ldap://localhost:${plain.port}`))
      expect(told.outcome).toMatchObject({
        outcome: 'Failed',
        reason: 'NotAllowed',
        requests: 1,
        message: expect.stringContaining('StartTLS'),
      })
    })

    it('checks what it may', async () => {
      const check = await driverFor(url()).check({ signal: never })
      expect(check).toEqual({
        server: `ldaps://localhost:${slapd.securePort}, OpenLDAP`,
        rights: [
          'encrypts the connection (TLSv1.3)',
          `lets ${READER} sign in`,
          'answers in pages',
          `shows people beneath ${PEOPLE}: 3`,
          'shows the id of people (entryUUID)',
          `shows groups beneath ${GROUPS}: 2`,
          'shows the id of groups (entryUUID)',
        ].map(what => ({ held: true, what })),
      })
    })
  })
})
