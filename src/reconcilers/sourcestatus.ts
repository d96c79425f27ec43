import type { Readiness, Verdict } from '../api/conditions.ts'
import type { ObjectRef } from '../api/resource.ts'
import { refText } from '../api/resource.ts'
import type { Rewriting, Source, SourceStatus } from '../api/source.ts'
import { originOf } from '../decide/origin.ts'
import type { Revision } from '../source/revision.ts'
import type { SyncResult } from '../source/sync.ts'
import { bodyOf, now, recordEvent, short, type World, writeStatus } from './context.ts'
import { rewritingAfter } from './rewriting.ts'

/** How often the time of an unchanged read is written. */
const TIME_WRITTEN = 60 * 60_000
/** Objects that a message names. */
const NAMED = 5

type Body = Omit<SourceStatus, 'conditions' | 'observedGeneration'>
const withRewritten = ({ rewritten: _, ...body }: Body, rewritten: Rewriting | undefined): Body => ({
  ...body,
  ...(rewritten && { rewritten }),
})

export const refOf = (source: Source): ObjectRef => ({ kind: 'Source', name: source.metadata.name })

/** Why an object was not written, where only a change of the source helps. */
export const MENDED_BY_PEOPLE = new Set(['InvalidSpec', 'NotAllowed'])
/** What waiting heals by itself is tried again; what somebody must mend is Stalled. */
const MENDED_BY_WAITING = new Set(['Unreachable', 'Retrying'])

/** Says that a source could not be read, or not be applied as it stands: what is in force stays. */
export const reportTrouble = async (
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

/** Says what came of a revision that was applied, and tells it on the objects too. */
export const reportSync = async (
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
    world.clock.now() - Date.parse(source.status.lastCompleteTime) >= TIME_WRITTEN ||
    // A restore waits for a read that came after it.
    source.status.lastCompleteTime < (world.restoring.current()?.time ?? '')
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
