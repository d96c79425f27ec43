import { join } from 'node:path'
import { startController } from '../src/app/controller.ts'
import { noLog } from '../src/app/logging.ts'
import { openRealm } from '../src/app/openrealm.ts'
import type { Realm } from '../src/app/realm.ts'
import { resolveSettings } from '../src/app/settings.ts'
import { requestSync } from '../src/app/syncing.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'

/** @param flags further settings */
export const realmIn = (folder: string, flags: Record<string, unknown>): Promise<Realm> =>
  openRealm({
    settings: resolveSettings({ flags: { data: join(folder, 'data'), ...flags }, environment: {}, cwd: folder })
      .settings,
    environment: {},
    create: true,
  })

/** Has a directory read, once the controller leads. @returns seconds, and what the read says of itself */
export const synced = async (realm: Realm, directory: string) => {
  await using _ = await startController({
    realm,
    log: noLog(),
    metrics: createMetrics(),
    signal: new AbortController().signal,
    sources: true,
  })
  const begin = performance.now()
  const wait = await requestSync(realm, directory, { allowEmpty: false })
  const ended = await wait(new AbortController().signal, () => undefined)
  if (ended.is !== 'read' || ended.directory.status?.lastSync?.outcome !== 'Complete')
    throw new Error(`the directory was not read: ${JSON.stringify(ended)}`)
  return { seconds: (performance.now() - begin) / 1000, ...ended.directory.status.lastSync }
}
