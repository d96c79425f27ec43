import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LeaseLostError } from '../../../src/store/errors.ts'
import { KubeClient, type KubeRequest } from '../../../src/store/kubernetes/client.ts'
import type { Cluster } from '../../../src/store/kubernetes/cluster.ts'
import { ClusterUnreachableError, StatusError } from '../../../src/store/kubernetes/errors.ts'

type Reply = (request: http.IncomingMessage, response: http.ServerResponse) => void

const ok: Reply = (_, response) => response.end('{"fine":true}')
const status =
  (code: number, body: object = {}, headers: http.OutgoingHttpHeaders = {}): Reply =>
  (_, response) =>
    response.writeHead(code, headers).end(JSON.stringify({ kind: 'Status', code, ...body }))
const reset: Reply = request => request.socket.resetAndDestroy()
const nothing: Reply = () => undefined

describe('a client of an API server', () => {
  let replies: Reply[]
  let asked: string[]
  let sockets: Set<unknown>
  let renewed: number
  let server: http.Server
  let client: KubeClient

  beforeEach(async () => {
    replies = []
    asked = []
    sockets = new Set()
    renewed = 0
    server = http.createServer((request, response) => {
      sockets.add(request.socket)
      asked.push(`${request.method} ${request.headers.authorization}`)
      request.resume()
      request.on('end', () => (replies.shift() ?? ok)(request, response))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const agent = new http.Agent({ keepAlive: true })
    const streams = new http.Agent({ keepAlive: true })
    const cluster: Cluster = {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: 'default',
      access: async renew => {
        if (renew) renewed++
        return { agent, streams, headers: { Authorization: `token-${renewed}` } }
      },
      close: () => {
        agent.destroy()
        streams.destroy()
      },
    }
    client = new KubeClient(cluster, { random: () => 0 })
  })
  afterEach(async () => {
    client.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  const get: KubeRequest = { method: 'GET', path: '/x' }
  const post: KubeRequest = { method: 'POST', path: '/x', body: {} }
  const patch: KubeRequest = { method: 'PATCH', path: '/x', patch: 'merge', body: {} }
  const failure = (request: KubeRequest) =>
    client.request(request).then(
      () => undefined,
      (error: unknown) => error,
    )

  test('keeps its connection', async () => {
    for (let at = 0; at < 20; at++) await client.request(get)
    expect(sockets.size).toBe(1)
  })

  test.each<[string, KubeRequest, Reply, number]>([
    ['a read is asked again after a 500', get, status(500), 2],
    ['a read is asked again after a 503', get, status(503), 2],
    ['a read is asked again after a reset', get, reset, 2],
    ['a patch is asked again after a reset', patch, reset, 2],
    ['a post is asked again when the server had too much to do', post, status(429), 2],
    ['a post is not asked again after a reset', post, reset, 1],
    ['a post is not asked again after a 500', post, status(500), 1],
    ['what is refused is not asked again', get, status(403), 1],
    ['a wrong type is not asked again', patch, status(500, { message: 'failed to create typed patch object' }), 1],
    ['a conflict is not asked again', patch, status(409), 1],
  ])('%s', async (_, request, reply, times) => {
    replies.push(reply)
    const error = await failure(request)
    expect(asked).toHaveLength(times)
    if (times === 2) expect(error).toBeUndefined()
    else expect(error).toBeInstanceOf(Error)
  })

  test.each([
    ['a header', status(429, {}, { 'Retry-After': '1' })],
    ['a body', status(503, { details: { retryAfterSeconds: 1 } })],
  ])('waits as long as it is asked to by %s', async (_, reply) => {
    replies.push(reply)
    const begun = performance.now()
    await client.request(get)
    expect(performance.now() - begun).toBeGreaterThan(990)
  })

  test('asks so many at a time, each with its whole time, and lets what is urgent pass', async () => {
    let at = 0
    let most = 0
    const slowly: Reply = (request, response) => {
      most = Math.max(most, ++at)
      setTimeout(() => {
        at -= 1
        ok(request, response)
      }, 400)
    }
    replies = Array.from({ length: 200 }, () => slowly)
    const all = Promise.all(replies.map(() => client.request({ ...get, timeout: 3_000, patience: 0 })))
    const begun = performance.now()
    await client.request({ ...get, urgent: true })
    expect(performance.now() - begun).toBeLessThan(3_000)
    // Twelve turns of 400 ms: the last ones wait for longer than one request may take.
    await all
    expect(most).toBeLessThanOrEqual(17)
  })

  test('gives up when its patience ends, with what was said last', async () => {
    replies = Array.from({ length: 100 }, () => status(503, { message: 'etcd is away' }))
    const error = await failure({ ...get, patience: 300 })
    expect(error).toBeInstanceOf(ClusterUnreachableError)
    expect((error as Error).message).toContain('etcd is away')
    expect(asked.length).toBeGreaterThan(1)
  })

  test('a server that says nothing is unreachable after the deadline, and its connection is not used again', async () => {
    replies.push(nothing)
    const error = await failure({ ...get, timeout: 200, patience: 200 })
    expect(error).toBeInstanceOf(ClusterUnreachableError)
    expect((error as Error).message).toContain('200 ms')
    await client.request(get)
    expect(sockets.size).toBe(2)
  })

  test('asks for new credentials once after a 401', async () => {
    replies.push(status(401))
    await client.request(get)
    expect(asked).toEqual(['GET token-0', 'GET token-1'])
    replies.push(status(401), status(401))
    expect(await failure(get)).toMatchObject({ code: 401 })
  })

  test('asks the fence before each try, and takes no longer than it says', async () => {
    replies.push(reset)
    let tries = 0
    const fence = () => {
      if (++tries === 2) throw new LeaseLostError('lost')
      return 10_000
    }
    expect(await failure({ ...patch, fence })).toBeInstanceOf(LeaseLostError)
    expect(asked).toHaveLength(1)
    replies = [nothing]
    const begun = performance.now()
    expect(await failure({ ...patch, fence: () => 100, patience: 0 })).toBeInstanceOf(ClusterUnreachableError)
    expect(performance.now() - begun).toBeLessThan(10_000)
  })

  test('an answer that is no Status keeps its text', async () => {
    replies.push((_, response) => response.writeHead(404).end('404 page not found\n'))
    const error = await failure(get)
    expect(error).toBeInstanceOf(StatusError)
    expect(error).toMatchObject({ code: 404, message: '404 page not found', kindMissing: true })
  })

  describe('watching', () => {
    const lines = async (silence: number) => {
      const found: string[] = []
      const signal = new AbortController().signal
      for await (const line of client.lines('/x', {}, { signal, silence })) found.push(line)
      return found
    }

    test('reads lines wherever the network cuts them', async () => {
      replies.push((_, response) => {
        const bytes = Buffer.from('{"a":"Zoë"}\n{"b":2}\n\n{"c":3}\n')
        for (const byte of bytes) response.write(Buffer.from([byte]))
        response.end()
      })
      expect(await lines(1_000)).toEqual(['{"a":"Zoë"}', '{"b":2}', '{"c":3}'])
    })

    test('ends a connection that is silent', async () => {
      replies.push((_, response) => void response.write('{"a":1}\n'))
      await expect(lines(200)).rejects.toThrow('silent for 200 ms')
    })

    test('tells what the server refuses, and a break', async () => {
      replies.push(status(410, { message: 'too old' }))
      await expect(lines(1_000)).rejects.toMatchObject({ code: 410 })
      replies.push((request, response) => {
        response.write('{"a":1}\n')
        setImmediate(() => request.socket.resetAndDestroy())
      })
      await expect(lines(1_000)).rejects.toBeInstanceOf(ClusterUnreachableError)
    })
  })
})
