import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Directory } from '../../../src/api/directory.ts'
import { Workplace } from '../../e2e/process.ts'
import { describeWith } from '../../parts.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { GROUPS, PASSWORD, PEOPLE, READER, startSlapd } from '../../peers/slapd.ts'

const manifests = (port: number) => `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ann}
spec: {email: ann@acme.example, memberships: [{organization: acme, join: None}]}
---
apiVersion: roster.dev/v1alpha1
kind: Directory
metadata: {name: ldap}
spec:
  organization: acme
  type: LDAP
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
    await using place = await Workplace.make()
    await mkdir(join(place.folder, 'acme'))
    await writeFile(join(place.folder, 'acme', 'acme.yaml'), manifests(server.securePort))
    const secret = async (name: string, text: string) => {
      await mkdir(join(place.folder, 'secrets', 'ldap'), { recursive: true })
      await writeFile(join(place.folder, 'secrets', 'ldap', name), text)
    }
    await secret('password', PASSWORD)
    await secret('ca.pem', LOCALHOST_CERTIFICATE)

    const running = await place.run('acme', '--secrets', 'secrets', '--allow-private', 'localhost')
    const reasons = async () => {
      const { status } = await place.json<Directory>('get', 'directory', 'ldap')
      return status?.conditions?.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`)
    }
    const sync = () => place.roster('sync', 'ldap')
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
