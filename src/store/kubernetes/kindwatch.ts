import { setTimeout as sleep } from 'node:timers/promises'
import type { Kind } from '../../api/names.ts'
import { GoneError } from '../errors.ts'
import type { AnyResource, WatchEvent } from '../store.ts'
import { compareVersions } from '../version.ts'
import type { KubeClient } from './client.ts'
import type { Definitions } from './definitions.ts'
import { ClusterUnreachableError, clusterError, KindMissingError, type Status, StatusError } from './errors.ts'
import { objectOf, pathOf, type RawObject } from './objects.ts'

interface Line {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: RawObject | Status
}

export interface KindWatchOptions {
  client: KubeClient
  kind: Kind
  since: string
  random: () => number
  deliver: (event: WatchEvent) => Promise<void>
  definitions: Definitions
  /** Ends the watch. */
  signal: AbortSignal
}

/** Seconds after which the server ends a watch by itself: less than the five minutes that load balancers often allow. */
const LONGEST = 290
/** Milliseconds of silence: an API server sends a bookmark about every 60 s. */
const SILENCE = 75_000
/** Breaks in a row, without a line in between, after which it is the caller's to know. */
const BREAKS = 4
const FIRST_PAUSE = 100
/** Seconds that a probe lives: a server sends a bookmark two seconds before the end, so one second after its begin. */
const PROBE = 3
/** Milliseconds that a whole probe may take. */
const PROBE_PATIENCE = 15_000

/**
 * The changes of one kind, each told once and in order, over as many connections as it takes.
 *
 * {@link version} is how far this kind was told. Several streams may run at once, all from versions that were told already; each brings everything after its start in order, so what is
 * newer than `version` is the next change, and what is not was told before.
 */
export class KindWatch {
  readonly #options: KindWatchOptions
  readonly #path: string
  #version: string
  #renew = new AbortController()

  constructor(options: KindWatchOptions) {
    this.#options = options
    this.#path = pathOf(options.client.cluster.namespace, options.kind)
    this.#version = options.since
  }

  /** Every change of this kind up to here was delivered. */
  get version(): string {
    return this.#version
  }

  /**
   * Watches until the signal aborts. A break is mended from the last version.
   * @throws GoneError; what stays broken; what the server refuses
   */
  async run(): Promise<void> {
    const { signal, random } = this.#options
    for (let breaks = 0; !signal.aborted; ) {
      const renew = new AbortController()
      this.#renew = renew
      const before = this.#version
      let lines = 0
      let wait = 0
      try {
        const timeout = Math.round(LONGEST * (0.8 + 0.2 * random()))
        for await (const _ of this.#stream(timeout, AbortSignal.any([signal, renew.signal]))) lines++
      } catch (error) {
        if (!(error instanceof ClusterUnreachableError) || breaks >= BREAKS) throw error
        wait = error.wait
      }
      // A watch that lived through its time is no break, nor is one that we ended ourselves.
      breaks = lines > 0 || this.#version !== before || renew.signal.aborted ? 0 : breaks + 1
      if (breaks > 0) await this.#pause(breaks, wait)
    }
  }

  /** Ends the present connection, which may be dead without knowing it; the next one goes on from the same version. */
  renew(): void {
    this.#renew.abort()
  }

  /**
   * Makes sure that everything up to a version was delivered, whatever becomes of the connection: by a second watch from the last version, which the server begins with all that is
   * newer and marks soon, because it is to end soon.
   * @throws as {@link run}
   */
  async prove(target: string): Promise<void> {
    const reached = () => compareVersions(this.#version, target) >= 0
    const begun = performance.now()
    while (!reached() && !this.#options.signal.aborted) {
      const ended = new AbortController()
      const signal = AbortSignal.any([this.#options.signal, ended.signal])
      try {
        void this.#refresh(target, signal)
        for await (const _ of this.#stream(PROBE, signal)) if (reached()) break
      } finally {
        ended.abort()
      }
      if (!reached() && performance.now() - begun > PROBE_PATIENCE)
        throw new ClusterUnreachableError(`the API server does not tell of ${this.#options.kind} up to ${target}`)
    }
  }

  /**
   * Has the server ask its database how far it is: it knows of no version between two changes of a kind otherwise (KEP-2340, consistent reads from cache).
   * A watch with initial events does; of an object that cannot be, so that there are none. A server that does not know this goes on by itself, every few seconds.
   */
  async #refresh(target: string, signal: AbortSignal): Promise<void> {
    const query = {
      watch: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      resourceVersion: target,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(PROBE),
      fieldSelector: 'metadata.name=-',
    }
    try {
      for await (const _ of this.#options.client.lines(this.#path, query, { signal, silence: PROBE * 2_000 })) return
    } catch {
      // The probe itself tells whether it gets there.
    }
  }

  /** One connection from the last version; each step is one line that was delivered. */
  async *#stream(timeoutSeconds: number, signal: AbortSignal): AsyncGenerator<void, void, undefined> {
    const { client, kind } = this.#options
    const query = {
      watch: 'true',
      resourceVersion: this.#version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(timeoutSeconds),
    }
    try {
      for await (const text of client.lines(this.#path, query, { signal, silence: SILENCE })) {
        await this.#line(JSON.parse(text) as Line)
        yield
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      throw error.kindMissing ? new KindMissingError(kind) : clusterError(error)
    }
  }

  async #line({ type, object }: Line): Promise<void> {
    const { kind, deliver, definitions } = this.#options
    if (type === 'ERROR') {
      const status = object as Status
      throw new StatusError(status.code ?? 500, status)
    }
    const raw = object as RawObject
    const version = raw.metadata.resourceVersion
    if (compareVersions(version, this.#version) <= 0) return
    if (type === 'BOOKMARK' || type === 'DELETED') this.#version = version
    if (type === 'BOOKMARK') return
    // Asked before this counts as told: where nobody answers, the line is read again.
    const shown = type === 'DELETED' ? objectOf(kind, raw) : await definitions.told(kind, objectOf(kind, raw))
    if (type !== 'DELETED' && compareVersions(version, this.#version) <= 0) return
    this.#version = version
    await deliver({ type, object: shown as unknown as AnyResource })
  }

  async #pause(breaks: number, asked: number): Promise<void> {
    const milliseconds = Math.max(asked, FIRST_PAUSE * 2 ** (breaks - 1) * (0.5 + this.#options.random() / 2))
    await sleep(milliseconds, undefined, { signal: this.#options.signal }).catch(() => undefined)
  }
}

/** @throws GoneError for what is no version of a cluster; `0` means any version there, and nothing here */
export const checkedVersion = (version: string): string => {
  if (/^[1-9]\d{0,18}$/.test(version)) return version
  throw new GoneError(`version ${JSON.stringify(version)} is not of this store: list again`)
}
