import { describe, expect, it } from 'vitest'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { CLIENT, CLIENT_SECRET, type Keycloak } from '../../peers/keycloak.ts'
import { openOffice } from '../office.ts'
import { realmOf } from './reading.ts'

const specOf = (url: string, realm: string) => `  type: Keycloak
  keycloak:
    url: ${url}
    realm: ${realm}
    clientId: ${CLIENT}
    clientSecretRef: {name: keycloak, key: secret}
    caSecretRef: {name: keycloak, key: ca.pem}
  policy: Observe
`

const person = (login: string) => ({ login, email: `${login}@acme.example`, familyName: login })

/** A whole controller, as a process, with its command line. */
export const runsBesideKeycloak = (serving: () => Keycloak): void => {
  describe('a controller beside a Keycloak', () => {
    it('reads it with a secret that is meant for it, and keeps who was there when it no longer may', async () => {
      const keycloak = serving()
      const realm = await keycloak.realm(
        realmOf([person('ann'), person('ben')], [{ name: 'red', users: ['ann'], groups: [] }]),
      )
      await using office = await openOffice('keycloak', specOf(keycloak.secureUrl, realm.name))
      const { place, secret, reasons, sync } = office
      await secret('secret', CLIENT_SECRET)
      await secret('ca.pem', LOCALHOST_CERTIFICATE)
      await secret('.used-by', 'directory/keycloak')

      const running = await place.run('acme', '--secrets', 'secrets', '--allow-private', 'localhost')
      expect(await reasons()).toContain('Stalled True SecretAudience')
      await secret('.hosts', 'localhost')
      const whole = await sync()
      expect([whole.code, whole.err]).toEqual([0, ''])
      expect(whole.out).toContain('2 people, 1 group')
      expect(whole.out).toContain('1 declared, 1 not declared')
      const checked = await place.roster('check', 'keycloak', '--secrets', 'secrets', '--allow-private', 'localhost')
      expect([checked.code, checked.err]).toEqual([0, ''])
      for (const line of ['✓ shows people (view-users): 2', '✓ shows members of groups (view-users)', '(declared)'])
        expect(checked.out).toContain(line)

      await realm.allow('query-users', 'query-groups')
      expect((await sync()).code).toBe(1)
      expect(await reasons()).toContain('Stalled True NotAllowed')
      await secret('secret', 'not-the-secret')
      expect((await sync()).code).toBe(1)
      expect(await reasons()).toContain('Stalled True CredentialsRefused')
      const { items } = await place.json<{ items: { spec: { missingTime?: string } }[] }>('get', 'directoryrecords')
      expect(items.map(({ spec }) => spec.missingTime)).toEqual([undefined, undefined, undefined])
      const { out, err } = await running.stop()
      for (const text of [out, err, whole.out, checked.out])
        for (const word of [CLIENT_SECRET, 'not-the-secret', 'eyJ', 'Bearer']) expect(text).not.toContain(word)
    })
  })
}
