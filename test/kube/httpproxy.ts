import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestCluster } from './apiserver.ts'

/** What becomes of a request instead of being passed on. */
export type Fault =
  /** It is answered like this and never arrives. */
  | { code: number; retryAfter?: number }
  /** It is carried out, and the answer is lost on the way back: like this, or with the connection. */
  | { carriedOut: true; code: number | 'cut' }
  /** A watch begins and ends with this Status in its stream (a server that has forgotten the version says 410 so). */
  | { stream: number }

export interface Asked {
  method: string
  /** With its query. */
  path: string
  watch: boolean
}

/** Stands in front of the API server as an HTTP server with its certificate, and answers in its place as told. */
export interface HttpProxy extends AsyncDisposable {
  readonly port: number
  /** Faults that were done since the last call of `fail`. */
  readonly done: number
  /** From now on: what becomes of each request; undefined: it passes. */
  fail(fault: ((asked: Asked) => Fault | undefined) | undefined): void
  /** Ends the watches that are open, as a server that goes down gracefully. */
  endWatches(): void
}

export const startHttpProxy = async (cluster: Pick<TestCluster, 'port' | 'certificate'>): Promise<HttpProxy> => {
  const { cert, key } = cluster.certificate()
  const agent = new https.Agent({ keepAlive: true, ca: cert })
  const watches = new Set<() => void>()
  let decide: ((asked: Asked) => Fault | undefined) | undefined
  let done = 0
  const server = https.createServer({ cert, key, keepAlive: true }, (request, response) => {
    const { method = 'GET', url: path = '/' } = request
    const watch = new URL(path, 'https://cluster').searchParams.get('watch') === 'true'
    const fault = decide?.({ method, path, watch })
    if (fault) done += 1
    const answer = (code: number, retryAfter?: number) => {
      response.writeHead(code, {
        'content-type': 'application/json',
        ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      })
      response.end(JSON.stringify(statusOf(code)))
    }
    if (fault && 'code' in fault && !('carriedOut' in fault)) {
      request.resume()
      return answer(fault.code, fault.retryAfter)
    }
    if (fault && 'stream' in fault) {
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(fault.stream) })}\n`)
    }
    const passed = https.request(
      { host: '127.0.0.1', port: cluster.port, method, path, headers: request.headers, agent },
      passing => {
        if (fault) {
          passing.resume()
          passing.on('end', () => (fault.code === 'cut' ? request.socket.destroy() : answer(fault.code)))
          return
        }
        response.writeHead(passing.statusCode ?? 502, passing.headers)
        const end = () => {
          passing.unpipe(response)
          response.end()
        }
        if (watch) watches.add(end)
        passing.on('close', () => watches.delete(end))
        passing.on('error', () => response.destroy())
        passing.pipe(response)
      },
    )
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get done() {
      return done
    },
    fail: fault => {
      decide = fault
      done = 0
    },
    endWatches: () => {
      for (const end of [...watches]) end()
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }
}

const REASONS: Record<number, string> = { 410: 'Expired', 429: 'TooManyRequests', 500: 'InternalError' }

const statusOf = (code: number) => ({
  apiVersion: 'v1',
  kind: 'Status',
  status: 'Failure',
  code,
  reason: REASONS[code] ?? 'Unknown',
  message: `made up by the test: ${code}`,
})
