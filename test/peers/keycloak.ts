import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { keycloakFolder } from '../../scripts/setup/keycloak.mjs'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './certificate.ts'
import { freePort } from './port.ts'

/** The client that reads, and its secret, in each realm. */
export const CLIENT = 'roster'
export const CLIENT_SECRET = 'let-me-read'

/** A person, a group or another thing as the admin API has it. */
export type Representation = Record<string, unknown>

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what the server says is looked at by the test
  readonly body: any
  /** Id of what was made. */
  readonly id: string | undefined
}

export interface Realm {
  readonly name: string
  /** Calls the admin API as an admin, beneath the realm: `/users`. Throws where it is refused. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>
  /** What the client that reads may do from now on: roles of `realm-management`. */
  allow(...roles: string[]): Promise<void>
}

export interface Keycloak extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly url: string
  /** `https://localhost:port`, with the certificate of test/peers/certificate.ts. */
  readonly secureUrl: string
  readonly port: number
  /** A realm of its own, with a client that may see people and organizations; more of its representation may be given. */
  realm(more?: Representation): Promise<Realm>
}

/** A real Keycloak on loopback that keeps everything in memory; a few seconds to start, so one serves many tests. */
export const startKeycloak = async (): Promise<Keycloak> => {
  const built = keycloakFolder()
  const home = mkdtempSync(join(tmpdir(), 'roster-keycloak-'))
  for (const part of ['lib', 'conf', 'providers', 'themes']) symlinkSync(join(built, part), join(home, part))
  mkdirSync(join(home, 'data'))
  const at = (name: string) => join(home, name)
  writeFileSync(at('key.pem'), LOCALHOST_KEY, { mode: 0o600 })
  writeFileSync(at('certificate.pem'), LOCALHOST_CERTIFICATE)
  const [port, securePort] = [await freePort(), await freePort()]
  const password = randomUUID()
  const log = openSync(at('keycloak.log'), 'a')
  const child = spawn(
    'sh',
    [
      join(built, 'bin', 'kc.sh'),
      'start',
      '--optimized',
      `-Dkc.home.dir=${home}`,
      '--http-enabled=true',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--https-port=${securePort}`,
      `--https-certificate-file=${at('certificate.pem')}`,
      `--https-certificate-key-file=${at('key.pem')}`,
      '--hostname-strict=false',
    ],
    {
      env: {
        ...process.env,
        JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
        // It lives too short for more than the quick compiler, and shares two cores with the tests.
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
        KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
        KC_BOOTSTRAP_ADMIN_PASSWORD: password,
      },
      // A group of its own: the script and the server that it starts end together.
      detached: true,
      stdio: ['ignore', log, log],
    },
  )
  closeSync(log)
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL')
  }
  process.once('exit', kill)
  const gone = once(child, 'exit')
  const end = async () => {
    process.off('exit', kill)
    kill()
    await gone
    rmSync(home, { recursive: true, force: true })
  }
  // Made once: making them is most of what a new realm costs.
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = [
    {
      name: 'rsa',
      providerId: 'rsa',
      config: { privateKey: [privateKey.export({ type: 'pkcs8', format: 'pem' })], priority: ['100'] },
    },
    { name: 'hmac', providerId: 'hmac-generated', config: { algorithm: ['HS512'] } },
    { name: 'aes', providerId: 'aes-generated', config: {} },
  ]
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`${url}/realms/master`).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) break
    if (child.exitCode !== null || attempt === 600) {
      const said = readFileSync(at('keycloak.log'), 'utf8')
      await end()
      throw new Error(`Keycloak does not start:\n${said.slice(-3000)}`)
    }
    await sleep(200)
  }

  let token = { text: '', until: 0 }
  const adminToken = async (): Promise<string> => {
    if (Date.now() > token.until) {
      const form = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password }
      const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      })
      const { access_token: text } = (await answer.json()) as { access_token: string }
      token = { text, until: Date.now() + 30_000 }
    }
    return token.text
  }
  const admin = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(`${url}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${await adminToken()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return {
      status: answer.status,
      body: text === '' ? undefined : JSON.parse(text),
      id: answer.headers.get('location')?.split('/').at(-1),
    }
  }

  return {
    url,
    secureUrl: `https://localhost:${securePort}`,
    port,
    realm: async (more = {}) => {
      const name = `r${randomUUID()}`
      const reader = {
        username: `service-account-${CLIENT}`,
        enabled: true,
        serviceAccountClientId: CLIENT,
        clientRoles: { 'realm-management': ['view-users', 'view-organizations'] },
      }
      await admin('POST', '', {
        realm: name,
        enabled: true,
        internationalizationEnabled: true,
        organizationsEnabled: true,
        components: { 'org.keycloak.keys.KeyProvider': keys },
        ...more,
        users: [reader, ...((more['users'] as Representation[] | undefined) ?? [])],
        clients: [
          {
            clientId: CLIENT,
            secret: CLIENT_SECRET,
            serviceAccountsEnabled: true,
            publicClient: false,
            standardFlowEnabled: false,
          },
        ],
      })
      const call: Realm['admin'] = (method, path, body) => admin(method, `/${name}${path}`, body)
      return {
        name,
        admin: call,
        allow: async (...roles) => {
          const one = async (path: string) => (await call('GET', path)).body[0].id as string
          const owner = await one('/clients?clientId=realm-management')
          const user = await one(`/users?username=service-account-${CLIENT}&exact=true`)
          const mappings = `/users/${user}/role-mappings/clients/${owner}`
          await call('DELETE', mappings, (await call('GET', mappings)).body)
          const all = (await call('GET', `/clients/${owner}/roles`)).body as { name: string }[]
          await call(
            'POST',
            mappings,
            all.filter(role => roles.includes(role.name)),
          )
        },
      }
    },
    [Symbol.asyncDispose]: end,
  }
}

/** Stands before a Keycloak, and breaks or changes what passes. */
export interface Front extends AsyncDisposable {
  /** `http://localhost:port` */
  readonly url: string
  /** What was asked for, as method and path with query, in order. */
  readonly asked: string[]
  /** From now on breaks the connection in place of answering request n, and each one after it. */
  breakAt(n: number): void
  /** Called before each request is passed on, with method and path. What it returns is answered in place of the server. */
  onRequest: (
    asked: string,
  ) => Promise<{ status: number; body: unknown } | undefined> | { status: number; body: unknown } | undefined
  /** Changes what the server answered, if it is JSON. */
  onAnswer: (asked: string, body: unknown) => unknown
}

export const startFront = async (target: number): Promise<Front> => {
  let left = Number.POSITIVE_INFINITY
  const sockets = new Set<Socket>()
  const server = createServer(async (incoming, outgoing) => {
    const asked = `${incoming.method} ${incoming.url}`
    front.asked.push(asked)
    if (--left <= 0) return void incoming.socket.destroy()
    const instead = await front.onRequest(asked)
    if (instead) {
      outgoing.writeHead(instead.status, { 'content-type': 'application/json' }).end(JSON.stringify(instead.body))
      return
    }
    const { method, url, headers } = incoming
    const passed = request({ host: '127.0.0.1', port: target, method, path: url, headers }, async answer => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      const { 'content-length': _, 'transfer-encoding': __, ...rest } = answer.headers
      const json = text !== '' && /json/.test(answer.headers['content-type'] ?? '')
      outgoing.writeHead(answer.statusCode ?? 500, rest)
      outgoing.end(json ? JSON.stringify(front.onAnswer(asked, JSON.parse(text))) : text)
    })
    passed.on('error', () => incoming.socket.destroy())
    incoming.pipe(passed)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const front: Front = {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked: [],
    breakAt: n => {
      left = n
    },
    onRequest: () => undefined,
    onAnswer: (_, body) => body,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return front
}
