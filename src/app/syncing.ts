import type { Directory, DirectoryStatus } from '../api/directory.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { Realm } from './realm.ts'
import { requestRun } from './requests.ts'
import { waitWhile } from './waiting.ts'

/** What came of a directory that somebody asked to be read. */
export type Synced = { is: 'read'; directory: Directory } | { is: 'gone' } | { is: 'late' }

/**
 * Has the controller read a directory now.
 * @param options.allowEmpty takes nobody for nobody, this once
 * @returns waits for the answer, for as long as the signal lets it
 * @throws RequestError
 */
export const requestSync = async (
  realm: Pick<Realm, 'store' | 'clock' | 'actor' | 'audit'>,
  name: string,
  options: { allowEmpty: boolean },
): Promise<
  (signal: AbortSignal, progress: (read: NonNullable<DirectoryStatus['reading']>) => void) => Promise<Synced>
> => {
  const also = options.allowEmpty ? [ANNOTATIONS.allowEmpty] : []
  if (options.allowEmpty)
    await realm.audit.append({
      phase: 'change',
      actor: realm.actor,
      action: 'directory.allowEmpty',
      target: `Directory/${name}`,
    })
  const { token } = await requestRun(realm, { kind: 'Directory', name }, also)
  return async (signal, progress) => {
    const answer = (directory: Directory | undefined): Synced | undefined => {
      if (!directory) return { is: 'gone' }
      if (directory.status?.request === token) return { is: 'read', directory }
      if (directory.status?.reading) progress(directory.status.reading)
      return undefined
    }
    return (await waitWhile(realm, { kind: 'Directory', name }, answer, signal)) ?? { is: 'late' }
  }
}
