import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  closeSync,
  createWriteStream,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import https from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { kubeFolder } from '../../scripts/setup/kube.mjs'

/** A real API server with its etcd, on loopback, for one test file. */
export interface TestCluster extends AsyncDisposable {
  /** `https://127.0.0.1:port` */
  readonly server: string
  readonly port: number
  /** A kubeconfig of somebody who may do everything. */
  readonly kubeconfig: string
  /** What it shows of itself, in PEM: for who stands in front of it. */
  certificate(): { cert: Buffer; key: Buffer }
  /** Writes another one: through another port, as another user. */
  writeKubeconfig(options?: { port?: number; token?: string }): string
  /** One request as that admin; the answer with its headers, whatever its code. */
  ask(method: string, path: string, body?: unknown, contentType?: string, accept?: string): Promise<Answer>
  /** Each request that could write something since the last call, as `patch users/alice`: from the audit log of the API server, its own and dry runs left out. */
  writes(): Promise<string[]>
  stopApiserver(): Promise<void>
  startApiserver(): Promise<void>
  /** Takes the database away from under the API server, and brings it back after so many milliseconds. */
  interruptEtcd(milliseconds: number): Promise<void>
}

export interface Answer {
  code: number
  headers: Record<string, string | string[] | undefined>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  body: any
}

interface AuditEntry {
  verb: string
  requestURI: string
  objectRef?: { resource?: string; name?: string; subresource?: string }
}

const ADMIN_TOKEN = 'admin-of-the-tests'

/** Starts both; ready, without any kind of Roster's yet. Users are `admin`, and whoever `tokens` names (token → user). */
export const startCluster = async (options: { tokens?: Record<string, string> } = {}): Promise<TestCluster> => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-kube-'))
  const [clientPort, peerPort, port] = [await freePort(), await freePort(), await freePort()] as const
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const key = file('sa.key', privateKey)
  const pub = file('sa.pub', publicKey)
  const others = Object.entries(options.tokens ?? {}).map(([token, user]) => `${token},${user},${user}`)
  const tokens = file('tokens.csv', [`${ADMIN_TOKEN},admin,admin,system:masters`, ...others, ''].join('\n'))
  const launchEtcd = () =>
    launch(folder, 'etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${clientPort}`,
      `--advertise-client-urls=http://127.0.0.1:${clientPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ])
  let etcd = launchEtcd()
  const policy = file(
    'audit-policy.json',
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [
        { level: 'None', users: ['system:apiserver'] },
        { level: 'Metadata', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
      ],
    }),
  )
  const auditLog = join(folder, 'audit.log')
  /** Bytes of it that were read. */
  let audited = 0
  const launchApiserver = () =>
    launch(folder, 'kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${clientPort}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--cert-dir=${join(folder, 'certs')}`,
      `--token-auth-file=${tokens}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.test',
      `--service-account-key-file=${pub}`,
      `--service-account-signing-key-file=${key}`,
      '--disable-admission-plugins=ServiceAccount',
      '--service-cluster-ip-range=10.0.0.0/24',
      '--event-ttl=1h',
      `--audit-policy-file=${policy}`,
      `--audit-log-path=${auditLog}`,
      // Mebibytes before it begins anew: what was written would be missed.
      '--audit-log-maxsize=100000',
    ])
  let apiserver = launchApiserver()
  const ca = () => readFileSync(join(folder, 'certs', 'apiserver.crt'))

  const ask: TestCluster['ask'] = (method, path, body, contentType = 'application/json', accept = 'application/json') =>
    new Promise((resolve, reject) => {
      const headers = {
        Authorization: `Bearer ${ADMIN_TOKEN}`,
        'Content-Type': contentType,
        Accept: accept,
      }
      const sent = https.request(
        { host: '127.0.0.1', port, path, method, headers, ca: ca(), timeout: 10_000 },
        async response => {
          const chunks: Buffer[] = []
          for await (const chunk of response) chunks.push(chunk as Buffer)
          const text = Buffer.concat(chunks).toString()
          resolve({ code: response.statusCode ?? 0, headers: response.headers, body: parsed(text) })
        },
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })

  const ready = async () => {
    const until = Date.now() + 60_000
    for (;;) {
      if (existsSync(join(folder, 'certs', 'apiserver.crt'))) {
        const code = await ask('GET', '/readyz').then(
          answer => answer.code,
          () => 0,
        )
        if (code === 200) return
      }
      if (apiserver.exitCode !== null || Date.now() > until) {
        const log = readFileSync(join(folder, 'kube-apiserver.log'), 'utf8')
        throw new Error(`the API server did not start:\n${log.slice(-3_000)}`)
      }
      await sleep(100)
    }
  }

  const writeKubeconfig: TestCluster['writeKubeconfig'] = ({ port: through = port, token = ADMIN_TOKEN } = {}) =>
    file(
      `kubeconfig-${randomBytes(6).toString('hex')}`,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'test',
        clusters: [
          {
            name: 'test',
            cluster: {
              server: `https://127.0.0.1:${through}`,
              'certificate-authority': join(folder, 'certs', 'apiserver.crt'),
            },
          },
        ],
        users: [{ name: 'test', user: { token } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
      }),
    )

  try {
    await ready()
  } catch (error) {
    await Promise.all([ended(apiserver), ended(etcd)])
    throw error
  }
  return {
    server: `https://127.0.0.1:${port}`,
    port,
    kubeconfig: writeKubeconfig(),
    certificate: () => ({ cert: ca(), key: readFileSync(join(folder, 'certs', 'apiserver.key')) }),
    writeKubeconfig,
    ask,
    writes: async () => {
      const fresh = linesSince(auditLog, audited)
      audited = fresh.end
      return fresh.lines.flatMap(line => {
        const { verb, requestURI, objectRef = {} } = JSON.parse(line) as AuditEntry
        if (new URL(requestURI, 'https://cluster').searchParams.get('dryRun') === 'All') return []
        return `${verb} ${[objectRef.resource, objectRef.name, objectRef.subresource].filter(Boolean).join('/')}`
      })
    },
    stopApiserver: () => ended(apiserver),
    startApiserver: async () => {
      apiserver = launchApiserver()
      await ready()
    },
    interruptEtcd: async milliseconds => {
      await ended(etcd)
      await sleep(milliseconds)
      etcd = launchEtcd()
      await ready()
    },
    [Symbol.asyncDispose]: async () => {
      await ended(apiserver)
      await ended(etcd)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The whole lines of a file from a place in it on, and where they end. */
const linesSince = (file: string, from: number): { lines: string[]; end: number } => {
  const descriptor = openSync(file, 'r')
  try {
    const rest = Buffer.alloc(fstatSync(descriptor).size - from)
    readSync(descriptor, rest, 0, rest.length, from)
    const whole = rest.subarray(0, rest.lastIndexOf(10) + 1)
    const lines = whole.toString().split('\n')
    return { lines: lines.filter(line => line !== ''), end: from + whole.length }
  } finally {
    closeSync(descriptor)
  }
}

/** Children that must not outlive this process, whatever ends it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const launch = (folder: string, program: string, args: string[]): ChildProcess => {
  const log = createWriteStream(join(folder, `${program}.log`), { flags: 'a' })
  const child = spawn(join(kubeFolder(), program), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.pipe(log, { end: false })
  child.stderr.pipe(log, { end: false })
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
