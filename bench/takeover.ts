import { setTimeout as pause } from 'node:timers/promises'
import { LEASE_TIMES } from '../src/store/kubernetes/lease.ts'
import { leader, newRealm, replicaOf } from '../test/e2e/cluster.ts'
import type { Workplace } from '../test/e2e/process.ts'
import { startCluster, type TestCluster } from '../test/kube/apiserver.ts'
import { installCrds } from '../test/kube/crds.ts'
import type { Bench, Row } from './bench.ts'

/** How long a realm of two replicas has nobody who leads: after kill -9, and after a goodbye. Seconds in which a replica may take over, against those in which none may. */
export const takeover: Bench = {
  name: 'take-over',
  async run() {
    await using cluster = await startCluster()
    await installCrds(cluster)
    const namespace = await newRealm(cluster)
    const options = { publicUrl: 'https://people.acme.example' }
    await using first = await replicaOf(cluster, namespace, options)
    await using second = await replicaOf(cluster, namespace, options)
    const folder = ['--mail-dir', `${first.folder}/mail`]
    const leading = await first.run(...folder)
    const standing = await standBy(second, folder)
    const killed = await timeTo(cluster, namespace, standing.pid, () => leading.child.kill('SIGKILL'))
    const next = await standBy(first, folder)
    const left = await timeTo(cluster, namespace, next.pid, () => standing.kill('SIGTERM'))
    next.kill('SIGTERM')
    return [
      row('after kill -9', killed, LEASE_TIMES.duration, 'duration of the lease', 20),
      row('after SIGTERM', left, LEASE_TIMES.retry, 'time between two looks', 5),
    ]
  },
}

const row = (name: string, figure: number, floor: number, against: string, most: number): Row => ({
  name,
  figure: figure / 1000,
  floor: floor / 1000,
  unit: 's',
  against,
  aim: Number(((most * 1000) / floor).toFixed(2)),
})

const standBy = async (place: Workplace, options: readonly string[]) => {
  const { child, output } = place.spawn('run', ...options)
  while (!output().includes('Standing by: ')) await pause(20)
  while (!(await fetch(`http://127.0.0.1:${place.opsPort}/readyz`).catch(() => undefined))?.ok) await pause(20)
  return child
}

/** Milliseconds from what happens to the moment when the process with this id has the lease. */
const timeTo = async (
  cluster: TestCluster,
  namespace: string,
  pid: number | undefined,
  happens: () => void,
): Promise<number> => {
  const began = performance.now()
  happens()
  while (!(await leader(cluster, namespace)).includes(`/${pid}`)) await pause(20)
  return performance.now() - began
}
