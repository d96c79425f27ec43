import http from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { ClusterUnreachableError, clusterError, isTypeError, type Status, StatusError } from './errors.ts'
import { RefusedRights } from './rights.ts'
import { Turns } from './turns.ts'

export interface KubeRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From the root of the server: `/apis/roster.dev/v1alpha1/…`. */
  path: string
  query?: Readonly<Record<string, string | undefined>>
  body?: unknown
  /** Of a PATCH. */
  patch?: 'merge' | 'json' | 'apply'
  /** Milliseconds for one try; 10 s when absent. */
  timeout?: number
  /** Milliseconds for all tries; 30 s when absent. */
  patience?: number
  /** Does not stand in line behind other requests: a lease that waits for them would be lost. */
  urgent?: boolean
  /** Asked before each try: how many milliseconds it may take. @throws when the writer may write no more */
  fence?: (() => number) | undefined
}

export interface Answer<T> {
  code: number
  body: T
}

const TIMEOUT = 10_000
const PATIENCE = 30_000
/** Requests at a time; watches, and what is urgent, come on top. */
const AT_ONCE = 16
/** Milliseconds before the second try; doubled for each further one. */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 5_000
/** Bytes of one answer, or of one line of a watch, that are read at most. */
const LARGEST = 64 * 1024 * 1024

const PATCHES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
} as const

/**
 * Requests to one API server over connections that are kept.
 *
 * - A try has a deadline, and so has the whole. `429` and `Retry-After` are honoured. What the server did not do (429, a refused connection) is tried again;
 *   after a break or a 5xx only what does no harm twice: reads, and writes that carry a version or a patch, where the second finds its own first as a conflict at worst.
 *   A POST is not repeated: whoever called looks whether the object is there.
 * - Answers other than 2xx are a {@link StatusError}; what stays broken is a {@link ClusterUnreachableError}.
 */
export class KubeClient {
  readonly cluster: Cluster
  /** What was refused for want of a right. */
  readonly rights = new RefusedRights(() => this)
  readonly #random: () => number
  readonly #closing = new AbortController()
  readonly #turns = new Turns(AT_ONCE)

  constructor(cluster: Cluster, options: { random?: () => number } = {}) {
    this.cluster = cluster
    this.#random = options.random ?? Math.random
  }

  close(): void {
    this.#closing.abort()
    this.cluster.close()
  }

  /** @throws StatusError, ClusterUnreachableError, and what the fence throws */
  async request<T>(request: KubeRequest): Promise<Answer<T>> {
    const { timeout = TIMEOUT, patience = PATIENCE } = request
    let begun: number | undefined
    let renewed = false
    for (let failures = 1; ; failures++) {
      const tried = await this.#inTurn(request, () => {
        // Time runs from the turn on: thousands may be asked for at once. What the fence throws is never tried again.
        const allowed = Math.min(timeout, request.fence?.() ?? timeout)
        begun ??= performance.now()
        return this.#once<T>(request, allowed).then(
          answer => ({ answer }),
          (error: unknown) => ({ error }),
        )
      })
      if ('answer' in tried) return tried.answer
      const { error } = tried
      if (error instanceof StatusError && error.code === 401 && !renewed) {
        renewed = true
        await this.cluster.access(true)
        continue
      }
      if (this.#closing.signal.aborted || !isWorthTrying(request, error)) throw error
      const asked = error instanceof StatusError ? (error.status.details?.retryAfterSeconds ?? 0) * 1_000 : 0
      const own = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * (0.5 + this.#random() / 2)
      const pause = Math.max(asked, own)
      if (performance.now() - (begun ?? 0) + pause > patience) {
        throw error instanceof StatusError ? clusterError(error) : error
      }
      await sleep(pause, undefined, { signal: this.#closing.signal })
    }
  }

  /**
   * The lines of a watch, until the server ends it (the generator returns) or it breaks.
   * @param options.silence milliseconds without a byte after which the connection counts as dead
   * @throws StatusError, ClusterUnreachableError
   */
  async *lines(
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    options: { signal: AbortSignal; silence: number },
  ): AsyncGenerator<string, void, undefined> {
    const stop = new AbortController()
    const signal = AbortSignal.any([options.signal, this.#closing.signal, stop.signal])
    const silent = () => stop.abort(new ClusterUnreachableError(`a watch was silent for ${options.silence} ms`))
    let watchdog = setTimeout(silent, TIMEOUT)
    try {
      const response = await this.#open({ method: 'GET', path, query }, signal, true)
      if (response.statusCode !== 200) throw await this.#refused(response)
      const decoder = new TextDecoder()
      let rest = ''
      clearTimeout(watchdog)
      watchdog = setTimeout(silent, options.silence)
      for await (const chunk of response) {
        rest += decoder.decode(chunk as Buffer, { stream: true })
        if (rest.length > LARGEST) throw new ClusterUnreachableError('a watch sent a line without end')
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        // While whoever reads is busy nobody listens to the server, so its silence means nothing.
        clearTimeout(watchdog)
        for (const line of lines) if (line !== '') yield line
        watchdog = setTimeout(silent, options.silence)
      }
    } catch (error) {
      if (options.signal.aborted || this.#closing.signal.aborted) return
      if (stop.signal.aborted) throw stop.signal.reason
      throw error instanceof StatusError ? error : unreachable(error)
    } finally {
      clearTimeout(watchdog)
      stop.abort()
    }
  }

  async #inTurn<T>({ urgent }: KubeRequest, act: () => Promise<T>): Promise<T> {
    const end = urgent ? undefined : await this.#turns.take()
    try {
      return await act()
    } finally {
      end?.()
    }
  }

  async #once<T>(request: KubeRequest, milliseconds: number): Promise<Answer<T>> {
    const signal = AbortSignal.any([AbortSignal.timeout(Math.ceil(milliseconds)), this.#closing.signal])
    try {
      const response = await this.#open(request, signal, false)
      const code = response.statusCode ?? 0
      if (code < 200 || code > 299) throw await this.#refused(response)
      return { code, body: JSON.parse(await textOf(response)) as T }
    } catch (error) {
      if (error instanceof StatusError) throw error
      if (signal.aborted && !this.#closing.signal.aborted) {
        // What went silent once is not used again: connections that wait for work may be as dead.
        const { agent, streams } = await this.cluster.access()
        for (const each of [agent, streams]) dropIdle(each)
        throw new ClusterUnreachableError(`the API server did not answer within ${Math.round(milliseconds)} ms`)
      }
      throw unreachable(error)
    }
  }

  async #refused(response: http.IncomingMessage): Promise<StatusError> {
    const error = await statusOf(response)
    this.rights.note(error)
    return error
  }

  async #open(request: KubeRequest, signal: AbortSignal, stream: boolean): Promise<http.IncomingMessage> {
    const access = await this.cluster.access()
    const url = new URL(this.cluster.server + request.path)
    for (const [key, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) url.searchParams.set(key, value)
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
    const headers = {
      ...access.headers,
      Accept: 'application/json',
      'User-Agent': 'roster',
      ...(body && {
        'Content-Type': request.patch ? PATCHES[request.patch] : 'application/json',
        'Content-Length': body.length,
      }),
    }
    return new Promise((resolve, reject) => {
      const { request: send } = url.protocol === 'http:' ? http : https
      const agent = stream || request.urgent ? access.streams : access.agent
      const sent = send(url, { method: request.method, headers, agent, signal }, resolve)
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

const dropIdle = (agent: http.Agent): void => {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

const isWorthTrying = ({ method, body }: KubeRequest, error: unknown): boolean => {
  if (error instanceof StatusError) {
    if (error.code === 429) return true
    return error.code >= 500 && !isTypeError(error) && method !== 'POST'
  }
  if (!(error instanceof ClusterUnreachableError)) return false
  return neverArrived(error) || method !== 'POST' || body === undefined
}

/** Whether the request cannot have reached a server. */
const neverArrived = (error: ClusterUnreachableError): boolean => {
  const { code } = (error.cause ?? {}) as { code?: string }
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}

const unreachable = (error: unknown): unknown => {
  if (error instanceof ClusterUnreachableError || !(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  return new ClusterUnreachableError(`the API server cannot be reached: ${code ?? error.message}`, { cause: error })
}

const textOf = async (response: http.IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > LARGEST) throw new ClusterUnreachableError(`the API server's answer is larger than ${LARGEST} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const statusOf = async (response: http.IncomingMessage): Promise<StatusError> => {
  const code = response.statusCode ?? 0
  const text = await textOf(response).catch(() => '')
  const status = parsedStatus(text)
  const seconds = Number(response.headers['retry-after'])
  if (Number.isFinite(seconds) && seconds > 0)
    status.details = { retryAfterSeconds: Math.min(seconds, 60), ...status.details }
  return new StatusError(code, status)
}

const parsedStatus = (text: string): Status => {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Status
  } catch {
    // A proxy, or `404 page not found`: the text is the message.
  }
  return { message: text.trim().slice(0, 200) }
}
