import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Everything that is counted. `workqueue_*` are named and labelled as client-go does; ours begin with `roster_`. Never a person in a label. */
export interface Metrics {
  readonly registry: Registry
  /** Says where the figures of the moment come from. */
  watch(live: LiveFigures): void
  workqueue: {
    depth: Gauge<'name'>
    adds: Counter<'name'>
    retries: Counter<'name'>
    queueDuration: Histogram<'name'>
    workDuration: Histogram<'name'>
    unfinished: Gauge<'name'>
    longest: Gauge<'name'>
  }
  reconciles: Counter<'kind' | 'outcome'>
  reconcileErrors: Counter<'kind' | 'reason'>
  watchErrors: Counter
  mails: Counter<'outcome'>
  objects: Gauge<'kind'>
  conditions: Gauge<'kind' | 'type' | 'reason'>
  removalsHeld: Gauge<'reason'>
  removalsHeldPeople: Gauge<'reason'>
  removalsSpent: Gauge<'organization'>
  removalsBudget: Gauge<'organization'>
  approvals: Gauge<'state'>
  recordsMissing: Gauge<'kind'>
  leaseHeld: Gauge
  sourceAge: Gauge<'source'>
}

/** What is looked at when somebody scrapes; until the loop is there, nothing. */
export interface LiveFigures {
  /** By controller: keys that are ready, seconds that runs in hand have taken in all, and the longest of them. */
  queues(): Iterable<{ name: string; depth: number; unfinished: number; longest: number }>
  objects(): Iterable<{ kind: string; count: number }>
  /** How many objects have a condition that is true, by its type and reason. */
  conditions(): Iterable<{ kind: string; type: string; reason: string; count: number }>
  /** What the guard holds and may still let go. */
  guard(): GuardFigures
  /** Records that only Roster takes away and that are gone, while nothing is done because of it. */
  missing(): Iterable<{ kind: string; count: number }>
  /** Seconds since 1970; sources that were never read completely are left out. */
  sources(): Iterable<{ source: string; lastComplete: number }>
}

export interface GuardFigures {
  /** Removal sets that are held, and people who would lose something by them. */
  held: { reason: string; sets: number; people: number }[]
  /** People who lost something in the last 24 hours, and who may; of organizations where somebody did. */
  budgets: { organization: string; spent: number; budget: number }[]
  approvals: { state: string; count: number }[]
}

export const createMetrics = (): Metrics => {
  let live: LiveFigures | undefined
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const seconds = [0.0001, 0.001, 0.01, 0.1, 1, 10, 60]
  return {
    registry,
    watch: figures => {
      live = figures
    },
    workqueue: {
      depth: new Gauge({
        name: 'workqueue_depth',
        help: 'Current depth of workqueue',
        labelNames: ['name'],
        registers,
        collect() {
          for (const { name, depth } of live?.queues() ?? []) this.set({ name }, depth)
        },
      }),
      adds: new Counter({
        name: 'workqueue_adds_total',
        help: 'Total number of adds handled by workqueue',
        labelNames: ['name'],
        registers,
      }),
      retries: new Counter({
        name: 'workqueue_retries_total',
        help: 'Total number of retries handled by workqueue',
        labelNames: ['name'],
        registers,
      }),
      queueDuration: new Histogram({
        name: 'workqueue_queue_duration_seconds',
        help: 'How long an item stays in workqueue before being requested',
        labelNames: ['name'],
        buckets: seconds,
        registers,
      }),
      workDuration: new Histogram({
        name: 'workqueue_work_duration_seconds',
        help: 'How long processing an item from workqueue takes',
        labelNames: ['name'],
        buckets: seconds,
        registers,
      }),
      unfinished: new Gauge({
        name: 'workqueue_unfinished_work_seconds',
        help: 'Seconds of work in progress that workDuration has not seen',
        labelNames: ['name'],
        registers,
        collect() {
          for (const { name, unfinished } of live?.queues() ?? []) this.set({ name }, unfinished)
        },
      }),
      longest: new Gauge({
        name: 'workqueue_longest_running_processor_seconds',
        help: 'Seconds the longest running processor has been running',
        labelNames: ['name'],
        registers,
        collect() {
          for (const { name, longest } of live?.queues() ?? []) this.set({ name }, longest)
        },
      }),
    },
    reconciles: new Counter({
      name: 'roster_reconcile_total',
      help: 'Runs of reconcilers by how they ended',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    reconcileErrors: new Counter({
      name: 'roster_reconcile_errors_total',
      help: 'Runs of reconcilers that failed, by the reason of the error',
      labelNames: ['kind', 'reason'],
      registers,
    }),
    watchErrors: new Counter({
      name: 'roster_store_watch_errors_total',
      help: 'Lists and watches of the store that broke; each is tried again',
      registers,
    }),
    mails: new Counter({
      name: 'roster_mails_total',
      help: 'Mails by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    objects: new Gauge({
      name: 'roster_objects',
      help: 'Objects in the store',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const { kind, count } of live?.objects() ?? []) this.set({ kind }, count)
      },
    }),
    conditions: new Gauge({
      name: 'roster_object_conditions',
      help: 'Objects with a condition that is true, by its type and reason',
      labelNames: ['kind', 'type', 'reason'],
      registers,
      collect() {
        this.reset()
        for (const { count, ...labels } of live?.conditions() ?? []) this.set(labels, count)
      },
    }),
    removalsHeld: new Gauge({
      name: 'roster_removals_held',
      help: 'Removal sets that are held until an Approval, by what holds them',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset()
        for (const { reason, sets } of live?.guard().held ?? []) this.set({ reason }, sets)
      },
    }),
    removalsHeldPeople: new Gauge({
      name: 'roster_removals_held_people',
      help: 'People who would lose something by removal sets that are held',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset()
        for (const { reason, people } of live?.guard().held ?? []) this.set({ reason }, people)
      },
    }),
    removalsSpent: new Gauge({
      name: 'roster_removals_spent_people',
      help: 'People who lost something in the last 24 hours; of organizations where somebody did',
      labelNames: ['organization'],
      registers,
      collect() {
        this.reset()
        for (const { organization, spent } of live?.guard().budgets ?? []) this.set({ organization }, spent)
      },
    }),
    removalsBudget: new Gauge({
      name: 'roster_removals_budget_people',
      help: 'People who may lose something in 24 hours without an Approval; of organizations where somebody did',
      labelNames: ['organization'],
      registers,
      collect() {
        this.reset()
        for (const { organization, budget } of live?.guard().budgets ?? []) this.set({ organization }, budget)
      },
    }),
    approvals: new Gauge({
      name: 'roster_approvals',
      help: 'Approvals by what became of them',
      labelNames: ['state'],
      registers,
      collect() {
        this.reset()
        for (const { state, count } of live?.guard().approvals ?? []) this.set({ state }, count)
      },
    }),
    recordsMissing: new Gauge({
      name: 'roster_records_missing',
      help: 'Records that only Roster takes away and that are gone, while nothing is done because of it',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset()
        for (const { kind, count } of live?.missing() ?? []) this.set({ kind }, count)
      },
    }),
    leaseHeld: new Gauge({ name: 'roster_lease_held', help: '1 while this process runs the loop', registers }),
    sourceAge: new Gauge({
      name: 'roster_source_last_complete_timestamp_seconds',
      help: 'When a source was last read and applied as a whole',
      labelNames: ['source'],
      registers,
      collect() {
        this.reset()
        for (const { source, lastComplete } of live?.sources() ?? []) this.set({ source }, lastComplete)
      },
    }),
  }
}
