import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CredentialStore } from '../../ports/credentials.ts'
import { GoneError, StoreUnusableError } from '../../store/errors.ts'
import { beginKubernetesRestore } from '../../store/kubernetes/restore.ts'
import { snapshotKubernetes } from '../../store/kubernetes/snapshot.ts'
import type { KubernetesStoreOptions } from '../../store/kubernetes/store.ts'
import type { StoreInfo } from '../../store/store.ts'
import { ArchiveError } from '../archive.ts'
import { writeCredentials, writeObjects } from './portable.ts'
import { rebuild } from './rebuild.ts'
import { FILES, identity, openUnpacked, unpack } from './unpack.ts'
import { writeWhole } from './whole.ts'

/** How often a backup begins anew because it took longer than the API server keeps old versions. */
const TRIES = 3

/**
 * Writes a realm that lives in Kubernetes into one file (a tar, 0600), while anybody may go on writing: all resources and records as they were at one moment, then the password of each Account in them.
 * Sessions, tickets, keys, Events, statuses and the audit trail are not in it. The file is whole or not there.
 * @throws ArchiveError, StoreUnusableError, and others of the cluster
 */
export const backUpCluster = async (options: {
  cluster: KubernetesStoreOptions
  credentials: Pick<CredentialStore, 'passwordHash'>
  file: string
  /** RFC 3339. */
  time: string
}): Promise<StoreInfo & { counts: Record<string, number>; credentials: number }> => {
  const { cluster, credentials, file, time } = options
  const attempt = () =>
    writeWhole(file, async work => {
      using snapshot = await snapshotKubernetes({ ...cluster, now: () => cluster.clock.now() })
      const { counts, accounts } = await writeObjects(join(work, FILES.objects), snapshot)
      const count = await writeCredentials(join(work, FILES.passwords), credentials, accounts)
      const { info, lease } = snapshot
      return {
        names: [FILES.objects, FILES.passwords],
        about: { format: 'roster-backup/2', time, ...info, lease, counts: { ...counts, credentials: count } },
        result: { ...info, counts, credentials: count },
      }
    })
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof GoneError) || tries === TRIES) throw error
    }
  }
}

/**
 * Makes a realm of a backup, from either home, in a namespace without resources: a new realm and a higher epoch, so no link and no session of before works. Objects have new uids, and records point at those.
 * What is cut off is marked, nobody runs the loop there, and the same backup goes on.
 * @throws ArchiveError, StoreUnusableError, and others of the cluster
 */
export const restoreCluster = async (options: {
  cluster: KubernetesStoreOptions
  /** Of the new realm. */
  credentials: CredentialStore
  file: string
  holder: string
  signal: AbortSignal
  onProgress?: (made: number) => void
}): Promise<StoreInfo & { time: string; resumed: boolean; keysMailed: boolean }> => {
  const { cluster, credentials, file, holder, signal, onProgress } = options
  if (!existsSync(file)) throw new ArchiveError(`${file} does not exist; name the file that \`roster backup\` made`)
  const work = await mkdtemp(join(tmpdir(), 'roster-restore-'))
  try {
    const about = await unpack(file, work)
    await using backup = await openUnpacked(about, work)
    await using realm = await beginKubernetesRestore({
      ...cluster,
      backup: identity(about),
      after: about.epoch,
      binding: backup.binding,
      holder,
      signal,
      empty: async () => {
        for await (const { account } of backup.passwords())
          if (await credentials.hasCredential(account))
            throw new StoreUnusableError(
              `there is a password of the account ${account} already`,
              'passwords are restored where none of them is: name another namespace for credentials',
            )
      },
    })
    await rebuild({
      store: realm.store,
      objects: backup.objects(),
      passwords: backup.passwords(),
      credentials,
      resumed: realm.resumed,
      signal: AbortSignal.any([signal, realm.lease.lost]),
      ...(onProgress && { onProgress }),
    })
    if (backup.lease.clockMark !== undefined) await realm.lease.markClock(backup.lease.clockMark)
    const keysMailed = (await realm.store.list('SeatLedger')).items.some(({ spec }) => spec.keys.length > 0)
    return { ...(await realm.finish(about.time)), time: about.time, resumed: realm.resumed, keysMailed }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
