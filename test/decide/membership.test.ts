import { describe, expect, it } from 'vitest'
import type { Attempt, MembershipSpec } from '../../src/api/membership.ts'
import {
  activeGrants,
  declarationReturns,
  hasDeclined,
  hasLeft,
  isJoined,
  newMembership,
  takesAccess,
  withdrawAttempts,
} from '../../src/decide/membership.ts'

const NINE = Date.parse('2026-03-02T09:00:00Z')
const at = (hours: number) => new Date(NINE + hours * 3_600_000).toISOString()
const blank = newMembership({ organization: 'acme', address: 'a@acme.example', nonce: Buffer.alloc(32, 7), now: NINE })
const member: MembershipSpec = { ...blank, joined: { time: at(1), how: 'Link', attempt: 1 } }
const attempt = (number: number, expires: number, more: Partial<Attempt> = {}): Attempt => ({
  number,
  series: 1,
  purpose: 'Invitation',
  actor: 'source/people',
  automatic: false,
  roles: [],
  claimedTime: at(0),
  epoch: 1,
  deadline: at(0),
  tries: 1,
  outcome: 'Sent',
  expirationTime: at(expires),
  ...more,
})

describe('belonging', () => {
  const cases: [because: string, spec: MembershipSpec, joined: boolean][] = [
    ['nothing has happened', blank, false],
    ['joined', member, true],
    ['left since', { ...member, left: { time: at(2) } }, false],
    ['left in a former life, joined again', { ...member, left: { time: at(0), released: at(0.5) } }, true],
    ['ended', { ...member, ended: { time: at(2), by: 'source/people', because: 'x' } }, false],
    ['declined once, accepted later', { ...member, declined: { time: at(0), attempt: 1, reported: false } }, true],
  ]
  it.each(cases)('%s', (_because, spec, joined) => {
    expect(isJoined(spec)).toBe(joined)
  })
})

describe('grants', () => {
  const grant = (hours: number) => ({
    invitation: 'i',
    uid: String(hours),
    roles: ['viewer'],
    by: 'user/eve',
    time: at(hours),
  })
  it('count from the joining on: those of a former life give nothing', () => {
    const spec = { ...member, grants: [grant(0.5), grant(1), grant(2)] }
    expect(activeGrants(spec).map(one => one.uid)).toEqual(['1', '2'])
  })
  it('give nothing to who does not belong', () => {
    expect(activeGrants({ ...blank, grants: [grant(1)] })).toEqual([])
    expect(activeGrants({ ...member, left: { time: at(3) }, grants: [grant(2)] })).toEqual([])
  })
})

describe('withdrawing', () => {
  it('kills what may still work and the last attempt, and notes nothing twice', () => {
    const spec = { ...blank, attempts: [attempt(1, -5), attempt(2, 24), attempt(3, -1)] }
    const withdrawn = withdrawAttempts(spec, NINE)
    expect(withdrawn.attempts.map(one => one.withdrawnTime)).toEqual([undefined, at(0), at(0)])
    expect(withdrawAttempts(withdrawn, NINE + 1000)).toBe(withdrawn)
    expect(withdrawAttempts(blank, NINE)).toBe(blank)
  })
})

describe('a declaration that comes back', () => {
  const series = [
    { number: 1, openedBy: 'declaration', time: at(0) },
    { number: 1, openedBy: 'invitation/u', time: at(0) },
  ]
  it('is as if seen for the first time, and keeps what an Invitation has asked', () => {
    const spec = {
      ...member,
      series,
      attempts: [attempt(1, 24)],
      left: { time: at(2) },
      declined: { time: at(0), attempt: 1, reported: true },
    }
    const back = declarationReturns(spec, NINE + 3 * 3_600_000)
    expect(back.series.map(one => one.openedBy)).toEqual(['invitation/u'])
    expect(back.joined).toBeUndefined()
    expect(hasLeft(back) || hasDeclined(back)).toBe(false)
    expect(back).toMatchObject({
      left: { time: at(2), released: at(3) },
      declined: { reported: true, released: at(3) },
      attempts: [{ withdrawnTime: at(3) }],
    })
  })
  it('takes nothing from who belongs by an Invitation', () => {
    expect(declarationReturns({ ...member, series }, NINE).joined).toEqual(member.joined)
  })
})

describe('a write that takes', () => {
  const settled = { roles: ['editor'], groups: ['platform'], permissions: ['documents:*'], time: at(1) }
  const full = { ...member, settled }
  const cases: [because: string, after: MembershipSpec, takes: boolean][] = [
    ['the same', { ...full, settled: { ...settled } }, false],
    ['a later time', { ...full, settled: { ...settled, time: at(5) } }, false],
    ['a role more', { ...full, settled: { ...settled, roles: ['editor', 'viewer'] } }, false],
    ['a role less', { ...full, settled: { ...settled, roles: [] } }, true],
    ['a group less', { ...full, settled: { ...settled, groups: [] } }, true],
    ['a permission less', { ...full, settled: { ...settled, permissions: ['documents:read'] } }, true],
    ['a denial more', { ...full, settled: { ...settled, permissions: ['!documents:delete', 'documents:*'] } }, true],
    ['the same written wider', { ...full, settled: { ...settled, permissions: ['*:*'] } }, false],
    ['no access any more', member, true],
    ['ended', { ...full, ended: { time: at(2), by: 'x', because: 'x' } }, true],
    ['the joining forgotten', { ...blank, settled }, true],
  ]
  it.each(cases)('%s', (_because, after, takes) => {
    expect(takesAccess(full, after)).toBe(takes)
  })
})
