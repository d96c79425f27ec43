import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LOCALHOST_CERTIFICATE, LOCALHOST_KEY } from './certificate.ts'
import { freePort } from './port.ts'

export const SUFFIX = 'dc=acme,dc=example'
export const PEOPLE = `ou=people,${SUFFIX}`
export const GROUPS = `ou=groups,${SUFFIX}`
export const READER = `cn=reader,${SUFFIX}`
export const PASSWORD = 'let me read'

/** An entry: its name, and attributes with their values. */
export type Ldif = readonly [dn: string, attributes: Readonly<Record<string, string | readonly string[]>>]

export interface Slapd extends AsyncDisposable {
  /** Plain, with StartTLS. */
  readonly port: number
  /** Encrypted from the first byte. */
  readonly securePort: number
  /** Ends it at once. */
  kill(): Promise<void>
}

/** A value that a distinguished name holds (RFC 4514 section 2.4). */
export const escapeDn = (value: string): string => value.replace(/[\\,+"<>;=#]/g, char => `\\${char}`)

const base64 = (text: string) => Buffer.from(text).toString('base64')

const ldif = (entries: readonly Ldif[]): string =>
  entries
    .map(([dn, attributes]) =>
      [
        `dn:: ${base64(dn)}`,
        ...Object.entries(attributes).flatMap(([name, values]) =>
          [values].flat().map(value => `${name}:: ${base64(value)}`),
        ),
      ].join('\n'),
    )
    .join('\n\n')

/**
 * A slapd of its own on loopback, with these entries beneath `SUFFIX`. The tree, its two folders and the reader are there already.
 * @param options.lines more of slapd.conf(5), for the database
 */
export const startSlapd = async (
  entries: readonly Ldif[],
  options: { lines?: readonly string[]; tls?: boolean } = {},
): Promise<Slapd> => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-slapd-'))
  const at = (name: string) => join(folder, name)
  mkdirSync(at('data'))
  writeFileSync(at('key.pem'), LOCALHOST_KEY, { mode: 0o600 })
  writeFileSync(at('certificate.pem'), LOCALHOST_CERTIFICATE)
  const schemas = ['core', 'cosine', 'nis', 'inetorgperson']
  writeFileSync(
    at('slapd.conf'),
    [
      ...schemas.map(name => `include /etc/ldap/schema/${name}.schema`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'moduleload ppolicy',
      ...(options.tls === false
        ? []
        : [`TLSCertificateFile ${at('certificate.pem')}`, `TLSCertificateKeyFile ${at('key.pem')}`]),
      'database mdb',
      `suffix "${SUFFIX}"`,
      `rootdn "cn=admin,${SUFFIX}"`,
      `directory ${at('data')}`,
      'maxsize 1073741824',
      'dbnosync',
      ...(options.lines ?? [
        'sizelimit unlimited',
        `access to attrs=userPassword by anonymous auth by * none`,
        `access to * by dn.exact="${READER}" read by anonymous auth by * none`,
      ]),
      'overlay ppolicy',
    ].join('\n'),
  )
  const tree: Ldif[] = [
    [SUFFIX, { objectClass: ['dcObject', 'organization'], o: 'Acme', dc: 'acme' }],
    [PEOPLE, { objectClass: 'organizationalUnit', ou: 'people' }],
    [GROUPS, { objectClass: 'organizationalUnit', ou: 'groups' }],
    [READER, { objectClass: ['organizationalRole', 'simpleSecurityObject'], cn: 'reader', userPassword: PASSWORD }],
  ]
  writeFileSync(at('entries.ldif'), `${ldif([...tree, ...entries])}\n`)
  const conf = ['-f', at('slapd.conf')]
  execFileSync('/usr/sbin/slapadd', [...conf, '-q', '-l', at('entries.ldif')], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [port, securePort] = [await freePort(), await freePort()]
  const urls = [`ldap://127.0.0.1:${port}/`, ...(options.tls === false ? [] : [`ldaps://127.0.0.1:${securePort}/`])]
  const child = spawn('/usr/sbin/slapd', [...conf, '-h', urls.join(' '), '-d', '0'], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await gone
  }
  await answers(options.tls === false ? port : securePort, child)
  return {
    port,
    securePort,
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const answers = async (port: number, child: ChildProcess): Promise<void> => {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (child.exitCode !== null) throw new Error('slapd ended at its start; run it by hand with -d 1')
    const socket = connect(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
    await sleep(20)
  }
  throw new Error('slapd accepts no connections')
}

/** Stands before an encrypted server, and breaks connections by what passes. */
export interface Breaker extends AsyncDisposable {
  readonly port: number
  /** Breaks each connection in place of passing on its request n, and passes on none after it. The first is 1. */
  atRequest(n: number): void
  /** Breaks each connection once that many bytes came from the server. */
  atByte(n: number): void
  /** Bytes that came from the server over the last connection. */
  readonly bytes: number
}

const APPLICATION_DATA = 23

/** Requests are counted by the records of TLS 1.3 that carry them: the client's first one ends the handshake, and each request is one more. */
export const startBreaker = async (target: number): Promise<Breaker> => {
  let request = Number.POSITIVE_INFINITY
  let byte = Number.POSITIVE_INFINITY
  let bytes = 0
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const to = connect(target, '127.0.0.1')
    bytes = 0
    let records = 0
    let held: Buffer = Buffer.alloc(0)
    const end = () => {
      client.destroy()
      to.destroy()
    }
    for (const socket of [client, to]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 5 && held.length >= 5 + held.readUInt16BE(3)) {
        if (held[0] === APPLICATION_DATA) records++
        if (records > request) return end()
        const size = 5 + held.readUInt16BE(3)
        to.write(held.subarray(0, size))
        held = held.subarray(size)
      }
    })
    to.on('data', (chunk: Buffer) => {
      const rest = byte - bytes
      bytes += chunk.length
      if (chunk.length < rest) return void client.write(chunk)
      client.end(chunk.subarray(0, rest))
      to.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    atRequest: n => {
      request = n
    },
    atByte: n => {
      byte = n
    },
    get bytes() {
      return bytes
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
