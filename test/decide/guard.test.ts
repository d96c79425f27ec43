import { describe, expect, it } from 'vitest'
import { type GuardFacts, hashOf, judge, judgeUrgent, type Scope, type WantedSet } from '../../src/decide/guard.ts'
import { DEFAULT_GUARD, guardOf, LOOSENING, settleGuard } from '../../src/decide/guard-settings.ts'
import fc from '../properties.ts'

const scope = (now: number, dayAgo = now, spent: string[] = []): Scope => ({
  people: { now, dayAgo },
  spent: new Set(spent),
})
const facts = (of: Partial<Record<'acme' | 'realm', Scope>> & Partial<GuardFacts> = {}): GuardFacts => ({
  chain: organization => [organization],
  guard: () => DEFAULT_GUARD,
  organization: () => of.acme ?? scope(1000),
  tree: () => of.acme ?? scope(1000),
  producer: () => of.realm ?? scope(1000),
  admins: () => new Set(),
  protecting: address => ['acme', 'shop'].filter(at => (of.guard?.(at) ?? DEFAULT_GUARD).protected.includes(address)),
  ...of,
  realm: of.realm ?? scope(1000),
})
const set = (count: number, more: Partial<WantedSet> = {}, first = 0): WantedSet => ({
  organization: 'acme',
  producer: 'source/people',
  losses: Array.from({ length: count }, (_, at) => ({
    key: `m-${first + at}/x`,
    person: `p${first + at}`,
    addresses: [`p${first + at}@acme.example`],
    admin: false,
  })),
  ...more,
})
const admin = (one: WantedSet): WantedSet => ({ ...one, losses: one.losses.map(loss => ({ ...loss, admin: true })) })
const is = (wanted: WantedSet[], given: GuardFacts) => judge(wanted, given).map(verdict => verdict.is)

describe('the guard', () => {
  it.each<[string, WantedSet[], GuardFacts, string[]]>([
    ['releases what the share allows', [set(50)], facts(), ['released']],
    ['holds one more', [set(51)], facts(), ['held']],
    ['releases five of a few', [set(5)], facts({ acme: scope(10), realm: scope(10) }), ['released']],
    ['holds six of a few', [set(6)], facts({ acme: scope(10), realm: scope(10) }), ['held']],
    [
      'counts whom it took before',
      [set(1, {}, 900)],
      facts({ acme: scope(10, 10, ['a', 'b', 'c', 'd', 'e']) }),
      ['held'],
    ],
    ['counts a person once', [set(5)], facts({ acme: scope(10, 10, ['p0', 'p1', 'p2', 'p3', 'p4']) }), ['released']],
    ['counts people of a day ago, not those who came since', [set(6)], facts({ acme: scope(1000, 10) }), ['held']],
    ['counts people of now, not those who went since', [set(6)], facts({ acme: scope(10, 1000) }), ['held']],
    [
      'holds a protected person, and all with them',
      [set(2)],
      facts({ guard: () => ({ ...DEFAULT_GUARD, protected: ['p1@acme.example'] }) }),
      ['held'],
    ],
    [
      'holds somebody whom an organization below protects, where they lose something there',
      [{ ...set(2), losses: set(2).losses.map(loss => ({ ...loss, below: ['lab', 'shop'] })) }],
      facts({ guard: at => ({ ...DEFAULT_GUARD, protected: at === 'shop' ? ['p1@acme.example'] : [] }) }),
      ['held'],
    ],
    [
      'takes from somebody whom an organization below protects what they do not have there',
      [{ ...set(2), losses: set(2).losses.map(loss => ({ ...loss, below: ['lab'] })) }],
      facts({ guard: at => ({ ...DEFAULT_GUARD, protected: at === 'shop' ? ['p1@acme.example'] : [] }) }),
      ['released'],
    ],
    ['holds the last but one admin', [admin(set(1))], facts({ admins: () => new Set(['p0', 'x']) }), ['held']],
    [
      'lets an admin go where two are left',
      [admin(set(1))],
      facts({ admins: () => new Set(['p0', 'x', 'y']) }),
      ['released'],
    ],
    [
      'holds the last but one admin of an organization below, who is none where they belong',
      [{ ...set(1), losses: set(1).losses.map(loss => ({ ...loss, adminBelow: ['shop', 'lab'] })) }],
      facts({ admins: at => new Set(at === 'lab' ? ['p0', 'x'] : ['p0', 'x', 'y']) }),
      ['held'],
    ],
    [
      'lets an admin from above go where two of the organization below are left',
      [{ ...set(1), losses: set(1).losses.map(loss => ({ ...loss, adminBelow: ['shop'] })) }],
      facts({ admins: at => new Set(at === 'shop' ? ['p0', 'x', 'y'] : []) }),
      ['released'],
    ],
    [
      'counts who goes from below and from above together, by the guard of the organization below',
      [
        { ...set(1), losses: set(1).losses.map(loss => ({ ...loss, adminBelow: ['shop'] })) },
        admin(set(1, { organization: 'shop', producer: 'controller' }, 1)),
      ],
      facts({
        admins: () => new Set(['p0', 'p1', 'x', 'y']),
        guard: at => ({ ...DEFAULT_GUARD, minAdmins: at === 'shop' ? 3 : 1 }),
      }),
      ['held', 'held'],
    ],
    [
      'holds all admins whoever else is invited',
      [admin(set(2)), admin(set(1, { producer: 'controller' }, 2))],
      facts({ admins: () => new Set(['p0', 'p1', 'p2', 'x']) }),
      ['held', 'held'],
    ],
    [
      'holds all of a source that takes a little in each of many organizations',
      Array.from({ length: 100 }, (_, at) => set(5, { organization: `o${at}` }, at * 5)),
      facts({ organization: () => scope(10), tree: () => scope(10) }),
      Array.from({ length: 100 }, () => 'held'),
    ],
    [
      'does not hold one producer for the mistake of another',
      [set(400, { producer: 'source/wrong' }), set(1, { producer: 'source/right' }, 900)],
      facts(),
      ['released', 'held'],
    ],
  ])('%s', (_, wanted, given, verdicts) => {
    expect(is(wanted, given)).toEqual(verdicts)
  })

  it('lets ten urgent ones an hour go beside the budget, but no protected one', () => {
    const spent = facts({ acme: scope(10, 10, ['a', 'b', 'c', 'd', 'e']) })
    expect(judgeUrgent(set(1), [set(1)], spent, 9)).toBe(true)
    expect(judgeUrgent(set(1), [set(1)], spent, 10)).toBe(false)
    const guarded = facts({ guard: () => ({ ...DEFAULT_GUARD, protected: ['p0@acme.example'] }) })
    expect(judgeUrgent(set(1), [set(1)], guarded, 0)).toBe(false)
  })

  it('names a set by what is in it, in any order', () => {
    expect(hashOf('acme', ['b', 'a'])).toBe(hashOf('acme', ['a', 'b']))
    expect(hashOf('acme', ['a', 'b', 'c'])).not.toBe(hashOf('acme', ['a', 'b']))
    expect(hashOf('other', ['a', 'b'])).not.toBe(hashOf('acme', ['a', 'b']))
  })

  it('never releases more than a budget, however it is asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 }), { maxLength: 12 }),
        (people, asks) => {
          const spent = new Set<string>()
          for (const [at, ask] of asks.entries()) {
            const wanted = { ...set(0, { producer: `source/s${at % 3}` }) }
            const losses = ask.map(one => ({ key: `m-${one}/${at}`, person: `p${one}`, addresses: [], admin: false }))
            const now = scope(people, people, [...spent])
            for (const verdict of judge([{ ...wanted, losses }], facts({ acme: now, realm: now })))
              if (verdict.is === 'released') for (const loss of verdict.set.losses) spent.add(loss.person)
          }
          expect(spent.size).toBeLessThanOrEqual(Math.max(5, Math.floor(people * 0.05)))
        },
      ),
    )
  })
})

describe('the guard in force', () => {
  const loose = { ...DEFAULT_GUARD, maxRemovals: 100 }
  it('is the strictest of an organization and those above, and unites whom they protect', () => {
    const above = { guard: { maxRemovals: '20%', protected: ['Boss@acme.example'] } }
    const here = { guard: { maxRemovals: '50%', minAdmins: 3, maxInvitations: 40, protected: ['it@acme.example'] } }
    expect(guardOf([here, above])).toEqual({
      maxRemovals: 20,
      freeRemovals: 5,
      maxInvitations: 40,
      minAdmins: 3,
      protected: ['boss@acme.example', 'it@acme.example'],
    })
  })
  it('tightens at once, and loosens when it has stood for a day and nothing is held', () => {
    const at = (now: number, pending = false) => ({ now, people: 10, pending })
    const strict = { ...DEFAULT_GUARD, freeRemovals: 0 }
    expect(settleGuard(undefined, strict, at(0))).toEqual({ guard: strict })
    const waits = settleGuard(undefined, loose, at(0))
    expect(waits).toEqual({ guard: DEFAULT_GUARD, loosened: { guard: loose, since: 0 } })
    expect(settleGuard(waits, loose, at(LOOSENING - 1)).guard).toEqual(DEFAULT_GUARD)
    expect(settleGuard(waits, loose, at(LOOSENING, true)).guard).toEqual(DEFAULT_GUARD)
    expect(settleGuard(waits, loose, at(LOOSENING))).toEqual({ guard: loose })
    const looser = { ...loose, freeRemovals: 99 }
    expect(settleGuard(waits, looser, at(LOOSENING)).loosened).toEqual({ guard: looser, since: LOOSENING })
  })
  it('is what is declared where nobody belongs yet', () => {
    expect(settleGuard(undefined, loose, { now: 0, people: 0, pending: false })).toEqual({ guard: loose })
  })
})
