import { KINDS } from '../../src/api/names.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { compareVersions } from '../../src/store/version.ts'

/** Fields that say when, how often or under which random value something happened: another run has others. */
const INCIDENTAL = new Set([
  'nonce',
  'epoch',
  'tries',
  'deadline',
  'response',
  'removals',
  'hash',
  'digest',
  'prior',
  'releases',
  'lastAppliedRevision',
])
const UID = /[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}/g
/** Names of sets of removals, which hold the time at which they were decided. */
const SET = /\b[a-z0-9-]+\.[a-z2-7]{10}\b/g
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g

/**
 * What a world has come to: every object by kind and name, with its spec, status, labels, annotations and finalizers. Times are left out, which a crash may
 * move, and ids are told by what they name.
 */
export const outcomeOf = async (store: ResourceStore): Promise<Record<string, unknown>> => {
  const objects = (await Promise.all(KINDS.map(async kind => (await store.list(kind)).items))).flat()
  const names = new Map(objects.map(({ kind, metadata }) => [metadata.uid, `${kind}/${metadata.name}`]))
  const ids = new RegExp([...names.keys()].join('|') || '^$', 'g')
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value
        .replace(ids, uid => names.get(uid) ?? '')
        .replace(UID, 'somebody who is gone')
        .replace(SET, 'the set')
        .replace(TIME, 'T')
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value !== 'object' || value === null) return value
    // A mail names the roles that were known when it went.
    if ('purpose' in value && 'roles' in value && value.roles !== 'named') return plain({ ...value, roles: 'named' })
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => [key, INCIDENTAL.has(key) ? typeof field : plain(field)]),
    )
  }
  const outcomes = new Map<string, unknown[]>()
  for (const object of objects) {
    const { labels, annotations, finalizers, deletionTimestamp } = object.metadata
    const status = 'status' in object ? object.status : undefined
    // The name of a set of removals holds the time at which it was decided.
    const name = object.kind === 'RemovalSet' ? object.spec.organization : object.metadata.name
    const body = plain({ labels, annotations, finalizers, deletionTimestamp, spec: object.spec, status })
    outcomes.getOrInsertComputed(`${object.kind}/${name}`, () => []).push(body)
  }
  const text = (value: unknown) => JSON.stringify(value)
  for (const alike of outcomes.values()) alike.sort((a, b) => (text(a) < text(b) ? -1 : 1))
  return Object.fromEntries(outcomes)
}

/** What was written after a version. */
export const writtenSince = async (store: ResourceStore, version: string): Promise<string[]> =>
  (await Promise.all(KINDS.map(async kind => (await store.list(kind)).items)))
    .flat()
    .filter(({ metadata }) => compareVersions(metadata.resourceVersion, version) > 0)
    .map(one => JSON.stringify(one))
