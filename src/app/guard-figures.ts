import { budgetOf } from '../decide/guard.ts'
import type { Clock } from '../ports/clock.ts'
import { guardFacts } from '../reconcilers/guardfacts.ts'
import type { Cache } from '../runtime/reconciler.ts'
import type { GuardFigures } from '../telemetry/metrics.ts'

/** What the guard holds and what is left of its budgets, worked out when it is asked for. Where nothing was taken in 24 hours nobody is counted. */
export const guardFigures = (of: { cache: Cache; clock: Pick<Clock, 'now'> }): GuardFigures => {
  const { cache } = of
  return {
    get held() {
      const held = Map.groupBy(cache.by('RemovalSet', 'state', 'Held'), ({ spec }) => spec.reason ?? 'Unknown')
      return [...held].map(([reason, sets]) => ({
        reason,
        sets: sets.length,
        people: sets.reduce((sum, { spec }) => sum + (spec.people ?? 0), 0),
      }))
    },
    get budgets() {
      const facts = guardFacts(of)
      const taking = [...cache.by('RemovalSet', 'state', 'Released'), ...cache.by('RemovalSet', 'state', 'Done')]
      const organizations = new Set(taking.map(({ spec }) => spec.organization))
      return [...organizations].sort().flatMap(organization => {
        const { spent, people } = facts.organization(organization)
        if (spent.size === 0) return []
        return [{ organization, spent: spent.size, budget: budgetOf(facts.guard(organization), people) }]
      })
    },
    get approvals() {
      const byState = Map.groupBy(cache.list('Approval'), ({ status }) => status?.state ?? 'Waiting')
      return [...byState].map(([state, all]) => ({ state, count: all.length }))
    },
  }
}
