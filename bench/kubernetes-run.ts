import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startController } from '../src/app/controller.ts'
import { noLog } from '../src/app/logging.ts'
import { openRealm } from '../src/app/openrealm.ts'
import { resolveSettings } from '../src/app/settings.ts'
import { openKubernetesStore } from '../src/store/kubernetes/store.ts'
import { compareVersions } from '../src/store/version.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'

/** What a controller in a process of its own tells its parent, once it has nothing left to do. It goes on until it is told to stop. */
export interface Started {
  /** Seconds from the lease until every object of every kind was in the cache, its indexes with it. */
  listed: number
  /** Seconds from the lease until nothing was left to do. */
  idle: number
  /** Bytes in use after a garbage collection. */
  heap: number
  rss: number
}

/** One controller over one namespace: `kubernetes-run.ts KUBECONFIG NAMESPACE FOLDER`. The store is bound to the folder of its mails. */
const run = async (kubeconfig: string, namespace: string, folder: string): Promise<void> => {
  const { settings } = resolveSettings({ flags: { data: folder }, environment: {}, cwd: folder })
  await using embedded = await openRealm({ settings, environment: {}, create: true })
  await using store = await openKubernetesStore({ kubeconfig, namespace, clock: embedded.clock })
  const begin = performance.now()
  const since = (): number => (performance.now() - begin) / 1000
  let listed: number | undefined
  const log = {
    ...noLog(),
    info: (message: string): void => {
      if (message.startsWith('listed')) listed ??= since()
    },
  }
  await using controller = await startController({
    realm: { ...embedded, store },
    log,
    metrics: createMetrics(),
    signal: new AbortController().signal,
    sources: false,
  })
  const { loop } = controller.manager
  const { resourceVersion } = await store.info()
  const isIdle = (): boolean => compareVersions(loop.idleVersion() ?? '0', resourceVersion) >= 0
  while (!isIdle()) await setTimeout(5)
  const idle = since()
  // Counts of roles and organizations are made anew every ten seconds: they belong to this pass.
  while (!isIdle() || loop.later().some(({ time }) => time <= embedded.clock.now() + 11_000)) await setTimeout(200)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { rss } = process.memoryUsage()
  collect()
  collect()
  if (listed === undefined) throw new Error('the loop is idle and has listed nothing')
  process.send?.({ listed, idle, rss, heap: process.memoryUsage().heapUsed } satisfies Started)
  await new Promise(resolve => process.once('message', resolve))
}

if (import.meta.main) {
  const [kubeconfig = '', namespace = '', folder = ''] = process.argv.slice(2)
  await run(kubeconfig, namespace, folder)
  process.disconnect?.()
}
