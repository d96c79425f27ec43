import { describe, expect, test } from 'vitest'
import { microTime, type RawLease, stateOf, takenBy } from '../../../src/store/kubernetes/leaserecord.ts'

const now = Date.parse('2026-01-05T09:00:00.250Z')
const take = (before?: RawLease) => takenBy(before, { holder: 'roster-0/1', now, durationSeconds: 15 })

describe('the record of a lease', () => {
  test('has times with six digits, as the API server wants them', () => {
    expect(microTime(now)).toBe('2026-01-05T09:00:00.250000Z')
  })

  test('taken over, it counts the transfer, forgets how far the last one was and keeps the clock', () => {
    const before: RawLease = {
      metadata: {
        name: 'roster',
        resourceVersion: '7',
        annotations: {
          'roster.dev/epoch': '41',
          'roster.dev/idle-at': '9',
          'roster.dev/clock-mark': '2026-01-01T00:00:00.000Z',
          'other.example/x': 'y',
        },
      },
      spec: { holderIdentity: '', leaseTransitions: 3 },
    }
    const { lease, epoch } = take(before)
    expect(epoch).toBe(42)
    expect(lease.spec).toMatchObject({ holderIdentity: 'roster-0/1', leaseTransitions: 4, leaseDurationSeconds: 15 })
    expect(lease.metadata).toMatchObject({ resourceVersion: '7' })
    expect(stateOf(lease, now)).toEqual({
      holder: 'roster-0/1',
      epoch: 42,
      expires: '2026-01-05T09:00:15.250Z',
      idleAt: undefined,
      clockMark: '2026-01-01T00:00:00.000Z',
      held: true,
    })
    expect(lease.metadata.annotations).toHaveProperty(['other.example/x'], 'y')
    expect(stateOf(lease, now + 15_001).held).toBe(false)
  })

  test('made anew, its epoch is above all that were before it', () => {
    const first = take().epoch
    expect(first).toBe(1_767_603_600)
    expect(take({ metadata: { name: 'roster' }, spec: { leaseTransitions: 4 } }).epoch).toBe(first)
  })
})
