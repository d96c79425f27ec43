import { describe, expect, it } from 'vitest'
import { observing } from '../../src/app/observe.ts'
import { StoreUnusableError } from '../../src/store/errors.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

describe('what the loop tells', () => {
  it('counts failures by reason, and those that are a mistake of the program as unexpected', async () => {
    const metrics = createMetrics()
    const observer = observing(noLog(), metrics)
    const run = { kind: 'User', name: 'alice', run: '1', outcome: 'backoff', again: undefined } as const
    observer.failed?.({ ...run, error: new StoreUnusableError('gone', 'bring it back') })
    observer.failed?.({ ...run, error: new TypeError('x is undefined') })
    observer.watchBroken?.({ error: new Error('reset') })
    const scrape = await metrics.registry.metrics()
    expect(scrape).toMatch(/roster_reconcile_errors_total\{kind="User",reason="\w+"\} 1/)
    expect(scrape).toContain('roster_reconcile_errors_total{kind="User",reason="Unexpected"} 1')
    expect(scrape).toContain('roster_store_watch_errors_total 1')
    expect(scrape).not.toContain('alice')
  })
})
