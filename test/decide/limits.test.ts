import { describe, expect, it } from 'vitest'
import { addressTime, slotTime } from '../../src/decide/limits.ts'
import { Line, type Waiting } from '../../src/decide/line.ts'
import fc from '../properties.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-03-02T09:00:00Z')

describe('a place behind a limit', () => {
  const sent = [NOW - 20, NOW - 10, NOW - 5]
  const cases: [because: string, sent: number[], ahead: number, most: number, at: number | undefined][] = [
    ['nothing was sent', [], 0, 3, NOW],
    ['the last free place', [NOW - 20, NOW - 10], 0, 3, NOW],
    ['no place: the oldest must leave the window', sent, 0, 3, NOW - 20 + DAY],
    ['one is ahead: the second oldest', sent, 1, 3, NOW - 10 + DAY],
    ['three are ahead: a day after the first of them', sent, 3, 3, NOW - 20 + 2 * DAY],
    ['what left the window does not count', [NOW - DAY, NOW - 10, NOW - 5], 0, 3, NOW],
    ['one millisecond before it leaves it counts', [NOW - DAY + 1, NOW - 10, NOW - 5], 0, 3, NOW + 1],
    ['the limit was lowered: more must leave', sent, 0, 1, NOW - 5 + DAY],
    ['nobody may ever go', [], 0, 0, undefined],
    ['nothing sent, and more ahead than may go: they go now, this one a day later', [], 3, 3, NOW + DAY],
  ]
  it.each(cases)('%s', (_because, times, ahead, most, at) => {
    expect(slotTime(times, ahead, { most, window: DAY }, NOW)).toBe(at)
  })

  it('is the time at which the line, moving on, comes to it', () => {
    const times = fc
      .array(fc.integer({ min: NOW - 2 * DAY, max: NOW }), { maxLength: 12 })
      .map(list => list.sort((a, b) => a - b))
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 5 }), (before, ahead, most) => {
        // Everybody ahead goes at their own time, one after the other.
        const all = [...before]
        let last = 0
        for (let place = 0; place <= ahead; place++) {
          let at = Math.max(NOW, last)
          while (all.filter(time => time > at - DAY && time <= at).length >= most)
            at = Math.min(...all.filter(time => time > at - DAY)) + DAY
          all.push(at)
          all.sort((a, b) => a - b)
          last = at
        }
        expect(slotTime(before, ahead, { most, window: DAY }, NOW)).toBe(last)
      }),
    )
  })

  it('for one address: three in a day, ten in thirty days', () => {
    const hours = (...ago: number[]) => ago.map(each => NOW - each * 3_600_000)
    expect(addressTime([], NOW)).toBe(NOW)
    expect(addressTime(hours(1, 2), NOW)).toBe(NOW)
    expect(addressTime(hours(1, 2, 3), NOW)).toBe(NOW + 21 * 3_600_000)
    const ten = hours(...Array.from({ length: 10 }, (_, n) => 48 + n * 48))
    expect(addressTime(ten, NOW)).toBe(Math.min(...ten) + 30 * DAY)
  })
})

describe('a line', () => {
  const wait = (n: number, actor: string | undefined = 'source/people'): Waiting => ({
    name: `m-${n}`,
    since: new Date(NOW + n).toISOString(),
    address: `p${n}@acme.example`,
    actor,
  })
  const limits = { perInviter: 2, perOrganization: 3 }
  /** Lets everybody go who may, in any order of asking, until nobody may. @returns who went */
  const drain = (line: Line, names: string[], now = NOW, of = limits) => {
    const gone: string[] = []
    for (let moved = true; moved; ) {
      moved = false
      for (const name of names) {
        if (gone.includes(name) || line.turn(name, of, now).is !== 'now') continue
        line.leave(name)
        line.count({ time: now, actor: 'source/people' })
        gone.push(name)
        moved = true
      }
    }
    return gone
  }

  it('lets the first go and gives everybody else a time of their own, whoever asks first', () => {
    const line = new Line()
    for (const n of [3, 1, 2, 0]) line.enter(wait(n))
    expect(line.turn('m-3', limits, NOW).is).toBe('later')
    expect(drain(line, ['m-3', 'm-2', 'm-1', 'm-0']).sort()).toEqual(['m-0', 'm-1'])
    expect(line.turn('m-2', limits, NOW)).toEqual({ is: 'later', at: NOW + DAY })
    expect(drain(line, ['m-3', 'm-2'], NOW + DAY)).toEqual(['m-3', 'm-2'])
  })

  it('does not let a full inviter hold up another', () => {
    const line = new Line()
    for (let n = 0; n < 4; n++) line.enter(wait(n))
    line.enter(wait(9, 'user/bob'))
    expect(line.turn('m-9', limits, NOW)).toEqual({ is: 'now' })
    for (let n = 0; n < 2; n++) {
      line.leave(`m-${n}`)
      line.count({ time: NOW, actor: 'source/people' })
    }
    expect(line.turn('m-9', limits, NOW)).toEqual({ is: 'now' })
    line.leave('m-9')
    line.count({ time: NOW, actor: 'user/bob' })
    line.enter(wait(10, 'user/bob'))
    expect(line.turn('m-10', limits, NOW)).toEqual({ is: 'later', at: NOW + DAY })
  })

  it('counts a mail that is sent again by itself for the organization alone', () => {
    const line = new Line()
    line.count({ time: NOW, actor: undefined })
    line.enter(wait(0))
    expect(line.turn('m-0', { perInviter: 1, perOrganization: 2 }, NOW)).toEqual({ is: 'now' })
    expect(line.turn('m-0', { perInviter: 1, perOrganization: 1 }, NOW)).toEqual({ is: 'later', at: NOW + DAY })
  })

  it('says never where the limit is nothing', () => {
    const line = new Line()
    line.enter(wait(0))
    expect(line.turn('m-0', { perInviter: 0, perOrganization: 3 }, NOW)).toEqual({ is: 'never' })
  })

  it('names the first of each inviter', () => {
    const line = new Line()
    line.enter(wait(1))
    line.enter(wait(0))
    line.enter(wait(2, 'user/bob'))
    expect(line.heads().sort()).toEqual(['m-0', 'm-2'])
  })

  it('forgets who leaves, and corrects who enters again', () => {
    const line = new Line()
    line.enter(wait(0))
    line.enter(wait(1))
    line.enter({ ...wait(1), actor: 'user/bob' })
    line.leave('m-0')
    line.leave('m-0')
    expect(line.size).toBe(1)
    expect(line.heads()).toEqual(['m-1'])
    expect(() => line.turn('m-0', limits, NOW)).toThrow(/not in line/)
  })

  it('answers ten thousand in no more than a moment each', () => {
    const line = new Line()
    for (let n = 9_999; n >= 0; n--) line.enter(wait(n))
    const times = new Set<number>()
    for (let n = 0; n < 10_000; n++) {
      const turn = line.turn(`m-${n}`, { perInviter: 50, perOrganization: 500 }, NOW)
      if (turn.is === 'later') times.add(turn.at)
    }
    expect(times.size).toBe(199)
    expect(line.size).toBe(10_000)
  })
})
