import type { Readiness, Verdict } from '../api/conditions.ts'
import type { DeclaredResource } from '../api/kinds.ts'
import { DECLARED_KINDS, type DeclaredKind, LABELS } from '../api/names.ts'
import type { ObjectRef } from '../api/resource.ts'
import { refText } from '../api/resource.ts'
import type { Rewriting, Source, SourceStatus } from '../api/source.ts'
import { originOf } from '../decide/origin.ts'
import { durationMilliseconds } from '../decide/time.ts'
import type { Reconciler, Watch } from '../runtime/reconciler.ts'
import type { SourceHub } from '../source/hub.ts'
import type { Revision } from '../source/revision.ts'
import type { SyncResult, syncRevision } from '../source/sync.ts'
import { isPaused, now, recordEvent, type World, watch, writeStatus } from './context.ts'
import { belongingIn, permitToPrune } from './pruning.ts'
import { rewritingAfter, rewritingAt } from './rewriting.ts'

/** A folder tells when it changes; it is read again this often all the same, so that hand edits in the store are taken back. */
const FOLDER_INTERVAL = 5 * 60_000
/** What was in the middle of a change, or could not be written, is tried again after this. */
const SOON = { partial: 2_000, failed: 10_000 } as const
/** How often the time of an unchanged read is written. */
const TIME_WRITTEN = 60 * 60_000
/** Objects that a message names. */
const NAMED = 5

export interface SourceParts {
  hub: Pick<SourceHub, 'read' | 'release' | 'memory' | 'knownMemory' | 'others' | 'wake' | 'waitFor'>
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
    const result = await sync({
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
      others: hub.others(name, readSources(world), world.clock.now()),
      memory: hub.memory(name),
    })
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

type Body = Omit<SourceStatus, 'conditions'>
const bodyOf = (source: Source): Body => {
  const { conditions: _, ...body } = source.status ?? {}
  return body
}
const withRewritten = ({ rewritten: _, ...body }: Body, rewritten: Rewriting | undefined): Body => ({
  ...body,
  ...(rewritten && { rewritten }),
})

const refOf = (source: Source): ObjectRef => ({ kind: 'Source', name: source.metadata.name })

/** Why an object was not written, where only a change of the source helps. */
const MENDED_BY_PEOPLE = new Set(['InvalidSpec', 'NotAllowed'])
/** What waiting heals by itself is tried again; what somebody must mend is Stalled. */
const MENDED_BY_WAITING = new Set(['Unreachable', 'Retrying'])

const reportTrouble = async (
  world: World,
  source: Source,
  revision: Exclude<Revision, { outcome: 'Complete' }>,
  rewritten: Rewriting | undefined,
): Promise<void> => {
  const { reason, message, id } = revision
  const body: Body = {
    ...withRewritten(bodyOf(source), rewritten),
    outcome: revision.outcome,
    ...(id === undefined ? {} : { lastAttemptedRevision: id }),
  }
  const before = source.status?.conditions?.find(({ type }) => type === 'Ready')
  await writeStatus(
    world,
    source,
    body,
    { is: MENDED_BY_WAITING.has(reason) ? 'reconciling' : 'stalled', reason, message: short(message) },
    [{ type: 'Synced', status: 'False', reason, message: short(message) }],
  )
  if (before?.reason !== reason || before.message !== short(message))
    await recordEvent(world, refOf(source), 'Warning', reason, short(message))
}

const reportSync = async (
  world: World,
  source: Source,
  revision: Extract<Revision, { outcome: 'Complete' }>,
  result: SyncResult,
): Promise<void> => {
  const whole = result.failed.length === 0
  let body: Body = {
    ...withRewritten(bodyOf(source), rewritingAfter(source, whole)),
    outcome: 'Complete',
    lastAttemptedRevision: revision.id,
    objects: result.objects,
  }
  const changed = result.created.length + result.updated.length + result.pruned.length > 0
  const stale =
    source.status?.lastCompleteTime === undefined ||
    world.clock.now() - Date.parse(source.status.lastCompleteTime) >= TIME_WRITTEN
  if (whole && (changed || stale || source.status?.lastAppliedRevision !== revision.id))
    body.lastCompleteTime = now(world)
  if (whole) {
    const { lastAppliedFrom: _, ...rest } = body
    const from = originOf(source.spec)
    body = { ...rest, lastAppliedRevision: revision.id, ...(from !== undefined && { lastAppliedFrom: from }) }
  }
  const applied = [
    `revision ${revision.id}: ${result.objects} resources`,
    ...[result.kept?.message, movingText(result), revision.notice].filter(text => text !== undefined),
  ].join('; ')
  const verdicts: Verdict[] = [{ type: 'Synced', status: 'True', reason: 'Applied', message: applied }]
  if (result.conflicts.length > 0)
    verdicts.push({ type: 'Conflict', status: 'True', reason: 'Conflict', message: conflictText(result) })

  await writeStatus(world, source, body, readinessOf(result, applied), verdicts)
  await tell(world, source, result)
}

const readinessOf = (result: SyncResult, applied: string): Readiness => {
  const [failed] = result.failed
  if (failed)
    return {
      // What a store refuses for what it says is refused again, until somebody changes it.
      is: result.failed.every(({ reason }) => MENDED_BY_PEOPLE.has(reason)) ? 'stalled' : 'reconciling',
      reason: failed.reason,
      message: short(
        `${result.failed.length} resources could not be written: ${list(result.failed.map(({ message }) => message))}`,
      ),
    }
  if (result.conflicts.length > 0) return { is: 'stalled', reason: 'Conflict', message: conflictText(result) }
  return { is: 'ready', reason: 'Succeeded', message: applied }
}

const movingText = ({ moving }: SyncResult): string | undefined =>
  moving.length === 0
    ? undefined
    : short(list(moving.map(({ ref, to }) => `${refText(ref)} is declared by Source/${to} now, which takes it over`)))

const conflictText = ({ conflicts }: SyncResult): string =>
  short(list(conflicts.map(({ ref, holder, place }) => `${refText(ref)} (${place}) is kept by ${holder}`)))

/** Events on the objects themselves, so that `describe` shows them. What the status said before is not told again. */
const tell = async (world: World, source: Source, result: SyncResult): Promise<void> => {
  const said = (type: 'Conflict' | 'Synced', message: string): boolean =>
    source.status?.conditions?.some(condition => condition.type === type && condition.message.includes(message)) ??
    false
  // With the uid, without which `kubectl describe` does not find an Event.
  const lifeOf = (ref: ObjectRef): ObjectRef => {
    const uid = world.cache.get(ref.kind, ref.name)?.metadata.uid
    return { ...ref, ...(uid !== undefined && { uid }) }
  }
  for (const { ref, fields } of result.taken)
    await recordEvent(
      world,
      lifeOf(ref),
      'Warning',
      'TakenBack',
      short(
        `${refText(refOf(source))} took back ${list(fields.map(({ field, manager }) => `${field} from ${manager}`))}`,
      ),
    )
  for (const { ref, by, place } of result.frozen)
    await recordEvent(
      world,
      lifeOf(ref),
      'Warning',
      'Frozen',
      short(
        `${place} says \`frozen: false\`, but ${by} has frozen it: it stays frozen until \`roster unfreeze ${ref.name}\``,
      ),
    )
  if (!said('Conflict', conflictText(result)))
    for (const { ref, holder, place } of result.conflicts)
      await recordEvent(
        world,
        lifeOf(ref),
        'Warning',
        'Conflict',
        short(`${refText(refOf(source))} declares it too (${place}); ${holder} keeps it`),
      )
  for (const { ref, from } of result.takenOver)
    await recordEvent(
      world,
      lifeOf(ref),
      'Normal',
      'TakenOver',
      `${refText(refOf(source))} took it over from Source/${from}, which no longer declares it`,
    )
  if (result.pruned.length > 0)
    await recordEvent(
      world,
      refOf(source),
      'Normal',
      'Pruned',
      short(`no longer declares ${list(result.pruned.map(refText))}`),
    )
  if (result.kept && !said('Synced', result.kept.message))
    await recordEvent(
      world,
      refOf(source),
      'Warning',
      result.kept.reason,
      short(`${result.kept.message}: ${list(result.kept.refs.map((ref: ObjectRef) => refText(ref)))}`),
    )
}

const list = (texts: readonly string[]): string =>
  texts.length <= NAMED ? texts.join(', ') : `${texts.slice(0, NAMED).join(', ')} and ${texts.length - NAMED} more`
const short = (text: string): string => (text.length <= 1000 ? text : `${text.slice(0, 999)}…`)
