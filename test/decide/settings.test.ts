import { describe, expect, it } from 'vitest'
import { API_VERSION } from '../../src/api/names.ts'
import type { Organization, OrganizationSpec } from '../../src/api/organization.ts'
import { placement, settingsOf } from '../../src/decide/settings.ts'

const organization = (name: string, spec: OrganizationSpec = {}): Organization => ({
  apiVersion: API_VERSION,
  kind: 'Organization',
  metadata: { name, uid: name, resourceVersion: '1', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec,
})
const lookup =
  (...all: Organization[]) =>
  (name: string) =>
    all.find(one => one.metadata.name === name)
const names = (chain: Organization[]) => chain.map(one => one.metadata.name)

describe('the place of an organization', () => {
  it('is below the parent that names it', () => {
    const found = placement(
      'c',
      lookup(
        organization('a', { children: ['b'] }),
        organization('b', { parent: 'a', children: ['c'] }),
        organization('c', { parent: 'b' }),
      ),
    )
    expect([names(found.chain), found.problem]).toEqual([['c', 'b', 'a'], undefined])
  })
  it.each([
    ['a parent that does not name it', [organization('a'), organization('b', { parent: 'a' })], 'ParentNotConfirmed'],
    ['a parent that is not there', [organization('b', { parent: 'a' })], 'ReferenceNotFound'],
    [
      'parents in a circle',
      [organization('a', { parent: 'b', children: ['b'] }), organization('b', { parent: 'a', children: ['a'] })],
      'ReferenceCycle',
    ],
    ['itself as parent', [organization('b', { parent: 'b', children: ['b'] })], 'ReferenceCycle'],
  ])('inherits nothing from %s', (_, all, reason) => {
    const found = placement('b', lookup(...all))
    expect(names(found.chain)).toEqual(['b'])
    expect(found.problem?.reason).toBe(reason)
  })
})

describe('settings', () => {
  it('are inherited leaf by leaf, the nearest wins, lists whole', () => {
    const parent = organization('a', {
      timeZone: 'Europe/Vienna',
      invitations: { validFor: '48h', dailyLimit: 7 },
      portal: { productName: 'Safe', links: [{ title: 'x', url: 'https://x.example' }] },
      mail: { locale: 'de', templates: { welcome: 'Hi' } },
    })
    const child = organization('b', {
      invitations: { validFor: '12h' },
      portal: { homeUrl: 'https://b.example', links: [] },
    })
    expect(settingsOf([child, parent])).toMatchObject({
      timeZone: 'Europe/Vienna',
      invitations: { validFor: 12 * 3_600_000, dailyLimit: 7, dailyLimitPerInviter: 50, maxAttempts: 3 },
      portal: { productName: 'Safe', homeUrl: 'https://b.example', links: [] },
      mail: { locale: 'de', templates: { welcome: 'Hi' }, replyTo: 'Sender' },
    })
  })
  it('that name the organization itself are never inherited', () => {
    const parent = organization('a', {
      displayName: 'A',
      customerId: '1',
      domains: ['a.example'],
      contacts: [{ name: 'x', purpose: 'Support' }],
    })
    expect(settingsOf([organization('b'), parent])).toMatchObject({
      displayName: 'b',
      customerId: undefined,
      domains: [],
      contacts: [],
      chain: ['b', 'a'],
    })
  })
  it('let no link live for less than a minute or more than 30 days', () => {
    expect(settingsOf([organization('a', { invitations: { validFor: '1s' } })]).invitations.validFor).toBe(60_000)
    expect(settingsOf([organization('a', { invitations: { validFor: '9000h' } })]).invitations.validFor).toBe(
      30 * 86_400_000,
    )
  })
})
