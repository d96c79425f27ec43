import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** How the server fails, and at what: every request, or only where objects are asked for. */
export interface GitFault {
  at: 'all' | 'fetch'
  does: { status: number; location?: string } | { hang: true } | { cutAfter: number }
}

/** A real Git server over http: `git http-backend` as a CGI program (git-http-backend(1)), on loopback. */
export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`; a repository `people.git` in the root is below it. */
  readonly url: string
  readonly port: number
  /** What was asked, as `POST /people.git/git-upload-pack`, with the header that authorizes and the command of protocol 2. */
  readonly requests: { line: string; authorization: string | undefined; command: string | undefined; host: string }[]
  /** Set while the server fails. */
  fault: GitFault | undefined
  /** Called once with the next request for objects, before it is answered. */
  onFetch: (() => void) | undefined
}

export const openGitServer = async (options: {
  root: string
  /** Without one nobody is asked. */
  password?: string
  /** Whether commits may be asked for by id: protocol 2, or only the old one, where they may not. */
  protocol?: 0 | 2
}): Promise<GitServer> => {
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    answer(request, response).catch(error => response.destroy(error as Error))
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request)
    const command = /command=([a-z-]+)/.exec(body.toString('latin1'))?.[1]
    const { authorization, host = '' } = request.headers
    peer.requests.push({ line: `${request.method} ${request.url}`, authorization, command, host })
    const fetches = request.method === 'POST' && (command === 'fetch' || (command === undefined && body.length > 0))
    if (fetches) {
      peer.onFetch?.()
      peer.onFetch = undefined
    }
    const does = peer.fault && (peer.fault.at === 'all' || fetches) ? peer.fault.does : undefined
    if (does && 'hang' in does) return
    if (does && 'status' in does) {
      response.writeHead(does.status, does.location === undefined ? {} : { Location: does.location + request.url })
      response.end()
      return
    }
    const wanted = `Basic ${Buffer.from(`git:${options.password}`).toString('base64')}`
    if (options.password !== undefined && authorization !== wanted) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end()
      return
    }
    await backend({
      request,
      response,
      body,
      root: options.root,
      protocol: options.protocol ?? 2,
      cutAfter: does?.cutAfter,
    })
  }

  const peer: GitServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: [],
    fault: undefined,
    onFetch: undefined,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return peer
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** One request through the program: what it writes before the empty line are headers (RFC 3875 section 6). */
const backend = async (options: {
  request: IncomingMessage
  response: ServerResponse
  body: Buffer
  root: string
  protocol: 0 | 2
  cutAfter: number | undefined
}): Promise<void> => {
  const { request, response, body, root, protocol, cutAfter } = options
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH ?? '',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(body.length),
      ...(request.headers['content-encoding'] ? { HTTP_CONTENT_ENCODING: request.headers['content-encoding'] } : {}),
      ...(protocol === 2 ? { GIT_PROTOCOL: String(request.headers['git-protocol'] ?? '') } : {}),
    },
  })
  child.stdin.on('error', () => undefined).end(body)
  let head = Buffer.alloc(0)
  let inBody = false
  let sent = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    let piece = chunk
    if (!inBody) {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) continue
      inBody = true
      let status = 200
      for (const line of head.toString('latin1', 0, end).split('\r\n')) {
        const [name = '', value = ''] = line.split(/:\s*/, 2)
        if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
        else response.setHeader(name, value)
      }
      response.writeHead(status)
      piece = head.subarray(end + 4)
    }
    if (cutAfter !== undefined && sent + piece.length > cutAfter) {
      response.write(piece.subarray(0, Math.max(0, cutAfter - sent)), () => response.destroy())
      child.kill('SIGKILL')
      return
    }
    sent += piece.length
    response.write(piece)
  }
  response.end()
}
