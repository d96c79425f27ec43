import type { Change } from '../effects/change.ts'
import type { Plan } from './plan.ts'

/** How many of what; the first things that somebody wants to know of a plan. */
export interface PlanSummary {
  create: number
  update: number
  delete: number
  mail: number
  /** People who lose something. */
  losing: number
  gaining: number
  seatsGiven: number
  seatsFreed: number
  held: number
}

export const summarize = (plan: Pick<Plan, 'changes' | 'held'>): PlanSummary => {
  const resources = plan.changes.filter(({ target }) => target === 'resource')
  const count = (action: Change['action']): number => resources.filter(change => change.action === action).length
  const seats = (action: Change['action']): number =>
    plan.changes.reduce(
      (sum, { target, action: is, fields }) =>
        target === 'seat' && is === action ? sum + Number(fields['seats'] ?? 1) : sum,
      0,
    )
  const people = (...actions: Change['action'][]): number =>
    new Set(
      plan.changes
        .filter(({ target, action }) => (target === 'access' || target === 'membership') && actions.includes(action))
        .map(({ name }) => name),
    ).size
  return {
    create: count('create'),
    update: count('update'),
    delete: count('delete'),
    mail: plan.changes.filter(({ target, action }) => target === 'mail' && action === 'send').length,
    losing: people('take', 'end'),
    gaining: people('grant', 'join'),
    seatsGiven: seats('give'),
    seatsFreed: seats('free'),
    held: plan.held.reduce((sum, { refs }) => sum + refs.length, 0),
  }
}

/** What costs first: losses, then mails, then seats, then what is new or changed. */
const COST: Record<Change['action'], number> = {
  end: 0,
  take: 1,
  delete: 2,
  free: 3,
  hold: 4,
  release: 4,
  send: 5,
  queue: 6,
  create: 7,
  join: 8,
  grant: 9,
  give: 10,
  update: 11,
}

export const byCost = (a: Change, b: Change): number =>
  COST[a.action] - COST[b.action] || compare(a.target, b.target) || compare(a.kind, b.kind) || compare(a.name, b.name)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
