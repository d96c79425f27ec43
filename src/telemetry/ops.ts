import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

/** One thing that must be well. An answer that takes longer than a second counts as unwell. */
export interface HealthCheck {
  name: string
  /** Undefined when well, else what is wrong, without anything secret. */
  check: () => string | undefined | Promise<string | undefined>
}

/**
 * The ops listener: `/healthz` (the process does its work; restart it otherwise), `/readyz` (it can serve), `/metrics` (Prometheus text).
 * 200 with `ok`, or 503 with a line for each check that fails.
 */
export const startOps = async (options: {
  host: string
  port: number
  health: readonly HealthCheck[]
  ready: readonly HealthCheck[]
  registry: Registry
}): Promise<{ port: number; stop: () => Promise<void> }> => {
  const server: Server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 5000 },
    (request, response) => {
      const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
        response.writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      }
      const path = (request.url ?? '/').split('?')[0]
      if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET and HEAD\n')
      const serve = async (): Promise<void> => {
        if (path === '/metrics') return answer(200, await options.registry.metrics(), options.registry.contentType)
        const checks = path === '/healthz' ? options.health : path === '/readyz' ? options.ready : undefined
        if (!checks) return answer(404, 'here are /healthz, /readyz and /metrics\n')
        const troubles = await runChecks(checks)
        answer(troubles.length ? 503 : 200, troubles.length ? `${troubles.join('\n')}\n` : 'ok\n')
      }
      serve().catch(() => answer(500, 'could not be worked out\n'))
    },
  )
  server.maxConnections = 100
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const runChecks = async (checks: readonly HealthCheck[]): Promise<string[]> => {
  const results = await Promise.all(
    checks.map(async ({ name, check }) => {
      const late = new Promise<string>(resolve => setTimeout(resolve, 1000, 'no answer within a second').unref())
      const trouble = await Promise.race([Promise.resolve().then(check), late]).catch((error: unknown) =>
        error instanceof Error ? error.message : 'failed',
      )
      return trouble === undefined ? undefined : `${name}: ${trouble}`
    }),
  )
  return results.filter(result => result !== undefined)
}
