import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { scimPython } from '../../scripts/setup/scim.mjs'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './certificate.ts'

export const TOKEN = 'let-me-read'
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

/** A person or a group as it is sent to a SCIM service to be kept. */
export type ScimResource = Readonly<Record<string, unknown>>

export interface ScimServer extends AsyncDisposable {
  readonly port: number
  /** A server in this one, with nobody in it. */
  tenant(name: string): ScimTenant
}

/** Where people and groups are. */
export interface ScimTenant {
  readonly port: number
  /** What stands before `/Users`. */
  readonly url: string
  /** The path of that. */
  readonly base: string
  /** Keeps people, then groups. @returns their ids, in order */
  fill(collection: '/Users' | '/Groups', resources: readonly ScimResource[]): Promise<string[]>
  /** One request as it is. */
  send(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/**
 * A scim2-server on loopback.
 * @param options.cursor it pages by cursor too (RFC 9865)
 */
export const startScim = async (options: { cursor?: boolean; maxPageSize?: number } = {}): Promise<ScimServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-scim-'))
  const config = join(folder, 'config.json')
  const supported = { supported: true }
  writeFileSync(
    config,
    JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: supported,
      bulk: { ...supported, maxOperations: 2000, maxPayloadSize: 100_000_000 },
      filter: { ...supported, maxResults: options.maxPageSize ?? 1000 },
      changePassword: supported,
      sort: supported,
      etag: supported,
      authenticationSchemes: [],
      ...(options.cursor && { pagination: { cursor: true, index: true, maxPageSize: options.maxPageSize ?? 1000 } }),
    }),
  )
  const port = await freePort()
  const args = [
    '--port',
    String(port),
    '--bearer-token',
    TOKEN,
    '--service-provider-config',
    config,
    '--dynamic-tenants',
  ]
  const main = 'from scim2_server.testserver.cli import main; main()'
  const child = spawn(scimPython(), ['-c', main, ...args], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  await answers(`http://127.0.0.1:${port}/start/v2`, child)
  return {
    port,
    tenant: name => tenantOf(port, name),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const tenantOf = (port: number, name: string): ScimTenant => {
  const base = `/${name}/v2`
  const url = `http://127.0.0.1:${port}${base}`
  const send = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
  const fill = async (collection: '/Users' | '/Groups', resources: readonly ScimResource[]) => {
    const ids: string[] = []
    for (let from = 0; from < resources.length; from += 1000) {
      const some = resources.slice(from, from + 1000)
      const { status, body } = await send('POST', '/Bulk', {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: some.map((resource, index) => ({
          method: 'POST',
          path: collection,
          bulkId: `b${index}`,
          data: { schemas: [collection === '/Users' ? USER : GROUP], ...resource },
        })),
      })
      const operations = (body as { Operations?: { status: string; location?: string }[] }).Operations ?? []
      const failed = operations.find(operation => !`${operation.status}`.startsWith('2'))
      if (status !== 200 || failed) throw new Error(`scim2-server refuses: ${JSON.stringify(failed ?? body)}`)
      ids.push(...operations.map(({ location = '' }) => location.split('/').at(-1) ?? ''))
    }
    return ids
  }
  return { port, url, base, send, fill }
}

const answers = async (url: string, child: ChildProcess): Promise<void> => {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (child.exitCode !== null) throw new Error('scim2-server ended at its start; run it by hand')
    const open = await fetch(`${url}/ServiceProviderConfig`).then(
      answer => answer.status > 0,
      () => false,
    )
    if (open) return
    await sleep(20)
  }
  throw new Error('scim2-server accepts no connections')
}

/** An answer as a service could give it. */
export interface Answer {
  readonly status?: number
  readonly type?: string
  /** Text is sent as it is, everything else as JSON. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export type Answering = (asked: {
  path: string
  query: URLSearchParams
  token: string | undefined
}) => Answer | undefined | Promise<Answer | undefined>

/** A service on loopback that answers as it is told, or passes a request on to another server. */
export interface Stand extends AsyncDisposable {
  /** What stands before `/Users`. */
  readonly url: string
  /** Requests that came, as paths with their queries, since it was last told how to break. */
  readonly asked: readonly string[]
  /** From now on breaks the connection instead of answering request n (1 is the first), and each one after it. */
  breakAt(n: number): void
}

/**
 * @param to passed on to where `answering` says nothing
 * @param options.tls encrypted, as localhost
 */
export const stand = async (
  answering: Answering,
  to?: { port: number; base: string },
  { tls = false } = {},
): Promise<Stand> => {
  const base = to?.base ?? '/v2'
  let breaking = Number.POSITIVE_INFINITY
  const asked: string[] = []
  const listener: RequestListener = async (came, answer) => {
    asked.push(`${came.url}`.slice(base.length))
    if (asked.length >= breaking) return void came.socket.destroy()
    const url = new URL(`${came.url}`, 'http://stand')
    const token = came.headers.authorization?.replace(/^Bearer /, '')
    const said = await answering({ path: url.pathname.slice(base.length), query: url.searchParams, token })
    if (!said && to) return pass(came, answer, to.port)
    const { status = said ? 200 : 404, type = 'application/scim+json', body = {}, headers = {} } = said ?? {}
    answer.writeHead(status, { 'content-type': type, ...headers })
    answer.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
  const server = tls
    ? createSecureServer({ key: LOCALHOST_KEY, cert: LOCALHOST_CERTIFICATE }, listener)
    : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${(server.address() as AddressInfo).port}${base}`,
    asked,
    breakAt: n => {
      breaking = n
      asked.length = 0
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const pass = (came: IncomingMessage, answer: ServerResponse, port: number): void => {
  const { method, headers, url } = came
  const onward = request({ host: '127.0.0.1', port, method, headers, path: url, agent: false }, said => {
    answer.writeHead(said.statusCode ?? 502, said.headers)
    said.pipe(answer)
  })
  onward.on('error', () => answer.destroy())
  came.pipe(onward)
}
