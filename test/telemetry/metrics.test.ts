import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'

describe('metrics', () => {
  it('show the figures of the moment at each scrape', async () => {
    const metrics = createMetrics()
    let depth = 3
    let conditions = [{ kind: 'Source', type: 'Stalled', reason: 'Unreachable', count: 2 }]
    let held = [{ reason: 'Budget', sets: 1, people: 6 }]
    metrics.watch({
      queues: () => [{ name: 'User', depth, unfinished: 0.5, longest: 0.25 }],
      objects: () => [{ kind: 'User', count: 12 }],
      conditions: () => conditions,
      guard: () => ({
        held,
        budgets: [{ organization: 'acme', spent: 4, budget: 5 }],
        approvals: [{ state: 'Used', count: 2 }],
      }),
      missing: () => [{ kind: 'Membership', count: 7 }],
      sources: () => [{ source: 'people', lastComplete: 1_700_000_000 }],
    })
    const scrape = await metrics.registry.metrics()
    expect(scrape).toContain('workqueue_depth{name="User"} 3')
    expect(scrape).toContain('workqueue_unfinished_work_seconds{name="User"} 0.5')
    expect(scrape).toContain('workqueue_longest_running_processor_seconds{name="User"} 0.25')
    expect(scrape).toContain('roster_objects{kind="User"} 12')
    expect(scrape).toContain('roster_source_last_complete_timestamp_seconds{source="people"} 1700000000')
    expect(scrape).toContain('roster_object_conditions{kind="Source",type="Stalled",reason="Unreachable"} 2')
    expect(scrape).toContain('roster_removals_held{reason="Budget"} 1')
    expect(scrape).toContain('roster_removals_held_people{reason="Budget"} 6')
    expect(scrape).toContain('roster_removals_spent_people{organization="acme"} 4')
    expect(scrape).toContain('roster_removals_budget_people{organization="acme"} 5')
    expect(scrape).toContain('roster_approvals{state="Used"} 2')
    depth = 0
    held = []
    conditions = []
    const later = await metrics.registry.metrics()
    expect(later).toContain('workqueue_depth{name="User"} 0')
    expect(later).not.toContain('roster_object_conditions{')
    expect(later).not.toContain('roster_removals_held{')
  })
  it('are there before the loop is', async () => {
    expect(await createMetrics().registry.metrics()).toContain('roster_lease_held 0')
  })
})
