import type { Realm } from '../app/realm.ts'
import type { Io } from './io.ts'

/** Whether a controller runs on this store; where none does, says when what was asked for happens. */
export const loopNote = async ({ store }: Realm, io: Io): Promise<boolean> => {
  const runs = (await store.lease.read())?.held === true
  if (!runs) io.err('No controller runs on this store: it happens when one does (roster run).\n')
  return runs
}
