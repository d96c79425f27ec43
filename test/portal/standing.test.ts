import { describe, expect, it } from 'vitest'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { type Entry, entryOf, type Standing, shownStanding } from '../../src/portal/standing.ts'
import { timestamp } from '../../src/ports/clock.ts'

const NOW = Date.parse('2026-01-05T12:00:00Z')
const at = (seconds: number) => timestamp(NOW + seconds * 1000)
const joined = (seconds: number) => ({ time: at(seconds), how: 'Link' as const })
const settled = (...roles: string[]) => ({ roles, groups: [], permissions: [], time: at(-100) })

describe('where a person stands in an organization', () => {
  it.each<[string, Partial<MembershipSpec>, boolean, Standing]>([
    ['invited', {}, false, 'Invited'],
    ['joined a second ago', { joined: joined(-1) }, false, 'Settling'],
    ['joined a minute ago, no role', { joined: joined(-60) }, false, 'Restricted'],
    ['no role is settled', { joined: joined(-1000), settled: settled() }, false, 'Restricted'],
    ['with a role', { joined: joined(-1000), settled: settled('editor') }, false, 'Active'],
    ['with a role a second ago', { joined: joined(-1), settled: settled('editor') }, false, 'Active'],
    ['suspended', { joined: joined(-1000), settled: { ...settled('editor'), suspended: true } }, true, 'Suspended'],
    ['to be suspended, which is held', { joined: joined(-1000), settled: settled('editor') }, true, 'Active'],
    [
      'known and licensed only',
      { joined: joined(-1000), declared: { present: true, roles: [], join: 'None' } },
      false,
      'Outside',
    ],
    [
      'known and licensed only, but no longer declared so',
      { joined: joined(-1000), declared: { present: false, roles: [], join: 'None' } },
      false,
      'Restricted',
    ],
    [
      'until a second ago',
      {
        joined: joined(-1000),
        settled: settled('editor'),
        declared: { present: true, roles: [], join: 'Invitation', until: at(-1) },
      },
      false,
      'Ended',
    ],
    ['left', { joined: joined(-1000), settled: settled('editor'), left: { time: at(-1) } }, false, 'Left'],
    [
      'ended',
      { joined: joined(-1000), settled: settled('editor'), ended: { time: at(-1), by: 'x', because: 'y' } },
      false,
      'Ended',
    ],
  ])('%s', (_, more, suspended, standing) => {
    const spec: MembershipSpec = {
      organization: 'acme',
      address: 'alice@acme.example',
      since: at(-9000),
      nonce: 'n',
      series: [],
      attempts: [],
      mails: [],
      grants: [],
      ...more,
    }
    expect(shownStanding(spec, suspended, NOW)).toBe(standing)
  })
})

describe('whether a person is let in', () => {
  const proven = { proven: { time: at(-1), how: 'Link' as const } }
  it.each<[string, Parameters<typeof entryOf>[0], Standing[], boolean, Entry]>([
    ['somebody active', proven, ['Active'], false, { may: true }],
    ['somebody restricted', proven, ['Restricted'], false, { may: true }],
    ['somebody whose acceptance was broken off', proven, ['Invited'], false, { may: true }],
    ['somebody in nothing', proven, [], false, { may: true }],
    ['somebody who left everything, to be told so', proven, ['Left'], false, { may: true }],
    ['somebody ended here and active there', proven, ['Ended', 'Active'], false, { may: true }],
    ['somebody ended everywhere', proven, ['Ended', 'Ended'], false, { may: false, because: 'Ended' }],
    ['somebody suspended', proven, ['Ended', 'Suspended'], false, { may: false, because: 'Suspended' }],
    ['somebody whose suspension is held in one organization', proven, ['Active', 'Suspended'], false, { may: true }],
    ['somebody suspended before any membership', proven, [], true, { may: false, because: 'Suspended' }],
    ['an address that was never proven', {}, ['Active'], false, { may: false, because: 'Unproven' }],
    ['a closed account', { ...proven, closed: at(-1) }, ['Active'], false, { may: false, because: 'Closed' }],
  ])('%s', (_, account, standings, suspended, entry) => {
    expect(entryOf(account, standings, suspended)).toEqual(entry)
  })
})
