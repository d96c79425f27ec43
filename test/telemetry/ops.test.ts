import { afterEach, describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { type HealthCheck, startOps } from '../../src/telemetry/ops.ts'

let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  stop = undefined
})
const open = async (health: HealthCheck[], ready: HealthCheck[] = []) => {
  const ops = await startOps({ host: '127.0.0.1', port: 0, health, ready, registry: createMetrics().registry })
  stop = ops.stop
  return async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${ops.port}${path}`, init)
    return { status: response.status, text: await response.text() }
  }
}

describe('the ops listener', () => {
  it('says that all is well', async () => {
    const get = await open([{ name: 'loop', check: () => undefined }])
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' })
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ok\n' })
  })
  it('names what is not well, and what does not answer', async () => {
    const get = await open(
      [],
      [
        { name: 'store', check: async () => Promise.reject(new Error('the disk is full')) },
        { name: 'loop', check: () => new Promise(() => undefined) },
        { name: 'mail', check: () => undefined },
      ],
    )
    expect(await get('/readyz')).toEqual({
      status: 503,
      text: 'store: the disk is full\nloop: no answer within a second\n',
    })
  })
  it('prints metrics, takes no other method and knows no other path', async () => {
    const get = await open([])
    expect((await get('/metrics')).text).toContain('process_cpu_seconds_total')
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405)
    expect((await get('/other')).status).toBe(404)
  })
})
