import { describe, expect, it } from 'vitest'
import { countConditions } from '../../src/app/count-conditions.ts'
import type { Cache } from '../../src/runtime/reconciler.ts'

const withConditions = (...conditions: { type: string; status: string; reason: string }[]) => ({
  status: { conditions },
})

describe('the count of conditions', () => {
  it('is of those that are true, and leaves objects without a status out', () => {
    const kinds: Record<string, unknown[]> = {
      User: [
        withConditions({ type: 'Ready', status: 'True', reason: 'Succeeded' }),
        withConditions({ type: 'Ready', status: 'True', reason: 'Succeeded' }),
        withConditions(
          { type: 'Ready', status: 'False', reason: 'GaveUp' },
          { type: 'Stalled', status: 'True', reason: 'GaveUp' },
        ),
        {},
      ],
      Source: [withConditions({ type: 'Synced', status: 'False', reason: 'Unreachable' })],
    }
    const cache = { list: (kind: string) => kinds[kind] ?? [] } as unknown as Pick<Cache, 'list'>
    expect(countConditions(cache)).toEqual([
      { kind: 'User', type: 'Ready', reason: 'Succeeded', count: 2 },
      { kind: 'User', type: 'Stalled', reason: 'GaveUp', count: 1 },
    ])
  })
})
