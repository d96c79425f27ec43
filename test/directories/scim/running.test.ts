import { expect, it } from 'vitest'
import type { DirectoryRecord } from '../../../src/api/directoryrecord.ts'
import { describeWith } from '../../parts.ts'
import { startScim, TOKEN } from '../../peers/scim.ts'
import { openOffice } from '../office.ts'

const specOf = (url: string) => `  type: SCIM
  scim:
    url: ${url}
    tokenSecretRef: {name: crm, key: token}
    groups: {}
  policy: Observe
`

const person = (login: string, more: Readonly<Record<string, unknown>> = {}) => ({
  userName: login,
  externalId: `hr-${login}`,
  emails: [{ value: `${login}@acme.example`, primary: true }],
  ...more,
})

describeWith('scim2-server', 'a controller beside a SCIM service', () => {
  it('reads it with a token that is meant for it, sees who is gone, and shows what it found', async () => {
    await using server = await startScim()
    const tenant = server.tenant('acme')
    const [ann, ben] = await tenant.fill('/Users', [person('ann'), person('ben', { active: false })])
    await tenant.fill('/Groups', [{ displayName: 'Red', members: [{ value: ann, type: 'User' }] }])
    await using office = await openOffice('crm', specOf(tenant.url))
    const { place, secret, reasons } = office
    await secret('token', TOKEN)
    await secret('.used-by', 'directory/crm')

    const running = await place.run('acme', '--secrets', 'secrets', '--allow-private', '127.0.0.1')
    expect(await reasons()).toContain('Stalled True SecretAudience')
    await secret('.hosts', '127.0.0.1')
    const whole = await place.roster('sync', 'crm')
    expect([whole.code, whole.err]).toEqual([0, ''])
    expect(whole.out).toContain('2 people, 1 group')
    expect(whole.out).toContain('1 declared, 1 not declared')
    const { items } = await place.json<{ items: DirectoryRecord[] }>('get', 'directoryrecords')
    expect(items.find(({ spec }) => spec.id === ben)?.spec.user).toEqual({
      externalId: 'hr-ben',
      login: 'ben',
      email: 'ben@acme.example',
      active: false,
    })

    await tenant.send('DELETE', `/Users/${ben}`)
    expect((await place.roster('sync', 'crm')).out).toContain('0 new, 0 changed, 1 gone')

    const check = await place.roster('check', 'crm', '--secrets', 'secrets', '--allow-private', '127.0.0.1')
    expect([check.code, check.err]).toEqual([0, ''])
    expect(check.out).toContain('✓ tells who is in a group, with the list')
    expect(check.out).toContain('reads    people, groups in groups, disabled accounts')
    await secret('token', 'expired')
    const refused = await place.roster('check', 'crm', '--secrets', 'secrets', '--allow-private', '127.0.0.1')
    expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('CredentialsRefused')])
    const { out, err } = await running.stop()
    for (const text of [out, err, check.out, refused.out]) expect(text).not.toContain(TOKEN)
  }, 120_000)
})
