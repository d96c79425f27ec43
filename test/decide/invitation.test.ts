import { describe, expect, it } from 'vitest'
import type { Attempt, MembershipSpec } from '../../src/api/membership.ts'
import { openSeries, type Progress, progressOf, type Request, withdraw } from '../../src/decide/invitation.ts'
import { declarationReturns, forgetDeclaration, newMembership } from '../../src/decide/membership.ts'
import fc from '../properties.ts'

const HOUR = 3_600_000
const NINE = Date.parse('2026-03-02T09:00:00Z')
const time = (hours: number) => new Date(NINE + hours * HOUR).toISOString()
const blank = newMembership({ organization: 'acme', address: 'a@acme.example', nonce: Buffer.alloc(32), now: NINE })

/** An attempt of series 1, claimed at `at` hours after nine and working for a day. */
const attempt = (number: number, at: number, more: Partial<Attempt> = {}): Attempt => ({
  number,
  series: 1,
  purpose: 'Invitation',
  actor: 'source/people',
  automatic: number > 1,
  roles: [],
  claimedTime: time(at),
  epoch: 1,
  deadline: new Date(NINE + at * HOUR + 120_000).toISOString(),
  tries: 1,
  expirationTime: time(at + 24),
  ...more,
})
const sent = (number: number, at: number, more: Partial<Attempt> = {}) =>
  attempt(number, at, { outcome: 'Sent', outcomeTime: time(at), ...more })
const declared = { number: 1, openedBy: 'declaration', time: time(0) }
const record = (attempts: Attempt[], more: Partial<MembershipSpec> = {}): MembershipSpec => ({
  ...blank,
  series: [declared],
  attempts,
  ...more,
})

type Case = [because: string, spec: MembershipSpec, hours: number, state: Progress['state'], next: Progress['next']]
const nothing = { do: 'nothing' } as const
const wait = (hours: number) => ({ do: 'wait', until: NINE + hours * HOUR }) as const

describe('the state of an invitation', () => {
  const unknown = attempt(1, 0, { outcome: 'Unknown', outcomeTime: time(0) })
  const deferred = attempt(1, 0, { outcome: 'NotSent', outcomeTime: time(0) })
  const cases: Case[] = [
    ['nobody asks yet', blank, 0, 'Queued', nothing],
    ['a series is open and nothing was sent', record([]), 0, 'Queued', { do: 'claim', automatic: false }],
    ['sent, and the link works', record([sent(1, 0)]), 1, 'Pending', wait(24)],
    ['one millisecond before the end the link still works', record([sent(1, 0)]), 24 - 1 / HOUR, 'Pending', wait(24)],
    [
      'at its second the link has expired, and tries are left',
      record([sent(1, 0)]),
      24,
      'Expired',
      { do: 'claim', automatic: true },
    ],
    ['the last try has expired', record([sent(1, 0), sent(2, 24), sent(3, 48)]), 72, 'GaveUp', nothing],
    ['the last try still works', record([sent(1, 0), sent(2, 24), sent(3, 48)]), 71, 'Pending', wait(72)],
    [
      'attempts of an earlier series do not count',
      record([sent(1, 0), sent(2, 24), sent(3, 48, { series: 2 })], {
        series: [declared, { number: 2, openedBy: 'resend/x', time: time(48) }],
      }),
      72,
      'Expired',
      { do: 'claim', automatic: true },
    ],
    [
      'somebody is handing it over: their deadline is waited out',
      record([attempt(1, 0)]),
      0.01,
      'Pending',
      { do: 'wait', until: NINE + 120_000 },
    ],
    [
      'the one who was handing it over died: one more copy of the same mail',
      record([attempt(1, 0)]),
      1,
      'Pending',
      { do: 'retry', attempt: attempt(1, 0) },
    ],
    [
      'a second copy is on its way: its deadline is waited out too',
      record([attempt(1, 0, { tries: 2 })]),
      0.01,
      'Pending',
      { do: 'wait', until: NINE + 120_000 },
    ],
    [
      'died a second time: two copies may have arrived, a third is never sent',
      record([attempt(1, 0, { tries: 2 })]),
      1,
      'Failed',
      nothing,
    ],
    [
      'died, and the link has expired since: what is sent now is a new attempt',
      record([attempt(1, 0)]),
      25,
      'Expired',
      { do: 'claim', automatic: true },
    ],
    [
      'no answer once: again after half a minute, not before',
      record([unknown]),
      0,
      'Pending',
      { do: 'wait', until: NINE + 30_000 },
    ],
    ['no answer once: one more copy', record([unknown]), 0.01, 'Pending', { do: 'retry', attempt: unknown }],
    ['no answer twice', record([{ ...unknown, tries: 2 }]), 1, 'Failed', nothing],
    ['refused for good', record([attempt(1, 0, { outcome: 'Refused', outcomeTime: time(0) })]), 1, 'Failed', nothing],
    [
      'refused for good stays so after the expiry',
      record([attempt(1, 0, { outcome: 'Refused', outcomeTime: time(0) })]),
      30,
      'Failed',
      nothing,
    ],
    ['refused for now: the same mail again', record([deferred]), 0.01, 'Pending', { do: 'retry', attempt: deferred }],
    [
      'certainly not taken all day: a new attempt, counted like the one before',
      record([deferred]),
      25,
      'Expired',
      { do: 'claim', automatic: false },
    ],
    [
      'certainly not taken does not use a try up',
      record([deferred, sent(2, 25), sent(3, 50)]),
      74,
      'Expired',
      { do: 'claim', automatic: true },
    ],
    [
      'declined',
      record([sent(1, 0)], { declined: { time: time(1), attempt: 1, reported: false } }),
      2,
      'Declined',
      nothing,
    ],
    [
      'declined in an earlier series',
      record([sent(1, 0)], { declined: { time: time(1), attempt: 1, reported: false, released: time(2) } }),
      3,
      'Pending',
      wait(24),
    ],
    ['joined', record([sent(1, 0)], { joined: { time: time(1), how: 'Link', attempt: 1 } }), 2, 'Accepted', nothing],
    [
      'joined although it was declined before',
      record([sent(1, 0)], {
        declined: { time: time(1), attempt: 1, reported: false },
        joined: { time: time(2), how: 'Link', attempt: 1 },
      }),
      3,
      'Accepted',
      nothing,
    ],
    ['withdrawn: nobody asks any more', record([sent(1, 0, { withdrawnTime: time(1) })]), 2, 'Expired', nothing],
  ]
  it.each(cases)('%s', (_because, spec, hours, state, next) => {
    const progress = progressOf(spec, { now: NINE + Math.round(hours * HOUR), maxAttempts: 3 })
    expect(progress.state).toBe(state)
    expect(progress.next).toEqual(next)
  })
})

describe('a series', () => {
  const declaration: Request = { uid: 'g', generated: true }
  const carol: Request = { uid: 'c', generated: false }
  const at = (hours: number) => ({ now: NINE + hours * HOUR, maxAttempts: 3 })
  const openers = (spec: MembershipSpec) => spec.series.map(one => `${one.number} ${one.openedBy}`)
  const life = { joined: { time: time(1), how: 'Link', attempt: 1 } } as const
  const left = { left: { time: time(2) } }

  const cases: [because: string, before: MembershipSpec, requests: Request[], hours: number, after: string[]][] = [
    ['a declaration is seen for the first time', blank, [declaration], 0, ['1 declaration']],
    ['the same declaration is seen again', record([]), [declaration], 1, ['1 declaration']],
    [
      'a declaration and an Invitation at once: one mail',
      blank,
      [declaration, carol],
      0,
      ['1 declaration', '1 invitation/c'],
    ],
    [
      'an Invitation while a link works joins it',
      record([sent(1, 0)]),
      [declaration, carol],
      1,
      ['1 declaration', '1 invitation/c'],
    ],
    [
      'an Invitation after a refusal asks anew',
      record([attempt(1, 0, { outcome: 'Refused' })]),
      [declaration, carol],
      1,
      ['1 declaration', '2 invitation/c'],
    ],
    [
      'an Invitation after it was declined asks anew',
      record([sent(1, 0)], { declined: { time: time(1), attempt: 1, reported: false } }),
      [declaration, carol],
      2,
      ['1 declaration', '2 invitation/c'],
    ],
    [
      'an Invitation after giving up asks anew',
      record([sent(1, 0), sent(2, 24), sent(3, 48)]),
      [carol],
      80,
      ['1 declaration', '2 invitation/c'],
    ],
    [
      'a resend always asks anew',
      record([sent(1, 0)]),
      [{ ...declaration, resend: 't1' }],
      1,
      ['1 declaration', '2 resend/t1'],
    ],
    [
      'a resend that was seen',
      record([sent(1, 0)], { series: [declared, { number: 2, openedBy: 'resend/t1', time: time(1) }] }),
      [{ ...declaration, resend: 't1' }],
      2,
      ['1 declaration', '2 resend/t1'],
    ],
    [
      'a second resend',
      record([sent(1, 0)], { series: [declared, { number: 2, openedBy: 'resend/t1', time: time(1) }] }),
      [{ ...declaration, resend: 't2' }],
      2,
      ['1 declaration', '2 resend/t1', '3 resend/t2'],
    ],
    [
      'who declined is not asked again by the same declaration',
      record([sent(1, 0)], { declined: { time: time(1), attempt: 1, reported: false } }),
      [declaration],
      2,
      ['1 declaration'],
    ],
    [
      'who left is not asked again by the same declaration',
      record([sent(1, 0)], { ...life, ...left }),
      [declaration],
      3,
      ['1 declaration'],
    ],
    [
      'who left is asked again by an Invitation',
      record([sent(1, 0)], { ...life, ...left }),
      [carol],
      3,
      ['1 declaration', '2 invitation/c'],
    ],
    [
      'a member gets an Invitation: noted, and no series',
      record([sent(1, 0)], life),
      [carol],
      3,
      ['1 declaration', '1 invitation/c'],
    ],
    [
      'a declaration that came back',
      declarationReturns(record([sent(1, 0), sent(2, 24), sent(3, 48)]), NINE + 80 * HOUR),
      [declaration],
      80,
      ['2 declaration'],
    ],
    [
      'a generated Invitation that somebody deleted',
      forgetDeclaration(withdraw(record([sent(1, 0)]), NINE + HOUR)),
      [declaration],
      1,
      ['2 declaration'],
    ],
    [
      'deleted before anything was sent: the number is free again',
      forgetDeclaration(record([])),
      [declaration],
      1,
      ['1 declaration'],
    ],
  ]
  it.each(cases)('%s', (_because, before, requests, hours, after) => {
    expect(openers(openSeries(before, requests, at(hours)))).toEqual(after)
  })

  it('kills the link of the series before when a resend opens one', () => {
    const spec = openSeries(record([sent(1, 0)]), [{ ...declaration, resend: 't' }], at(1))
    expect(spec.attempts[0]?.withdrawnTime).toBe(time(1))
  })

  it('makes void what ended the series before, and keeps when it was', () => {
    const spec = openSeries(record([sent(1, 0)], { ...life, ...left }), [carol], at(3))
    expect(spec.joined).toBeUndefined()
    expect(spec.left).toEqual({ time: time(2), released: time(3) })
  })

  it('gives the same object back when nothing is new, and after it was opened', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            uid: fc.constantFrom('a', 'b', 'c', 'd'),
            generated: fc.boolean(),
            resend: fc.constantFrom('x', 'y'),
          }),
          { maxLength: 6 },
        ),
        fc.constantFrom(blank, record([sent(1, 0)]), record([], { series: [] }), record([sent(1, 0)], life)),
        (requests, spec) => {
          const once = openSeries(spec, requests, at(1))
          expect(openSeries(once, requests, at(1))).toBe(once)
        },
      ),
    )
  })

  it('is remembered as long as its Invitation is there: forty that come and go never open the first again', () => {
    let spec = openSeries(blank, [carol], at(0))
    for (let n = 0; n < 40; n++) spec = openSeries(spec, [carol, { uid: `x${n}`, generated: false }], at(1))
    expect(spec.series.length).toBeLessThanOrEqual(16)
    expect(openers(spec)).toContain('1 invitation/c')
  })

  it('ignores what would not fit, instead of asking for ever', () => {
    const many = Array.from({ length: 20 }, (_, n): Request => ({ uid: `u${n}`, generated: false }))
    const first = openSeries(blank, many.slice(0, 16), at(0))
    expect(first.series).toHaveLength(16)
    expect(openSeries(first, many, at(1))).toBe(first)
  })
})
