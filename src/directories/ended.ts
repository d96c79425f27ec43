import type { DirectoryCheck, DirectoryDriver, FoundPage, ReadOutcome } from '../ports/directory.ts'
import { type Lack, lackOf } from './trouble.ts'

type Failure = Exclude<ReadOutcome, { outcome: 'Complete' }>
/** Requests until now. */
export interface Tally {
  requests: number
}

/**
 * Runs a read, and says how it ended: trouble of the service is an outcome, and everything else is thrown.
 * @param options.work tells page by page; what it returns is missing, and undefined is nothing
 * @throws the signal's reason once it aborts; what `take` throws
 */
export const endedRead = async (
  { signal, take }: Parameters<DirectoryDriver['read']>[0],
  tally: Tally,
  work: (take: (page: FoundPage) => Promise<void>) => Promise<Lack | undefined>,
): Promise<ReadOutcome & { requests: number }> => {
  let told = false
  const ended = await trying(signal, async () => {
    const lack = await work(async page => {
      told = true
      await take(page)
      signal.throwIfAborted()
    })
    return lack ? { lack } : { value: undefined }
  })
  if (!('lack' in ended)) return { outcome: 'Complete', ...tally }
  return { outcome: told ? 'Partial' : 'Failed', ...ended.lack, ...tally }
}

/**
 * Runs a check: trouble of the service is an outcome.
 * @throws the signal's reason once it aborts
 */
export const endedCheck = async (
  signal: AbortSignal,
  work: () => Promise<DirectoryCheck>,
): Promise<DirectoryCheck | Failure> => {
  const ended = await trying(signal, async () => ({ value: await work() }))
  return 'lack' in ended ? { outcome: 'Failed', ...ended.lack } : ended.value
}

type Ended<Value> = { readonly value: Value } | { readonly lack: Lack }

const trying = async <Value>(signal: AbortSignal, work: () => Promise<Ended<Value>>): Promise<Ended<Value>> => {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    const lack = lackOf(error)
    if (!lack) throw error
    return { lack: { reason: lack.reason, message: lack.message } }
  }
}
