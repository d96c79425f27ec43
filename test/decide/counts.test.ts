import { describe, expect, it } from 'vitest'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { countsOf } from '../../src/decide/counts.ts'

const NOW = Date.parse('2026-11-22T09:00:00Z')
const T = (hours = 0) => new Date(NOW + hours * 3_600_000).toISOString()
const membership = (more: Partial<MembershipSpec> = {}): MembershipSpec => ({
  organization: 'acme',
  address: 'a@acme.example',
  since: T(-5),
  nonce: 'n'.repeat(43),
  series: [{ number: 1, openedBy: 'declaration', time: T(-5) }],
  attempts: [],
  mails: [],
  grants: [],
  ...more,
})
const attempt = (expires: number, more = {}) => ({
  number: 1,
  series: 1,
  purpose: 'Invitation' as const,
  actor: 'x',
  automatic: false,
  roles: [],
  claimedTime: T(-2),
  epoch: 1,
  deadline: T(-2),
  tries: 1,
  outcome: 'Sent' as const,
  outcomeTime: T(-2),
  expirationTime: T(expires),
  ...more,
})
const joined = { joined: { time: T(-1), how: 'Link' as const } }
const settled = (roles: string[]) => ({ settled: { roles, groups: [], permissions: [], time: T() } })
const suspend = (spec: MembershipSpec): MembershipSpec => ({
  ...spec,
  ...(spec.settled && { settled: { ...spec.settled, suspended: true } }),
})
const count = (members: MembershipSpec[], suspended = false) =>
  countsOf({
    members: members.map(one => ({ membership: suspended ? suspend(one) : one, suspended })),
    pools: [],
    maxAttempts: 1,
    now: NOW,
  })

describe('counts of an organization', () => {
  it.each<[string, MembershipSpec, object]>([
    ['who has a role', membership({ ...joined, ...settled(['editor']) }), { users: { active: 1 } }],
    ['who has none', membership({ ...joined, ...settled([]) }), { users: { restricted: 1 } }],
    ['who waits for the first mail', membership(), { users: { invited: 1 }, invitations: { pending: 0 } }],
    [
      'whose link works',
      membership({ attempts: [attempt(1)] }),
      { users: { invited: 1 }, invitations: { pending: 1 } },
    ],
    ['whose link is over', membership({ attempts: [attempt(-1)] }), { invitations: { pending: 0, expired: 1 } }],
    [
      'whose invitation was withdrawn',
      membership({ attempts: [attempt(1, { withdrawnTime: T() })] }),
      { users: { invited: 0 } },
    ],
    ['who left', membership({ ...joined, left: { time: T() } }), { users: { active: 0, restricted: 0 } }],
  ])('%s', (_, record, expected) => {
    expect(count([record])).toMatchObject(expected)
  })

  it('tell when time changes them', () => {
    const until = { declared: { present: true, roles: [], join: 'None' as const, until: T(2) } }
    expect(count([membership({ attempts: [attempt(3)] }), membership({ ...joined, ...until })]).until).toBe(
      NOW + 2 * 3_600_000,
    )
    expect(count([membership({ attempts: [attempt(-1)] })]).until).toBeUndefined()
    expect(count([membership({ ...joined, ...settled(['x']) })], true)).toMatchObject({
      users: { suspended: 1, active: 0 },
    })
  })
})
