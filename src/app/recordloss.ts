import type { Kind } from '../api/names.ts'
import {
  bearable,
  isLasting,
  isWorthNoting,
  LASTING_RECORDS,
  type LastingRecord,
  lostRecords,
  type RecordCounts,
  type RecordLoss,
} from '../decide/record-loss.ts'
import { timestamp } from '../ports/clock.ts'
import { rootsAmong } from '../reconcilers/context.ts'
import type { Expectation } from '../runtime/expectation.ts'
import type { Informer } from '../runtime/informer.ts'
import { StoreUnusableError } from '../store/errors.ts'
import type { ResourceStore } from '../store/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Realm } from './realm.ts'

/** Records that only Roster takes away are gone. The loop does not run on what is left. */
export class RecordsLostError extends StoreUnusableError {
  readonly losses: readonly RecordLoss[]
  /** Seen to go while the loop ran, and not only missing. */
  readonly seen: boolean
  constructor(losses: readonly RecordLoss[], options: { seen?: boolean } = {}) {
    super(
      `records of this realm are gone: ${losses.map(textOf).join(', ')}. Nothing is done: everybody would be invited anew`,
      'bring them back, or restore the last backup into another place (`roster restore`). To go on without them, `roster accept-loss records` says what that means',
    )
    this.losses = losses
    this.seen = options.seen ?? false
  }
}

const textOf = ({ kind, noted, found }: RecordLoss): string => `${found} of ${noted} ${kind}`

/** What a realm expects of its lists: the records that were counted. */
export const expectingRecords =
  (store: Pick<ResourceStore, 'marks'>) =>
  // Read before the list: what is noted meanwhile may not be in it yet.
  async (): Promise<Expectation> => {
    const { records = {}, lost = [] } = await store.marks()
    const there = new Map<Kind, number>()
    const gone = new Map<Kind, number>()
    return {
      listed: count => {
        const losses = lost.length > 0 ? lost : lostRecords(records, count)
        if (losses.length > 0) throw new RecordsLostError(losses)
        for (const kind of LASTING_RECORDS) there.set(kind, count(kind))
      },
      deleted: (kind, count) => {
        if (!isLasting(kind)) return
        // Those that are made again as they go are new ones: only what went counts.
        const missing = (gone.get(kind) ?? 0) + 1
        gone.set(kind, missing)
        const noted = Math.max(there.get(kind) ?? 0, records[kind] ?? 0, count + missing - 1)
        if (missing === noted || missing > bearable(noted))
          throw new RecordsLostError([{ kind, noted, found: noted - missing }], { seen: true })
      },
    }
  }

/**
 * Notes how many records there are: at once where there are many more than were noted, and all when the loop has ended well.
 * @returns ends it
 */
export const noteRecords = ({
  informer,
  store,
  log,
}: {
  informer: Pick<Informer, 'cache' | 'onChange'>
  store: Pick<ResourceStore, 'marks' | 'mark'>
  log: Log
}): ((how: { well: boolean }) => Promise<void>) => {
  const count = (kind: LastingRecord) => informer.cache.count(kind)
  const counts = (): RecordCounts =>
    Object.fromEntries(LASTING_RECORDS.flatMap(kind => (count(kind) > 0 ? [[kind, count(kind)]] : [])))
  const note = async (wanted: RecordCounts): Promise<RecordCounts> =>
    (await store.mark(marks => ({ ...marks, records: wanted }))).records ?? {}
  let noted: RecordCounts = {}
  let writing: Promise<void> | undefined
  const write = (wanted: RecordCounts): void => {
    writing ??= note(wanted)
      .then(
        written => {
          noted = written
        },
        (error: unknown) =>
          log.warn('how many records there are could not be noted; it is tried again when there are more', { error }),
      )
      .finally(() => {
        writing = undefined
      })
  }
  // What is missing now may be missing: from here on it is counted anew.
  write(counts())
  const stop = informer.onChange(({ kind, after }) => {
    if (after && isLasting(kind) && isWorthNoting(noted, count)) write(counts())
  })
  return async ({ well }) => {
    stop()
    await writing
    if (!well || !LASTING_RECORDS.some(kind => count(kind) > (noted[kind] ?? 0))) return
    write(counts())
    await writing
  }
}

/** Writes down what was seen to go, so that no later start takes those that were made again for those that went. */
export const noteRecordLoss = async (store: Pick<ResourceStore, 'mark'>, error: RecordsLostError): Promise<void> => {
  if (error.seen) await store.mark(marks => ({ ...marks, lost: error.losses }))
}

/** Organizations at which it is told. */
const SHOWN = 10

/** An Event at the organizations, where people look. What cannot be told there is in the log. */
export const tellRecordLoss = async ({ store, clock }: Pick<Realm, 'store' | 'clock'>, error: RecordsLostError) => {
  const { items } = await store.list('Organization')
  const roots = rootsAmong(items).slice(0, SHOWN)
  for (const { metadata } of roots)
    await store.events.record({
      ref: { kind: 'Organization', name: metadata.name, uid: metadata.uid },
      type: 'Warning',
      reason: 'RecordsLost',
      message: `${error.message}; ${error.remedy}`,
      time: timestamp(clock.now()),
    })
}

/** What is gone, and how many there are of each kind now. Changes nothing. */
export const planRecordLoss = async ({ store }: Pick<Realm, 'store'>): Promise<RecordLoss[]> => {
  const { records = {}, lost = [] } = await store.marks()
  const counts = new Map<Kind, number>()
  for (const kind of LASTING_RECORDS) counts.set(kind, (await store.list(kind)).items.length)
  const missing = lostRecords(records, kind => counts.get(kind) ?? 0)
  return [...missing, ...lost.filter(({ kind }) => !missing.some(one => one.kind === kind))]
}

/** Takes the records that are left for all there are. In the audit trail before and after. */
export const acceptRecordLoss = async (realm: Realm, losses: readonly RecordLoss[]): Promise<void> => {
  const entry = {
    actor: realm.actor,
    action: 'records.accept',
    target: 'realm',
    because: losses.map(textOf).join(', '),
  }
  await realm.audit.append({ phase: 'intent', ...entry })
  // Counted anew at the next start.
  await realm.store.mark(({ records: _records, lost: _lost, ...marks }) => marks)
  await realm.audit.append({ phase: 'result', ...entry })
}
