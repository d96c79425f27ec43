import { describe, expect, it } from 'vitest'
import {
  type Claim,
  type ClaimState,
  claimState,
  MAIL_DEADLINE,
  openClaim,
  reopenClaim,
} from '../../src/decide/claim.ts'
import fc from '../properties.ts'

const NINE = Date.parse('2026-03-02T09:00:00Z')
const at = (seconds: number) => new Date(NINE + seconds * 1000).toISOString()
const open = openClaim({ now: NINE, epoch: 1 })
const ended = (outcome: NonNullable<Claim['outcome']>, seconds: number, tries = 1): Claim => ({
  ...open,
  tries,
  outcome,
  outcomeTime: at(seconds),
})

describe('a claim', () => {
  const cases: [because: string, claim: Claim, seconds: number, state: ClaimState][] = [
    ['just made: its maker is at it', open, 0, { is: 'busy', until: NINE + MAIL_DEADLINE }],
    ['the last moment of its deadline', open, 119.999, { is: 'busy', until: NINE + MAIL_DEADLINE }],
    ['its maker died: what it did is not known', open, 120, { is: 'again', at: NINE + MAIL_DEADLINE, why: 'Unknown' }],
    ['the second maker is at it', { ...open, tries: 2 }, 60, { is: 'busy', until: NINE + MAIL_DEADLINE }],
    ['the second maker died too', { ...open, tries: 2 }, 120, { is: 'unknown' }],
    ['taken', ended('Sent', 1), 5, { is: 'sent' }],
    ['refused for good', ended('Refused', 1), 5, { is: 'refused' }],
    ['no answer once', ended('Unknown', 1), 5, { is: 'again', at: NINE + 31_000, why: 'Unknown' }],
    ['no answer twice', ended('Unknown', 1, 2), 5, { is: 'unknown' }],
    ['not taken at once: half a minute', ended('NotSent', 0), 5, { is: 'again', at: NINE + 30_000, why: 'NotSent' }],
    [
      'not taken for ten minutes: ten more',
      ended('NotSent', 600),
      700,
      { is: 'again', at: NINE + 1_200_000, why: 'NotSent' },
    ],
    [
      'not taken for a day: an hour at most',
      ended('NotSent', 86_400),
      86_401,
      { is: 'again', at: NINE + 90_000_000, why: 'NotSent' },
    ],
    [
      'not taken at the second try, which may have doubled it: still no copy more',
      ended('NotSent', 0, 2),
      5,
      { is: 'again', at: NINE + 30_000, why: 'NotSent' },
    ],
  ]
  it.each(cases)('%s', (_because, claim, seconds, state) => {
    expect(claimState(claim, NINE + seconds * 1000)).toEqual(state)
  })

  it('that certainly was not taken is tried at once by a new holder, and in its time by the old one', () => {
    const claim = ended('NotSent', 10)
    const now = NINE + 11_000
    expect(claimState(claim, now, 2)).toEqual({ is: 'again', at: now, why: 'NotSent' })
    expect(claimState(claim, now, 1)).toEqual({ is: 'again', at: NINE + 40_000, why: 'NotSent' })
    expect(claimState(ended('Unknown', 10), now, 2)).toEqual(claimState(ended('Unknown', 10), now, 1))
  })

  it('opened again keeps its time, which the mail carries, and counts only tries that may have arrived', () => {
    const by = { now: NINE + 60_000, epoch: 2 }
    expect(reopenClaim(ended('NotSent', 1), by)).toEqual({ ...open, epoch: 2, deadline: at(180) })
    expect(reopenClaim(ended('Unknown', 1), by)).toEqual({ ...open, epoch: 2, deadline: at(180), tries: 2 })
    expect(reopenClaim(open, by)).toMatchObject({ claimedTime: open.claimedTime, tries: 2 })
  })

  it('never lets more than two tries through that may have arrived, whatever the server does', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('NotSent', 'Unknown', 'died' as const), { maxLength: 30 }), outcomes => {
        let claim: Claim = open
        let now = NINE
        let arrived = 0
        for (const outcome of outcomes) {
          if (outcome !== 'NotSent') arrived++
          if (outcome !== 'died')
            claim = { ...claim, outcome: outcome as 'Unknown', outcomeTime: new Date(now).toISOString() }
          else now += MAIL_DEADLINE
          const state = claimState(claim, now)
          if (state.is !== 'again') break
          now = Math.max(now, state.at)
          claim = reopenClaim(claim, { now, epoch: 1 })
        }
        expect(arrived).toBeLessThanOrEqual(2)
      }),
    )
  })
})
