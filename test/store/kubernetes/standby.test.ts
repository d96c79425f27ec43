import { describe, expect, test } from 'vitest'
import { ClusterUnreachableError, ForbiddenError } from '../../../src/store/kubernetes/errors.ts'
import { KubernetesLease } from '../../../src/store/kubernetes/lease.ts'
import type { RawLease } from '../../../src/store/kubernetes/leaserecord.ts'
import type { ResourceStore } from '../../../src/store/store.ts'

const away = () => Promise.reject(new ClusterUnreachableError('the API server cannot be reached'))
const forbidden = () => Promise.reject(new ForbiddenError('no'))
const lease = (holderIdentity: string, resourceVersion = '1'): RawLease => ({
  metadata: { name: 'roster', resourceVersion, annotations: { 'roster.dev/epoch': '7' } },
  spec: { holderIdentity, leaseDurationSeconds: 1, renewTime: '2026-01-05T09:00:00.000000Z' },
})

/** A lease whose record is read as told, the last answer for ever. */
const leaseOf = (...reads: (() => Promise<RawLease | undefined>)[]) => {
  const record = {
    read: () => (reads.length > 1 ? (reads.shift() ?? away) : (reads[0] ?? away))(),
    write: async (wanted: RawLease) => wanted,
  }
  const times = { duration: 1_000, deadline: 600, retry: 20 }
  const fenced = () => ({}) as ResourceStore
  return new KubernetesLease({ record, times, random: () => 0.5, now: () => Date.now(), fenced })
}
const acquire = (table: KubernetesLease) =>
  table.acquire({ holder: 'me', signal: AbortSignal.timeout(5_000), onWaiting: () => undefined })

describe('who stands by for a lease', () => {
  test('outlives outages and rights that are taken away', async () => {
    const table = leaseOf(
      async () => lease('other'),
      away,
      forbidden,
      away,
      async () => lease(''),
    )
    const held = await acquire(table)
    expect(held.epoch).toBe(8)
    await held.release()
  })

  test('says at once what is wrong when it has seen nothing yet', async () => {
    await expect(acquire(leaseOf(away))).rejects.toBeInstanceOf(ClusterUnreachableError)
    await expect(acquire(leaseOf(forbidden))).rejects.toBeInstanceOf(ForbiddenError)
  })

  test('does not take what is renewed, however long it lasts', async () => {
    let version = 0
    const table = leaseOf(async () => lease('other', String(++version)))
    const signal = AbortSignal.timeout(1_600)
    await expect(table.acquire({ holder: 'me', signal })).rejects.toHaveProperty('name')
    expect(version).toBeGreaterThan(10)
  })

  test('takes what was not renewed for its whole duration, measured here, whatever its times say', async () => {
    const begun = performance.now()
    const held = await acquire(leaseOf(async () => lease('other')))
    expect(performance.now() - begun).toBeGreaterThan(990)
    await held.release()
  })
})
