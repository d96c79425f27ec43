import { describe, expect, it } from 'vitest'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { canDo, isAdmin, standingOf } from '../../src/decide/can.ts'

const T = '2026-11-22T09:00:00.000Z'
const now = Date.parse('2026-11-22T10:00:00Z')
const membership = (
  organization: string,
  permissions: string[],
  more: Partial<MembershipSpec> = {},
): MembershipSpec => ({
  organization,
  address: 'alice@acme.example',
  since: T,
  nonce: 'n'.repeat(43),
  series: [],
  attempts: [],
  mails: [],
  grants: [],
  joined: { time: T, how: 'Link' },
  settled: { roles: ['some'], groups: [], permissions, time: T },
  ...more,
})
const can = (permission: string, memberships: MembershipSpec[], suspended = false) =>
  canDo({ permission, chain: ['client', 'reseller'], memberships, suspended, now })

describe('can', () => {
  it.each<[string, MembershipSpec[], boolean, string]>([
    ['given here', [membership('client', ['users:read'])], true, 'Allowed'],
    ['not given', [membership('client', ['audit:read'])], false, 'NotGiven'],
    ['no membership there or above', [membership('elsewhere', ['*:*'])], false, 'NoMembership'],
    ['given above for all below', [membership('reseller', ['>users:*'])], true, 'Allowed'],
    ['given above for there only', [membership('reseller', ['users:*'])], false, 'NotGiven'],
    [
      'given above, denied here',
      [membership('reseller', ['>users:*']), membership('client', ['!users:read'])],
      false,
      'Denied',
    ],
    [
      'given here, denied above for all below',
      [membership('client', ['users:*']), membership('reseller', ['!>users:read'])],
      false,
      'Denied',
    ],
    [
      'given here, denied above for there only',
      [membership('client', ['users:*']), membership('reseller', ['!users:read'])],
      true,
      'Allowed',
    ],
    [
      'denied by a membership that was left',
      [membership('client', ['users:*']), membership('reseller', ['!>users:read'], { left: { time: T } })],
      true,
      'Allowed',
    ],
    ['given, but left', [membership('client', ['users:*'], { left: { time: T } })], false, 'Left'],
    [
      'given, left and come back',
      [membership('client', ['users:*'], { left: { time: T, released: T } })],
      true,
      'Allowed',
    ],
    [
      'given, but ended',
      [membership('client', ['users:*'], { ended: { time: T, by: 'controller', because: '' } })],
      false,
      'Ended',
    ],
    [
      'given to somebody invited',
      [{ ...membership('client', ['users:*']), joined: undefined as never }],
      false,
      'Invited',
    ],
  ])('%s', (_, memberships, may, because) => {
    expect(can('users:read', memberships)).toMatchObject({ may, because })
  })

  it('ends at the very second of `until`, before any pass', () => {
    const until = (time: string) =>
      can('users:read', [
        membership('client', ['users:*'], { declared: { present: true, roles: [], join: 'Invitation', until: time } }),
      ])
    expect(until('2026-11-22T10:00:00.001Z').may).toBe(true)
    expect(until('2026-11-22T10:00:00.000Z')).toMatchObject({ may: false, because: 'Ended' })
  })

  it('is no for whoever is suspended, and names that', () => {
    const settled = membership('client', ['users:*'])
    if (settled.settled) settled.settled.suspended = true
    expect(can('users:read', [settled], true)).toMatchObject({ may: false, because: 'Suspended' })
    // In one organization, by a directory; or everywhere, and it is taken back: the next pass settles that.
    expect(can('users:read', [settled])).toMatchObject({ may: false, because: 'Suspended' })
    expect(can('users:read', [membership('client', ['users:*'])]).may).toBe(true)
  })

  it('is yes while a suspension waits for the guard', () => {
    expect(can('users:read', [membership('client', ['users:*'])], true).may).toBe(true)
  })

  it('names the ways, nearest organization first', () => {
    expect(can('users:read', [membership('reseller', ['>users:*']), membership('client', [])]).ways).toEqual([
      { organization: 'client', where: 'here', standing: 'Active', says: 'silent' },
      { organization: 'reseller', where: 'below', standing: 'Active', says: 'allowed' },
    ])
  })

  it('knows admins by what they may do', () => {
    const admin = (permissions: string[]) =>
      isAdmin({ chain: ['client'], memberships: [membership('client', permissions)], suspended: false, now })
    expect([
      admin(['users:update']),
      admin(['roles:*']),
      admin(['users:read']),
      admin(['*:*', '!users:*', '!roles:*']),
    ]).toEqual([true, true, false, false])
  })
})

describe('standing', () => {
  it('of who joined without a role is restricted', () => {
    const bare = membership('client', [], { settled: { roles: [], groups: [], permissions: [], time: T } })
    expect(standingOf(bare, { suspended: false, now })).toBe('Restricted')
  })
})
