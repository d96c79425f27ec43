import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'
import { systemClock } from '../../src/app/system-clock.ts'
import { secretFor } from '../../src/directories/audience.ts'
import { type ServiceClientOptions, type ServiceRequest, serviceClient } from '../../src/directories/client.ts'
import { MOST_BYTES } from '../../src/directories/exchange.ts'
import { backOff, MOST_TRIES, retryAfter } from '../../src/directories/retry.ts'
import type { ServiceTrouble } from '../../src/directories/trouble.ts'
import { fakeClock, settled } from '../fakes/clock.ts'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from '../peers/certificate.ts'

const TOKEN = 'ghp_very-secret'
const never = new AbortController().signal

interface Asked {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}
type Answer = (response: ServerResponse, asked: Asked, at: number) => unknown

/** A server on this computer that answers request after request as it is told, and keeps what it was asked. */
const serving = async (answer: Answer, work: (server: Server) => Promise<void>, secure = false): Promise<void> => {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  const listen = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '', url = '', headers } = request
    const one = { method, url, headers, body }
    asked.push(one)
    answer(response, one, asked.length)
  }
  const server = secure
    ? createSecure({ key: LOCALHOST_KEY, cert: LOCALHOST_CERTIFICATE }, listen)
    : createServer(listen)
  server.on('connection', socket => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await work({ asked, sockets, port, base: `${secure ? 'https' : 'http'}://localhost:${port}` })
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}
interface Server {
  readonly asked: Asked[]
  readonly sockets: ReadonlySet<Socket>
  readonly port: number
  readonly base: string
}

const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Answer => {
  return response => response.writeHead(status, headers).end(JSON.stringify(value))
}
/** Answers one by one; the last one for ever. */
const inTurn =
  (...answers: Answer[]): Answer =>
  (response, asked, at) =>
    answers[Math.min(at, answers.length) - 1]?.(response, asked, at)

const clientOf = (base: string, more: Partial<ServiceClientOptions> = {}) => {
  const tally = { requests: 0 }
  const client = serviceClient({
    base,
    dialer: dialer({ allowPrivate: ['localhost', '127.0.0.1'] }),
    clock: systemClock(),
    limits: {},
    authorize: async () => ({ authorization: `Bearer ${TOKEN}` }),
    random: () => 0,
    ...more,
  })
  const send = (request: ServiceRequest, signal = never) => client.session({ signal, tally }).send(request)
  return { client, send, tally }
}

/** The trouble that comes, which never holds what was sent. */
const troubleOf = async (sending: Promise<unknown>): Promise<Pick<ServiceTrouble, 'reason' | 'message'>> => {
  const error = (await sending.then(
    () => undefined,
    (error: unknown) => error,
  )) as ServiceTrouble | undefined
  expect(error).toBeDefined()
  expect(`${error?.message}${JSON.stringify(error)}${error?.cause}`).not.toContain(TOKEN)
  return { reason: error?.reason ?? 'Unknown', message: error?.message ?? '' }
}

describe('a request to a service', () => {
  it('goes beneath the base, with its query, body and credentials, and brings JSON', () =>
    serving(json({ here: true }, 201, { 'x-total': '7' }), async ({ base, asked }) => {
      const { send, tally } = clientOf(`${base}/api/v3/`)
      const answer = await send({
        method: 'POST',
        path: '/orgs/acme',
        query: { page: 2, q: 'ä&b', none: undefined },
        headers: { accept: 'application/vnd.github+json' },
        json: { a: 'ö' },
      })
      expect([answer.status, answer.headers.get('x-total'), answer.body]).toEqual([201, '7', { here: true }])
      expect(asked).toMatchObject([
        {
          method: 'POST',
          url: '/api/v3/orgs/acme?page=2&q=%C3%A4%26b',
          body: '{"a":"ö"}',
          headers: {
            authorization: `Bearer ${TOKEN}`,
            accept: 'application/vnd.github+json',
            'content-type': 'application/json',
          },
        },
      ])
      expect(tally.requests).toBe(1)
    }))

  it('brings nothing where nothing is said', () =>
    serving(
      response => response.writeHead(204).end(),
      async ({ base, asked }) => {
        const { send } = clientOf(base)
        const answer = await send({ method: 'PUT', path: 'token', form: { scope: 'a b', code: '&' } })
        expect([answer.status, answer.body]).toEqual([204, undefined])
        expect(asked[0]?.body).toBe('scope=a+b&code=%26')
      },
    ))

  it.each([
    [300, 'NotAllowed'],
    [302, 'NotAllowed'],
    [307, 'NotAllowed'],
    [401, 'CredentialsRefused'],
    [403, 'NotAllowed'],
    [404, 'InvalidSpec'],
    [422, 'NotAllowed'],
    [500, 'Unreachable'],
  ])('is trouble with status %i, unless it is expected', (status, reason) =>
    serving(json({ token: TOKEN }, status, { location: 'http://localhost/elsewhere' }), async ({ base, asked }) => {
      const { send } = clientOf(base)
      expect((await troubleOf(send({ path: '/x', query: { key: TOKEN } }))).reason).toBe(reason)
      const before = asked.length
      if (status < 500)
        expect(await send({ path: '/x', expect: [status] })).toMatchObject({ status, body: { token: TOKEN } })
      // A redirect is not followed, and nothing but a 401 asks again.
      if (status !== 401) expect([before, asked.every(({ url }) => url.startsWith('/x'))]).toEqual([1, true])
    }),
  )

  it('is trouble where the answer is no JSON, too long, or cut off', () =>
    serving(
      (response, { url }) => {
        if (url === '/text') return response.end('<html>')
        if (url === '/short') {
          response.writeHead(200, { 'content-length': '100' }).write('[1,')
          return setImmediate(() => response.destroy())
        }
        const part = Buffer.alloc(1024 * 1024, ' ')
        const more = () => {
          while (!response.destroyed) if (!response.write(part)) return response.once('drain', more)
          return undefined
        }
        return more()
      },
      async ({ base, asked }) => {
        const { send } = clientOf(base)
        expect(await troubleOf(send({ path: '/text' }))).toMatchObject({ reason: 'NotAllowed' })
        expect(await troubleOf(send({ path: '/long' }))).toMatchObject({
          reason: 'NotAllowed',
          message: expect.stringContaining(`${MOST_BYTES / 1024 / 1024} MiB`),
        })
        expect(asked).toHaveLength(2)
        expect(await troubleOf(send({ path: '/short' }))).toMatchObject({ reason: 'Unreachable' })
        expect(asked).toHaveLength(2 + MOST_TRIES)
      },
    ))
})

describe('where a request goes', () => {
  it.each(['http://localhost:1/next', 'https://evil.example/next', 'http://user:pw@SAME/next'])(
    'is no other place, as a next link might name it: %s',
    foreign =>
      serving(json([]), async ({ base, asked, port }) => {
        const { send } = clientOf(base)
        const trouble = await troubleOf(send({ path: foreign.replace('SAME', `localhost:${port}`) }))
        expect(trouble).toMatchObject({ reason: 'NotAllowed' })
        expect(trouble.message).not.toContain('pw')
        expect(asked).toEqual([])
        await send({ path: `${base}/next?page=2` })
        expect(asked).toMatchObject([{ url: '/next?page=2' }])
      }),
  )

  it.each(['//evil.example/x', '/\\evil.example', '/a/../../x', '/%2e%2e/%2e%2e/x'])(
    'stays beneath the base with %s',
    path =>
      serving(json([]), async ({ base, asked }) => {
        const { send } = clientOf(`${base}/api`)
        await send({ path }).catch(() => undefined)
        for (const { url, headers } of asked) {
          expect(url).toMatch(/^\/api\//)
          expect(headers.host).toContain('localhost')
        }
      }),
  )

  it.each([
    'http://ldap.acme.example',
    'ftp://localhost',
    'https://me:pw@acme.example',
    'nowhere',
    'https://a.example/?k=v',
  ])('is encrypted, or this computer, and no place with credentials: %s', async base => {
    const opened = async () => void clientOf(base)
    const trouble = await troubleOf(opened())
    expect(trouble).toMatchObject({ reason: 'InvalidSpec' })
    expect(trouble.message).not.toContain('pw')
  })

  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fd00:ec2::254'])(
    'is an address that the dialer allows: not %s',
    async address => {
      const resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }]
      const { send } = clientOf('https://api.acme.example', { dialer: dialer({ allowPrivate: [], resolve }) })
      expect(await troubleOf(send({ path: '/' }))).toMatchObject({
        reason: 'NotAllowed',
        message: expect.stringContaining(address),
      })
    },
  )

  it('is unencrypted only where the name leads to this computer', async () => {
    const resolve = async () => [{ address: '192.0.2.1', family: 4 }]
    const { send } = clientOf('http://localhost:1', { dialer: dialer({ allowPrivate: ['*'], resolve }) })
    expect(await troubleOf(send({ path: '/' }))).toMatchObject({ reason: 'NotAllowed' })
  })

  it('is exactly the address that was checked, while the certificate is checked for the name', () =>
    serving(
      json({ secure: true }),
      async ({ port, asked }) => {
        const resolved: string[] = []
        const here = {
          resolve: async (host: string) => {
            resolved.push(host)
            return { address: '127.0.0.1', family: 4 as const }
          },
        }
        const ca = async () => ({ value: LOCALHOST_CERTIFICATE, hosts: [] })
        const named = clientOf(`https://localhost:${port}`, { dialer: here, ca })
        expect((await named.send({ path: '/' })).body).toEqual({ secure: true })
        const address = clientOf(`https://127.0.0.1:${port}`, { ca })
        expect((await address.send({ path: '/' })).body).toEqual({ secure: true })
        const other = clientOf(`https://api.acme.example:${port}`, { dialer: here, ca })
        expect(await troubleOf(other.send({ path: '/' }))).toMatchObject({
          reason: 'NotAllowed',
          message: expect.stringContaining('for another name'),
        })
        expect(resolved).toEqual(['localhost', 'api.acme.example'])
        expect(asked).toHaveLength(2)
        const stranger = clientOf(`https://localhost:${port}`)
        expect(await troubleOf(stranger.send({ path: '/' }))).toMatchObject({
          reason: 'NotAllowed',
          message: expect.stringContaining('caSecretRef'),
        })
        const nonsense = clientOf(`https://localhost:${port}`, { ca: async () => ({ value: TOKEN, hosts: [] }) })
        expect(await troubleOf(nonsense.send({ path: '/' }))).toMatchObject({ reason: 'InvalidSpec' })
        for (const { client } of [named, address, other, stranger, nonsense]) await client.close()
      },
      true,
    ))
})

describe('a secret', () => {
  const read = (value: string, hosts: string[]) => async () => ({ value, hosts })

  it('goes to hosts that it names, with or without the port', async () => {
    for (const hosts of [
      ['api.acme.example'],
      ['API.acme.example'],
      ['api.acme.example:443'],
      ['x', 'api.acme.example'],
    ])
      expect(await secretFor('https://api.acme.example/v3', read(` ${TOKEN}\n`, hosts), 'tokenSecretRef')).toBe(TOKEN)
    for (const hosts of [[], ['acme.example'], ['api.acme.example:8443'], ['api.acme.example.evil.example'], ['*']])
      expect(
        await troubleOf(secretFor('https://api.acme.example/v3', read(TOKEN, hosts), 'tokenSecretRef')),
      ).toMatchObject({ reason: 'SecretAudience', message: expect.stringContaining('tokenSecretRef') })
  })

  it.each(['', ' \n', `${TOKEN}\r\nx-evil: 1`, `${TOKEN}ü`])('is not sent where no header may hold it', async value => {
    const trouble = await troubleOf(secretFor('https://acme.example', read(value, ['acme.example']), 'tokenSecretRef'))
    expect(trouble).toMatchObject({ reason: 'CredentialsRefused' })
  })

  it('is asked for once more when it is refused, once for all requests of a session', () =>
    serving(
      (response, asked, at) => {
        const renewed = asked.headers.authorization === 'Bearer 2'
        return json({}, renewed ? 200 : 401)(response, asked, at)
      },
      async ({ base, asked }) => {
        let readings = 0
        const { client } = clientOf(base, { authorize: async () => ({ authorization: `Bearer ${++readings}` }) })
        const session = client.session({ signal: never, tally: { requests: 0 } })
        await Promise.all([1, 2, 3].map(page => session.send({ path: '/', query: { page } })))
        expect(readings).toBe(2)
        expect(asked).toHaveLength(6)
      },
    ))

  it('may be a token that the service itself gives out, within the same session and without credentials', () =>
    serving(
      (response, asked) => {
        if (asked.url === '/token')
          return json({ token: 'fresh' }, asked.headers.authorization ? 400 : 200)(response, asked, 0)
        return json({}, asked.headers.authorization === 'Bearer fresh' ? 200 : 401)(response, asked, 0)
      },
      async ({ base, asked }) => {
        const { send, tally } = clientOf(base, {
          authorize: async bare => {
            const { body } = await bare.send({ method: 'POST', path: '/token', form: { a: 'b' }, read: true })
            return { authorization: `Bearer ${(body as { token: string }).token}` }
          },
        })
        await send({ path: '/' })
        expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual(['POST /token', 'GET /'])
        expect(tally.requests).toBe(2)
      },
    ))

  it('is not asked for again by the request that fetches it', () =>
    serving(json({}, 401), async ({ base, asked }) => {
      const { send } = clientOf(base, {
        authorize: async bare => {
          await bare.send({ path: '/token' })
          return {}
        },
      })
      expect(await troubleOf(send({ path: '/' }))).toMatchObject({ reason: 'CredentialsRefused' })
      expect(asked).toHaveLength(1)
    }))
})

describe('a service that is busy', () => {
  it.each([429, 502, 503, 504])('is asked again after %i, if nothing is changed by it', status =>
    serving(inTurn(json({}, status), json({}, status), json({ done: 1 })), async ({ base, asked }) => {
      const { send, tally } = clientOf(base)
      expect((await send({ path: '/a' })).body).toEqual({ done: 1 })
      expect([asked.length, tally.requests]).toEqual([3, 3])
    }),
  )

  it.each([
    [429, 3],
    [502, 1],
    [503, 1],
    [504, 1],
  ])('with %i is asked again for a change only where it was not made', (status, requests) =>
    serving(inTurn(json({}, status), json({}, status), json({})), async ({ base, asked }) => {
      const { send } = clientOf(base)
      await send({ method: 'POST', path: '/a', json: {} }).catch(() => undefined)
      expect(asked).toHaveLength(requests)
    }),
  )

  it('is asked again for a search by POST', () =>
    serving(inTurn(json({}, 503), json({ done: 1 })), async ({ base }) => {
      const { send } = clientOf(base)
      expect((await send({ method: 'POST', path: '/search', json: {}, read: true })).body).toEqual({ done: 1 })
    }))

  it('is not asked for ever', () =>
    serving(json({}, 503), async ({ base, asked }) => {
      const { send } = clientOf(base)
      expect(await troubleOf(send({ path: '/' }))).toMatchObject({ reason: 'Unreachable' })
      expect(asked).toHaveLength(MOST_TRIES)
    }))

  it.each([
    ['seconds', '7'],
    ['a date', 'Mon, 05 Jan 2026 09:00:07 GMT'],
  ])('is left alone by all requests until the time that it names in %s', (_, named) =>
    serving(inTurn(json({}, 429, { 'retry-after': named }), json({ done: 1 })), async ({ base, asked }) => {
      const clock = fakeClock()
      const { send } = clientOf(base, { clock })
      const answered = Promise.all([send({ path: '/a' })])
      await waitFor(() => asked.length === 1 && clock.pending === 1)
      // Another session of the client waits too.
      const other = send({ path: '/b' })
      await waitFor(() => clock.pending === 2)
      await clock.advance(6_999)
      expect(asked).toHaveLength(1)
      await clock.advance(1)
      expect((await answered).map(({ body }) => body)).toEqual([{ done: 1 }])
      expect((await other).body).toEqual({ done: 1 })
      expect(asked).toHaveLength(3)
    }),
  )

  it('is left alone by requests that wait for their turn, too', () =>
    serving(inTurn(json({}, 429, { 'retry-after': '7' }), json({ done: 1 })), async ({ base, asked }) => {
      const clock = fakeClock()
      const { send } = clientOf(base, { clock, limits: { concurrency: 1 } })
      const answered = Promise.all([1, 2, 3].map(page => send({ path: '/', query: { page } })))
      await waitFor(() => asked.length === 1 && clock.pending === 1)
      await clock.advance(6_999)
      expect(asked).toHaveLength(1)
      await clock.advance(1)
      expect((await answered).map(({ body }) => body)).toEqual([{ done: 1 }, { done: 1 }, { done: 1 }])
      expect(asked).toHaveLength(4)
    }))

  it('says in its own words how long, and is not waited for beyond five minutes', () =>
    serving(json({ message: 'rate limit' }, 403), async ({ base, asked }) => {
      const clock = fakeClock()
      const { send } = clientOf(base, { clock, limitedFor: ({ status }) => (status === 403 ? 3_600_000 : undefined) })
      const expected = {
        reason: 'Retrying',
        message: expect.stringContaining('2026-01-05T10:00:00'),
      }
      expect(await troubleOf(send({ path: '/' }))).toMatchObject(expected)
      // Nor is it asked meanwhile.
      expect(await troubleOf(send({ path: '/' }))).toMatchObject(expected)
      expect(asked).toHaveLength(1)
    }))

  it('gets pauses that grow, drawn by chance from none at all', () => {
    expect([1, 2, 3, 4].map(failures => backOff(failures, 1))).toEqual([500, 1000, 2000, 4000])
    expect(backOff(40, 1)).toBe(30_000)
    expect(backOff(3, 0)).toBe(0)
    expect(backOff(3, 0.25)).toBe(500)
  })

  it.each(['', 'soon', '-3', '1e9', '2026-01-05', '99999999999'])('says no time with Retry-After: %j', said => {
    expect(retryAfter(said, 0)).toBeUndefined()
  })

  it('waits by the back-off between two tries', () =>
    serving(inTurn(json({}, 503), json({ done: 1 })), async ({ base, asked }) => {
      const clock = fakeClock()
      const { send } = clientOf(base, { clock, random: () => 1 })
      const answered = send({ path: '/' })
      await waitFor(() => asked.length === 1 && clock.pending === 1)
      await clock.advance(499)
      expect(asked).toHaveLength(1)
      await clock.advance(1)
      expect((await answered).body).toEqual({ done: 1 })
    }))
})

describe('a connection', () => {
  it('is made anew when it broke, for what only reads', () =>
    serving(
      (response, asked, at) => (at <= 2 ? response.destroy() : json({ done: 1 })(response, asked, at)),
      async ({ base, asked }) => {
        const { send } = clientOf(base)
        expect((await send({ path: '/' })).body).toEqual({ done: 1 })
        expect(asked).toHaveLength(3)
      },
    ))

  it('is not made anew for what changes something: it may have been done', () =>
    serving(
      response => response.destroy(),
      async ({ base, asked }) => {
        const { send } = clientOf(base)
        expect(await troubleOf(send({ method: 'POST', path: '/', json: {} }))).toMatchObject({ reason: 'Unreachable' })
        expect(asked).toHaveLength(1)
      },
    ))

  it('serves one request after the other', () =>
    serving(json({}), async ({ base, sockets }) => {
      const { send } = clientOf(base, { limits: { concurrency: 1 } })
      for (const path of ['/a', '/b', '/c']) await send({ path })
      expect(sockets.size).toBe(1)
    }))

  it('is refused where nobody listens', async () => {
    let port = 0
    await serving(json({}), async server => {
      port = server.port
    })
    const { send } = clientOf(`http://localhost:${port}`)
    expect(await troubleOf(send({ path: '/' }))).toMatchObject({ reason: 'Unreachable' })
  })

  it('is left at the deadline, whether nothing comes or not all', () =>
    serving(
      (response, { url }) => (url === '/half' ? response.writeHead(200).write('[') : undefined),
      async ({ base, asked }) => {
        for (const path of ['/nothing', '/half']) {
          const clock = fakeClock()
          const { send } = clientOf(base, { clock })
          const before = asked.length
          const trouble = troubleOf(send({ method: 'POST', path, json: {} }))
          await waitFor(() => asked.length > before && clock.pending === 1)
          await clock.advance(30_000)
          expect(await trouble).toMatchObject({
            reason: 'Unreachable',
            message: expect.stringContaining('within 30 seconds'),
          })
        }
      },
    ))

  it('ends at an abort with its reason, before it, during a request, and in a pause', () =>
    serving(
      (response, asked, at) =>
        asked.url === '/busy' ? json({}, 429, { 'retry-after': '60' })(response, asked, at) : undefined,
      async ({ base, asked }) => {
        const reason = new Error('enough')
        const { send } = clientOf(base)
        await expect(send({ path: '/' }, AbortSignal.abort(reason))).rejects.toBe(reason)
        expect(asked).toEqual([])
        const abort = new AbortController()
        const hanging = send({ path: '/hanging' }, abort.signal)
        await waitFor(() => asked.length === 1)
        abort.abort(reason)
        await expect(hanging).rejects.toBe(reason)
        const clock = fakeClock()
        const other = clientOf(base, { clock })
        const late = new AbortController()
        const busy = other.send({ path: '/busy' }, late.signal)
        await waitFor(() => asked.length === 2 && clock.pending === 1)
        late.abort(reason)
        await expect(busy).rejects.toBe(reason)
        expect(clock.pending).toBe(0)
      },
    ))

  it('ends when the client is closed', () =>
    serving(
      () => undefined,
      async ({ base, asked }) => {
        const { client, send } = clientOf(base)
        const hanging = troubleOf(send({ path: '/' }))
        await waitFor(() => asked.length === 1)
        await client.close()
        expect(await hanging).toMatchObject({ reason: 'Unreachable' })
        expect(await troubleOf(send({ path: '/' }))).toMatchObject({ reason: 'Unreachable' })
        expect(asked).toHaveLength(1)
      },
    ))
})

describe('the limits of a client', () => {
  it('hold for all its sessions together: so many at once', () => {
    let under = 0
    let most = 0
    return serving(
      (response, asked, at) => {
        most = Math.max(most, ++under)
        setTimeout(() => {
          under--
          json({})(response, asked, at)
        }, 5)
      },
      async ({ base }) => {
        const { send, tally } = clientOf(base, { limits: { concurrency: 3 } })
        await Promise.all(Array.from({ length: 12 }, (_, page) => send({ path: '/', query: { page } })))
        expect([most, tally.requests]).toEqual([3, 12])
      },
    )
  })

  it('hold for all its sessions together: so many in a second', () => {
    const times: number[] = []
    return serving(
      (response, asked, at) => {
        times.push(performance.now())
        json({})(response, asked, at)
      },
      async ({ base }) => {
        const { send } = clientOf(base, { limits: { perSecond: 4, concurrency: 10 } })
        await Promise.all(Array.from({ length: 9 }, (_, page) => send({ path: '/', query: { page } })))
        // However slow the machine is, the ninth comes two seconds after the first.
        expect((times[8] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_800)
      },
    )
  })
})

/** Lets the server and the client run until it is so. */
const waitFor = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await settled()
}
