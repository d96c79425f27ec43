import { expect, it } from 'vitest'
import { describeWith } from '../../parts.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { GROUPS, PASSWORD, PEOPLE, READER, startSlapd } from '../../peers/slapd.ts'
import { openOffice } from '../office.ts'

const specOf = (port: number) => `  type: LDAP
  ldap:
    url: ldaps://localhost:${port}
    bindDn: '${READER}'
    passwordSecretRef: {name: ldap, key: password}
    caSecretRef: {name: ldap, key: ca.pem}
    users: {base: '${PEOPLE}'}
    groups: {base: '${GROUPS}'}
  policy: Observe
`

const person = (login: string) =>
  [
    `uid=${login},${PEOPLE}`,
    { objectClass: 'inetOrgPerson', uid: login, cn: login, sn: login, mail: `${login}@acme.example` },
  ] as const

describeWith('slapd', 'a controller beside an LDAP server', () => {
  it('reads it with a secret that is meant for it, and says what is wrong with any other', async () => {
    await using server = await startSlapd([
      person('ann'),
      person('ben'),
      [`cn=red,${GROUPS}`, { objectClass: 'groupOfNames', cn: 'red', member: `uid=ann,${PEOPLE}` }],
    ])
    await using office = await openOffice('ldap', specOf(server.securePort))
    const { place, secret, reasons, sync } = office
    await secret('password', PASSWORD)
    await secret('ca.pem', LOCALHOST_CERTIFICATE)

    const running = await place.run('acme', '--secrets', 'secrets', '--allow-private', 'localhost')
    expect(await reasons()).toContain('Stalled True SecretAudience')
    await secret('.used-by', 'directory/ldap')
    expect((await sync()).out).toContain('localhost')
    expect(await reasons()).toContain('Stalled True SecretAudience')
    await secret('.hosts', 'localhost')
    const whole = await sync()
    expect([whole.code, whole.err]).toEqual([0, ''])
    expect(whole.out).toContain('2 people, 1 group')
    expect(whole.out).toContain('1 declared, 1 not declared')
    const checked = await place.roster('check', 'ldap', '--secrets', 'secrets', '--allow-private', 'localhost')
    expect([checked.code, checked.err]).toEqual([0, ''])
    expect(checked.out).toContain('(declared)')

    await secret('password', 'wrong')
    expect((await sync()).code).toBe(1)
    expect(await reasons()).toContain('Stalled True CredentialsRefused')
    await secret('password', PASSWORD)
    await server.kill()
    expect((await sync()).code).toBe(1)
    expect(await reasons()).toContain('Reconciling True Unreachable')
    const { items } = await place.json<{ items: { spec: { missingTime?: string } }[] }>('get', 'directoryrecords')
    expect(items.map(({ spec }) => spec.missingTime)).toEqual([undefined, undefined, undefined])
    const { out, err } = await running.stop()
    for (const text of [out, err]) for (const word of [PASSWORD, 'wrong']) expect(text).not.toContain(word)
  }, 120_000)
})
