import { createHash } from 'node:crypto'
import { API_VERSION, MANAGED_BY } from '../../api/names.ts'
import type { ObjectRef } from '../../api/resource.ts'
import { timestamp } from '../../api/timestamp.ts'
import type { EventLog, StoreEvent } from '../store.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { clusterError, StatusError } from './errors.ts'

/** An Event of `v1`, as `kubectl describe` shows it under the object. */
interface RawEvent {
  metadata: { name: string; resourceVersion?: string; labels?: Record<string, string> }
  involvedObject: { apiVersion: string; kind: string; name: string; namespace: string; uid?: string }
  type: string
  reason: string
  message: string
  firstTimestamp: string
  lastTimestamp: string
  count: number
}

const LABELS = { 'app.kubernetes.io/managed-by': MANAGED_BY }
const PAGE = 500
const DEFAULT_LIMIT = 1_000
const TRIES = 5
/** Longest message that an API server takes. */
const LONGEST = 1_024

/**
 * Events on the objects themselves. One of a kind, name and reason is one Event whose count grows; the API server forgets it an hour after the last time (its `--event-ttl`).
 * Times have whole seconds there.
 */
export const kubernetesEventLog = (client: KubeClient, send: <T>(request: KubeRequest) => Promise<T>): EventLog => {
  const { namespace } = client.cluster
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`

  const read = async (name: string): Promise<RawEvent | StatusError | undefined> => {
    try {
      return (await client.request<RawEvent>({ method: 'GET', path: `${path}/${name}` })).body
    } catch (error) {
      if (error instanceof StatusError && error.code === 404) return undefined
      // Who may not look can still make one that is not there yet.
      if (error instanceof StatusError && error.code === 403) return error
      throw error
    }
  }

  return {
    async record({ ref, type, reason, message, time }) {
      const name = eventName(ref, reason)
      const involvedObject = {
        apiVersion: API_VERSION,
        kind: ref.kind,
        name: ref.name,
        namespace,
        ...(ref.uid !== undefined && { uid: ref.uid }),
      }
      const seconds = time.replace(/\.\d+Z$/, 'Z')
      for (let tries = 1; ; tries++) {
        let refused: StatusError | undefined
        try {
          const found = await read(name)
          if (found instanceof StatusError) refused = found
          const before = found instanceof StatusError ? undefined : found
          const event = {
            apiVersion: 'v1',
            kind: 'Event',
            metadata: { name, labels: LABELS, resourceVersion: before?.metadata.resourceVersion },
            involvedObject,
            type,
            reason,
            message: message.slice(0, LONGEST),
            firstTimestamp: before?.firstTimestamp ?? seconds,
            lastTimestamp: before && before.lastTimestamp > seconds ? before.lastTimestamp : seconds,
            count: (before?.count ?? 0) + 1,
            source: { component: MANAGED_BY },
          }
          await send(
            before ? { method: 'PUT', path: `${path}/${name}`, body: event } : { method: 'POST', path, body: event },
          )
          return
        } catch (error) {
          if (!(error instanceof StatusError)) throw error
          const raced = error.code === 409 || error.code === 404
          if (raced && refused) throw clusterError(refused)
          if (!raced || tries === TRIES) throw clusterError(error)
        }
      }
    },

    async list({ ref, since, limit = DEFAULT_LIMIT } = {}) {
      const found: StoreEvent[] = []
      const fieldSelector = ref && `involvedObject.kind=${ref.kind},involvedObject.name=${ref.name}`
      let next: string | undefined
      do {
        const query = {
          labelSelector: `app.kubernetes.io/managed-by=${MANAGED_BY}`,
          fieldSelector,
          limit: String(PAGE),
          continue: next,
        }
        const { body } = await client
          .request<{ items: RawEvent[]; metadata: { continue?: string } }>({ method: 'GET', path, query })
          .catch(error => {
            throw error instanceof StatusError ? clusterError(error) : error
          })
        for (const raw of body.items) {
          const event = eventOf(raw)
          if (ref?.uid !== undefined && event.ref.uid !== undefined && event.ref.uid !== ref.uid) continue
          if (since === undefined || Date.parse(event.lastTime) >= Date.parse(since)) found.push(event)
        }
        next = body.metadata.continue || undefined
      } while (next !== undefined)
      return found.sort((a, b) => (a.lastTime < b.lastTime ? 1 : a.lastTime > b.lastTime ? -1 : 0)).slice(0, limit)
    },
  }
}

/** One name for each object and reason; a DNS name whatever the object is called. */
const eventName = (ref: ObjectRef, reason: string): string =>
  `${ref.kind.toLowerCase()}.${createHash('sha256').update(`${ref.kind}/${ref.name}/${reason}`).digest('hex').slice(0, 24)}`

const eventOf = (raw: RawEvent): StoreEvent => ({
  ref: {
    kind: raw.involvedObject.kind as StoreEvent['ref']['kind'],
    name: raw.involvedObject.name,
    ...(raw.involvedObject.uid !== undefined && { uid: raw.involvedObject.uid }),
  },
  type: raw.type === 'Warning' ? 'Warning' : 'Normal',
  reason: raw.reason as StoreEvent['reason'],
  message: raw.message,
  firstTime: timestamp(Date.parse(raw.firstTimestamp)),
  lastTime: timestamp(Date.parse(raw.lastTimestamp)),
  count: raw.count,
})
