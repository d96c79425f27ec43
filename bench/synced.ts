import { join } from 'node:path'
import { startController } from '../src/app/controller.ts'
import { noLog } from '../src/app/logging.ts'
import { openRealm } from '../src/app/openrealm.ts'
import type { Realm } from '../src/app/realm.ts'
import { resolveSettings } from '../src/app/settings.ts'
import { requestSync } from '../src/app/syncing.ts'
import { compareVersions } from '../src/store/version.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'

/** @param flags further settings */
export const realmIn = (folder: string, flags: Record<string, unknown>): Promise<Realm> =>
  openRealm({
    settings: resolveSettings({ flags: { data: join(folder, 'data'), ...flags }, environment: {}, cwd: folder })
      .settings,
    environment: {},
    create: true,
  })

/** A controller of its own, without log. */
export const controllerOf = (realm: Realm, { sources }: { sources: boolean }) =>
  startController({
    realm,
    log: noLog(),
    metrics: createMetrics(),
    signal: new AbortController().signal,
    sources,
  })

/** Resolves once nothing is left to do of all that was written. */
export const untilIdle = async (
  realm: Realm,
  { manager: { loop } }: Awaited<ReturnType<typeof controllerOf>>,
): Promise<void> => {
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      const idle = loop.idleVersion()
      if (idle === undefined) return
      realm.store.info().then(({ resourceVersion }) => {
        if (compareVersions(idle, resourceVersion) < 0) return
        stop()
        resolve()
      }, reject)
    }
    const stop = loop.onIdleChange(look)
    look()
  })
}

/** Has a directory read, once the controller leads. @returns seconds, and what the read says of itself */
export const synced = async (realm: Realm, directory: string) => {
  await using _ = await controllerOf(realm, { sources: true })
  const begin = performance.now()
  const wait = await requestSync(realm, directory, { allowEmpty: false })
  const ended = await wait(new AbortController().signal, () => undefined)
  if (ended.is !== 'read' || ended.directory.status?.lastSync?.outcome !== 'Complete')
    throw new Error(`the directory was not read: ${JSON.stringify(ended)}`)
  return { seconds: (performance.now() - begin) / 1000, ...ended.directory.status.lastSync }
}
