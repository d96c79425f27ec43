import type { Approval } from '../api/approval.ts'
import type { Readiness } from '../api/conditions.ts'
import { MANAGERS } from '../api/names.ts'
import { type ApprovalVerdict, verdictOn } from '../decide/approval.ts'
import { restoreVerdictOn } from '../decide/restoring.ts'
import { rewritingVerdictOn } from '../decide/rewriting.ts'
import { milliseconds } from '../decide/time.ts'
import type { Reconciler } from '../runtime/reconciler.ts'
import { type World, watch, writeStatus } from './context.ts'

/** Says what became of an Approval. What it releases, the guard or the source that it is held for releases. */
export const approvalReconciler = (world: World): Reconciler<'Approval'> => ({
  kind: 'Approval',
  watches: [
    watch({
      kind: 'RemovalSet',
      changed: ({ spec }) => [spec.state, spec.released],
      wakes: ({ spec }, cache) =>
        spec.hash === undefined ? [] : cache.by('Approval', 'releases', spec.hash).map(one => one.metadata.name),
    }),
    watch({
      kind: 'Source',
      changed: ({ status }) => status?.rewritten,
      wakes: ({ status }, cache) =>
        status?.rewritten
          ? cache.by('Approval', 'releases', status.rewritten.releases).map(one => one.metadata.name)
          : [],
    }),
  ],
  reconcile: async name => {
    const approval = world.cache.get('Approval', name)
    if (!approval || approval.metadata.deletionTimestamp !== undefined) return undefined
    const { cache, clock } = world
    const sets = cache.by('RemovalSet', 'hash', approval.spec.releases)
    const { restoring } = world
    const reads = { sources: cache.list('Source'), directories: cache.list('Directory') }
    const restore = restoreVerdictOn(approval, restoring.current(), reads, clock.now())
    // Who approved too early has not seen what it would do: it does not count later either.
    if (restore && isRefused(approval)) return undefined
    if (restore?.is === 'releases') {
      const owners = await world.store.owners({ kind: 'Approval', name })
      const actor = owners.find(({ field }) => field === 'spec.releases')?.manager ?? MANAGERS.unknown
      await restoring.release({ name, actor, reason: approval.spec.reason })
      await writeStatus(
        world,
        approval,
        { state: 'Used' },
        { is: 'ready', reason: 'Succeeded', message: 'it has released what was restored' },
      )
      return undefined
    }
    const verdict =
      restore ??
      rewritingVerdictOn(approval, cache.by('Source', 'rewritten', approval.spec.releases), clock.now()) ??
      verdictOn(
        approval,
        sets.map(({ metadata, spec }) => ({ name: metadata.name, spec })),
        clock.now(),
      )
    // A record that counts no more is gone; that it was used stays true.
    const { state: before } = approval.status ?? {}
    if (before === 'Used' && verdict.is !== 'used') return undefined
    const [state, is] = told(verdict, approval.spec.expirationTime)
    await writeStatus(world, approval, { state }, is)
    return verdict.is === 'waits' ? { again: milliseconds(approval.spec.expirationTime) } : undefined
  },
})

const isRefused = ({ metadata, status }: Approval): boolean =>
  status?.state === 'Refused' &&
  status.conditions?.find(({ type }) => type === 'Ready')?.observedGeneration === metadata.generation

const told = (verdict: ApprovalVerdict, until: string): ['Waiting' | 'Used' | 'Refused' | 'Expired', Readiness] => {
  switch (verdict.is) {
    case 'releases':
      return ['Waiting', { is: 'reconciling', reason: 'Progressing', message: 'it releases what it names' }]
    case 'waits':
      return [
        'Waiting',
        {
          is: 'ready',
          reason: 'WaitingForTime',
          message: verdict.because ?? `nothing is held that it names, until ${until}`,
        },
      ]
    case 'used':
      return ['Used', { is: 'ready', reason: 'Succeeded', message: `it has released ${verdict.what}` }]
    case 'expired':
      return ['Expired', { is: 'ready', reason: 'Expired', message: 'it was not used in time' }]
    case 'refused':
      return ['Refused', { is: 'stalled', reason: 'NotAllowed', message: verdict.because }]
    default:
      return verdict satisfies never
  }
}
