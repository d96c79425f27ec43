import type { DeclaredResource } from '../api/kinds.ts'
import { DECLARED_KINDS, type DeclaredKind, LABELS } from '../api/names.ts'
import { refText } from '../api/resource.ts'
import type { Source } from '../api/source.ts'
import { durationMilliseconds } from '../decide/time.ts'
import type { Reconciler, Watch } from '../runtime/reconciler.ts'
import type { SourceHub } from '../source/hub.ts'
import type { syncRevision } from '../source/sync.ts'
import { bodyOf, isPaused, type World, watch, writeStatus } from './context.ts'
import { belongingIn, permitToPrune } from './pruning.ts'
import { rewritingAt } from './rewriting.ts'
import { MENDED_BY_PEOPLE, refOf, reportSync, reportTrouble } from './sourcestatus.ts'

/** A folder tells when it changes; it is read again this often all the same, so that hand edits in the store are taken back. */
const FOLDER_INTERVAL = 5 * 60_000
/** What was in the middle of a change, or could not be written, is tried again after this. */
const SOON = { partial: 2_000, failed: 10_000 } as const

export interface SourceParts {
  hub: Pick<SourceHub, 'read' | 'noteAuthors' | 'release' | 'memory' | 'knownMemory' | 'others' | 'wake' | 'waitFor'>
  sync: typeof syncRevision
}

/** Reads a source, applies a complete revision, and says in the status what came of it. A source that cannot be read changes nothing. */
export const sourceReconciler = (world: World, { hub, sync }: SourceParts): Reconciler<'Source'> => ({
  kind: 'Source',
  watches: [
    watch({
      kind: 'Approval',
      changed: ({ spec }) => spec,
      wakes: ({ spec }, cache) => cache.by('Source', 'rewritten', spec.releases).map(one => one.metadata.name),
    }),
    ...DECLARED_KINDS.map(kind => undoneBy(world, hub, kind)),
  ],
  reconcile: async (name, { signal }) => {
    const source = world.cache.get('Source', name)
    // Deleting a source orphans what it applied.
    if (!source || source.metadata.deletionTimestamp !== undefined) {
      await hub.release(name)
      return undefined
    }
    if (isPaused(source)) {
      await hub.release(name)
      await writeStatus(world, source, bodyOf(source), {
        is: 'ready',
        reason: 'Paused',
        message: 'paused; nothing is read',
      })
      return undefined
    }
    const soon = (pause: number) => ({ again: world.clock.now() + Math.min(pause, intervalOf(source)) })
    const again = soon(Number.POSITIVE_INFINITY)
    const revision = await hub.read(source, { signal, now: world.clock.now() })
    if (revision.outcome !== 'Complete') {
      const rewritten =
        revision.reason === 'HistoryRewritten' && revision.id !== undefined
          ? await rewritingAt(world, source, revision.id)
          : source.status?.rewritten
      await reportTrouble(world, source, revision, rewritten)
      // Released just now: it is read again, and taken.
      if (rewritten?.approval && !source.status?.rewritten?.approval) return { again: world.clock.now() }
      return source.spec.folder && revision.reason === 'Retrying' ? soon(SOON.partial) : again
    }
    const options = {
      store: world.store,
      source: name,
      revision,
      prune: source.spec.prune ?? false,
      authority: { may: source.spec.may },
      permit: permitToPrune(
        `${refText(refOf(source))} at ${revision.id} no longer declares it`,
        belongingIn(world.cache),
      ),
      signal,
      live: world.cache,
      others: hub.others(name, readSources(world), world.clock.now()),
      memory: hub.memory(name),
    }
    const result = await sync(options)
    // Who gives something away, or takes it, has the other one look again.
    for (const other of new Set([...result.moving.map(({ to }) => to), ...result.takenOver.map(({ from }) => from)]))
      hub.wake(other)
    hub.waitFor(name, result.waitsFor)
    if (result.kept?.reason === 'EmptySource') {
      // What was there yesterday and is nothing today is a mistake until a person says otherwise: the last good revision stays in force.
      const { reason, message } = result.kept
      await reportTrouble(
        world,
        source,
        { outcome: 'Partial', id: revision.id, reason, message, findings: [] },
        source.status?.rewritten,
      )
      return again
    }
    await reportSync(world, source, revision, result)
    await hub.noteAuthors(options)
    return result.failed.some(({ reason }) => !MENDED_BY_PEOPLE.has(reason)) ? soon(SOON.failed) : again
  },
})

/** Wakes a source when somebody changes what it declares, so that it is taken back at once and not at the next look. */
const undoneBy = <K extends DeclaredKind>(
  world: Pick<World, 'clock'>,
  hub: Pick<SourceHub, 'knownMemory'>,
  kind: K,
): Watch =>
  watch<K>({
    kind,
    changed: ({ metadata: { generation, labels, annotations, deletionTimestamp } }) => [
      generation,
      labels,
      annotations,
      deletionTimestamp,
    ],
    // By the label as it was and as it is: it may be what was changed.
    wakes: ({ metadata }, cache) => {
      const source = metadata.labels?.[LABELS.source]
      const memory = source === undefined ? undefined : hub.knownMemory(source)
      const live = cache.get(kind, metadata.name) as DeclaredResource | undefined
      return source !== undefined && memory?.isUndone(`${kind}/${metadata.name}`, live, world.clock.now())
        ? [source]
        : []
    },
  })

/** Sources that are read at all. */
const readSources = ({ cache }: Pick<World, 'cache'>): string[] =>
  [...cache.list('Source')]
    .filter(source => source.metadata.deletionTimestamp === undefined && !isPaused(source))
    .map(({ metadata }) => metadata.name)

const intervalOf = (source: Source): number =>
  source.spec.git ? durationMilliseconds(source.spec.git.interval ?? '1m') : FOLDER_INTERVAL
