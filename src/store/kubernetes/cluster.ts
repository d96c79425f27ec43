import http from 'node:http'
import https from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { StoreUnusableError } from '../errors.ts'

export interface ClusterOptions {
  /** A kubeconfig file. Absent: `KUBECONFIG`, then the one in the home folder, then the pod's service account. */
  kubeconfig?: string
  /** A context of it; its current one when absent. */
  context?: string
  /** The realm; the context's namespace, then `default`, when absent. */
  namespace?: string
}

/** What requests are made with: taken anew from time to time, since tokens and certificates are renewed in place. */
export interface Access {
  agent: http.Agent
  /** For watches, which keep their connection, and for the lease, which cannot wait for one: no limit. */
  streams: http.Agent
  headers: Record<string, string>
}

/** An API server, and how we are known to it. */
export interface Cluster {
  /** `https://host:port/path`, without a slash at the end. */
  server: string
  namespace: string
  /** @param renew true after a 401: reads files and asks credential plugins again */
  access(renew?: boolean): Promise<Access>
  close(): void
}

/** Milliseconds for which headers and certificates are used before they are asked for again. A pod's token lives for 10 minutes at least. */
const ACCESS_AGE = 30_000
/** Connections for requests that are kept while nobody needs them. */
const SPARE = 16

/**
 * Reads a kubeconfig. The library is loaded here, and nowhere else: it costs most of a second.
 * @throws StoreUnusableError when there is none, or its context or server is missing
 */
export const openCluster = async (options: ClusterOptions = {}): Promise<Cluster> => {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig)
    else config.loadFromDefault()
    if (options.context !== undefined) config.setCurrentContext(options.context)
  } catch (error) {
    throw new StoreUnusableError(
      `the kubeconfig cannot be read: ${(error as Error).message}`,
      'name one with KUBECONFIG, or check that `kubectl get ns` works',
      { cause: error },
    )
  }
  const server = config.getCurrentCluster()?.server
  const context = config.getContextObject(config.getCurrentContext())
  if (!server || !context || !URL.canParse(server)) {
    throw new StoreUnusableError(
      `the kubeconfig names no cluster for the context ${JSON.stringify(config.getCurrentContext())}`,
      'choose another context, or check that `kubectl get ns` works',
    )
  }
  return new ConfiguredCluster(config, server.replace(/\/+$/, ''), options.namespace ?? context.namespace ?? 'default')
}

class ConfiguredCluster implements Cluster {
  readonly server: string
  readonly namespace: string
  readonly #config: KubeConfig
  #access: { access: Access; key: string; since: number } | undefined
  #renewing: Promise<Access> | undefined

  constructor(config: KubeConfig, server: string, namespace: string) {
    this.#config = config
    this.server = server
    this.namespace = namespace
  }

  access(renew = false): Promise<Access> {
    const known = this.#access
    if (known && !renew && performance.now() - known.since < ACCESS_AGE) return Promise.resolve(known.access)
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  close(): void {
    this.#access?.access.agent.destroy()
    this.#access?.access.streams.destroy()
  }

  async #renew(): Promise<Access> {
    const options: https.RequestOptions = {}
    await this.#config.applyToHTTPSOptions(options)
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, auth } = options
    const headers = { ...(options.headers as Record<string, string> | undefined) }
    if (auth) headers.Authorization = `Basic ${Buffer.from(auth).toString('base64')}`
    const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }
    const defined = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
    const same = JSON.stringify(defined)
    const before = this.#access
    const agents = before?.key === same ? before.access : this.#agents(options, defined)
    const access = { agent: agents.agent, streams: agents.streams, headers }
    this.#access = { access, key: same, since: performance.now() }
    return access
  }

  #agents(options: https.RequestOptions, tls: https.AgentOptions): Pick<Access, 'agent' | 'streams'> {
    // The library's own agent opens a connection for each request; it is needed only where it goes through a proxy.
    if (this.#config.getCurrentCluster()?.proxyUrl && options.agent instanceof http.Agent)
      return { agent: options.agent, streams: options.agent }
    const { Agent } = this.server.startsWith('https:') ? https : http
    const kept = { ...tls, keepAlive: true, keepAliveMsecs: 10_000 }
    return {
      agent: new Agent({ ...kept, maxFreeSockets: SPARE }),
      streams: new Agent({ ...tls, keepAlive: true, keepAliveMsecs: 10_000, maxFreeSockets: 2 }),
    }
  }
}
