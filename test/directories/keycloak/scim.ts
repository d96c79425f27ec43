import { describe, expect, it } from 'vitest'
import { dialer } from '../../../src/app/dialer.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { scimDriver } from '../../../src/directories/scim/driver.ts'
import { type ContractGroup, readAll } from '../../contract/directory.ts'
import { CLIENT, CLIENT_SECRET, type Keycloak, startFront } from '../../peers/keycloak.ts'
import { realmOf } from './reading.ts'

const PAGE = 4

/** Keycloak is a SCIM server too; a preview in 26, which is turned on in each realm. */
export const readsBySCIM = (serving: () => Keycloak): void => {
  const opened = async (count: number, beneath: readonly ContractGroup[] = []) => {
    const keycloak = serving()
    const people = Array.from({ length: count }, (_, index) => ({
      login: `u${index}`,
      email: `u${index}@acme.example`,
      givenName: 'Given',
      familyName: `Family ${index}`,
      disabled: index === 1,
    }))
    const groups = people.map(({ login }, index) => ({ name: `g${index}`, users: [login, 'u0'], groups: [] }))
    const realm = await keycloak.realm({ ...realmOf(people, [...groups, ...beneath]), scimApiEnabled: true })
    const front = await startFront(keycloak.port)
    const url = `${front.url}/realms/${realm.name}/scim/v2`
    const client = (await realm.admin('GET', `/clients?clientId=${CLIENT}`)).body[0].id
    await realm.admin('POST', `/clients/${client}/protocol-mappers/models`, {
      name: 'scim',
      protocol: 'openid-connect',
      protocolMapper: 'oidc-audience-mapper',
      config: { 'included.custom.audience': url, 'access.token.claim': 'true' },
    })
    const form = { grant_type: 'client_credentials', client_id: CLIENT, client_secret: CLIENT_SECRET }
    const place = `${front.url}/realms/${realm.name}/protocol/openid-connect/token`
    const given = await fetch(place, { method: 'POST', body: new URLSearchParams(form) })
    const { access_token: value } = (await given.json()) as { access_token: string }
    const driver = scimDriver({
      spec: { url, tokenSecretRef: { name: 'scim', key: 'token' }, groups: {}, pageSize: PAGE },
      dialer: dialer({ allowPrivate: ['*'] }),
      clock: systemClock(),
      limits: {},
      token: async () => ({ value, hosts: ['localhost'] }),
      random: () => 0,
    })
    return { front, driver, people }
  }

  describe('by SCIM', () => {
    it.each([1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1])('%i people and groups are told, each once', async count => {
      const { front, driver, people } = await opened(count)
      await using _ = front
      const told = await readAll(driver)
      expect(told.outcome.outcome).toBe('Complete')
      const logins = new Map(told.users.map(({ id, login = '' }) => [id, login]))
      expect(told.users.map(({ login, email, active }) => [login, email, active]).sort()).toEqual(
        people.map(({ login, email, disabled }) => [login, email, !disabled]).sort(),
      )
      expect(told.groups.map(({ name, users }) => [name, users.map(id => logins.get(id)).sort()]).sort()).toEqual(
        people.map(({ login }, index) => [`g${index}`, [...new Set(['u0', login])].sort()]).sort(),
      )
      const check = await driver.check({ signal: new AbortController().signal })
      expect('rights' in check && check.rights.filter(({ held }) => !held)).toEqual([])
    })

    it('groups beneath groups are not listed, which the manual says', async () => {
      const { front, driver } = await opened(1, [{ name: 'g0/inner', users: ['u0'], groups: [] }])
      await using _ = front
      const { outcome, groups } = await readAll(driver)
      expect([outcome.outcome, groups.map(({ name }) => name)]).toEqual(['Complete', ['g0']])
    })

    it('a read is never complete when it broke, whatever the request', async () => {
      const { front, driver } = await opened(2 * PAGE + 1)
      await using _ = front
      const whole = await readAll(driver)
      expect(whole.outcome.outcome).toBe('Complete')
      for (let request = whole.outcome.requests; request >= 1; request--) {
        front.breakAt(request)
        const broken = await readAll(driver)
        expect(broken.outcome, `request ${request}`).toMatchObject({
          outcome: expect.stringMatching(/^(Partial|Failed)$/),
        })
        for (const user of broken.users) expect(whole.users).toContainEqual(user)
        for (const group of broken.groups) expect(whole.groups).toContainEqual(group)
      }
    })
  })
}
