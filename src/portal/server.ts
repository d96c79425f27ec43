import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/** What one listener takes at most. A person's browser stays far below. */
export const SERVER_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
  maxConnections: 1_000,
  /** How long requests in hand may take once it stops. */
  grace: 5_000,
} as const

/** The address cannot be listened on. */
export class ListenError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'NotAllowed'
}

export interface Listening {
  host: string
  port: number
  /** Takes nothing new, lets what is in hand end, then closes. */
  close(): Promise<void>
}

/** @throws ListenError when the port is in use, or may not be taken */
export const listen = async (
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  { host, port }: { host: string; port: number },
): Promise<Listening> => {
  const { maxConnections, grace, ...serverOptions } = SERVER_LIMITS
  const server = createAdaptorServer({ fetch, createServer, serverOptions }) as Server
  server.maxConnections = maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(explained(error, host, port)))
    server.listen(port, host, resolve)
  })
  server.on('error', () => {})
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), grace)
      await closed
      clearTimeout(timer)
    },
  }
}

const explained = (error: NodeJS.ErrnoException, host: string, port: number): Error => {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (error.code === 'EADDRINUSE')
    return new ListenError(
      `${place} is in use by another program; stop that one, or choose another with --listen HOST:PORT`,
      { cause: error },
    )
  if (error.code === 'EACCES')
    return new ListenError(
      `${place} may not be listened on by this user; choose a port from 1024 on with --listen HOST:PORT`,
      { cause: error },
    )
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new ListenError(`${host} is no address of this computer; choose another with --listen HOST:PORT`, {
      cause: error,
    })
  return error
}
