import { findCondition, type Readiness, type Verdict } from '../api/conditions.ts'
import { counted, people } from '../api/counted.ts'
import type { Directory, DirectoryStatus } from '../api/directory.ts'
import { passesByItself } from '../decide/reading.ts'
import { bodyOf, now, recordEvent, refOf, short, type World, writeStatus } from './context.ts'
import { peopleOf, type Reading } from './directoryread.ts'

/** How often the time of a read that found nothing new is written. */
const TIME_WRITTEN = 60 * 60_000

type Body = Omit<DirectoryStatus, 'conditions' | 'observedGeneration'>

/** Says what came of a read. One that found nothing new writes its time once an hour, unless somebody asked for it. */
export const reportReading = async (
  world: World,
  directory: Directory,
  { verdict, read, created, updated, removed, unusable, requests, groups }: Reading & { groups: readonly string[] },
  request: string | undefined,
): Promise<void> => {
  const { lastSync, lastCompleteTime, request: answered, importedGroups, ...rest } = bodyOf(directory)
  const complete = verdict.outcome === 'Complete'
  const counts = { users: read.users, groups: read.groups, unusable }
  const isNew =
    created + updated + removed > 0 ||
    lastSync?.outcome !== verdict.outcome ||
    Object.entries(counts).some(([key, count]) => lastSync?.[key as keyof typeof counts] !== count) ||
    request !== answered ||
    world.clock.now() - Date.parse(lastSync.endTime) >= TIME_WRITTEN ||
    // A restore waits for a read that came after it.
    (lastCompleteTime ?? '') < (world.restoring.current()?.time ?? '')
  const { reading: _, ...kept } = rest
  const who = await peopleOf(world, directory)
  const body: Body = {
    ...kept,
    people: who,
    lastSync: isNew
      ? { outcome: verdict.outcome, ...counts, created, updated, removed, requests, endTime: now(world) }
      : lastSync,
    ...(complete ? groups.length > 0 && { importedGroups: [...groups] } : importedGroups && { importedGroups }),
    ...(request !== undefined && { request }),
    ...(complete && isNew ? { lastCompleteTime: now(world) } : lastCompleteTime !== undefined && { lastCompleteTime }),
  }
  const found = `${people(read.users)} and ${counted(read.groups, 'group')}${unusable > 0 ? `; ${unusable} cannot be taken as they are` : ''}`
  const is: Readiness = complete
    ? {
        is: 'ready',
        reason: 'Succeeded',
        message: `${who.imported === undefined ? 'observed' : `${counted(who.imported, 'person belongs', 'people belong')} to ${directory.spec.organization}`}: ${found}`,
      }
    : {
        is: passesByItself(verdict.reason) ? 'reconciling' : 'stalled',
        reason: verdict.reason,
        message: short(verdict.message),
      }
  const connected: Verdict =
    verdict.outcome === 'Failed'
      ? { type: 'Connected', status: 'False', reason: verdict.reason, message: short(verdict.message) }
      : { type: 'Connected', status: 'True', reason: 'Succeeded', message: 'it answers' }
  const synced: Verdict = complete
    ? { type: 'Synced', status: 'True', reason: 'Succeeded', message: `everything was read: ${found}` }
    : { type: 'Synced', status: 'False', reason: verdict.reason, message: short(verdict.message) }
  const stale = complete ? undefined : findCondition(directory.status?.conditions, 'Stale')
  const before = findCondition(directory.status?.conditions, 'Synced')
  await writeStatus(world, directory, body, is, [connected, synced, ...(stale ? [staleVerdict(directory)] : [])])
  if (!complete && (before?.reason !== verdict.reason || before.message !== short(verdict.message)))
    await recordEvent(world, refOf(directory), 'Warning', verdict.reason, short(verdict.message))
  if (complete && created + updated + removed > 0)
    await recordEvent(
      world,
      refOf(directory),
      'Normal',
      'Seen',
      `${created} new, ${updated} changed and ${removed} gone, of ${found}`,
    )
}

/** Says that nothing complete was read for long, once. */
export const reportStale = async (world: World, directory: Directory): Promise<void> => {
  const { conditions = [] } = directory.status ?? {}
  if (findCondition(conditions, 'Stale')) return
  const verdicts = conditions.flatMap((one): Verdict[] =>
    one.type === 'Connected' || one.type === 'Synced' ? [one as Verdict] : [],
  )
  const stale = staleVerdict(directory)
  await writeStatus(world, directory, bodyOf(directory), readinessIn(directory, stale.message), [...verdicts, stale])
  await recordEvent(world, refOf(directory), 'Warning', 'Stale', stale.message)
}

const staleVerdict = ({ status }: Directory): Verdict => ({
  type: 'Stale',
  status: 'True',
  reason: 'Stale',
  message: `nothing complete was read ${status?.lastCompleteTime === undefined ? 'yet' : `since ${status.lastCompleteTime}`}, for more than two intervals`,
})

/** As it is. */
const readinessIn = ({ status }: Directory, message: string): Readiness => {
  const ready = findCondition(status?.conditions, 'Ready')
  if (!ready) return { is: 'reconciling', reason: 'Progressing', message }
  const isStalled = findCondition(status?.conditions, 'Stalled') !== undefined
  const is = ready.status === 'True' ? 'ready' : isStalled ? 'stalled' : 'reconciling'
  // Of our own conditions every reason is one of ours.
  return { is, reason: ready.reason as Readiness['reason'], message: ready.message }
}
