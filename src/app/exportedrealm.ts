import type { AnyResource, DeclaredResource } from '../api/kinds.ts'
import { KINDS, type Kind, LABELS, MANAGERS, RECORD_KINDS } from '../api/names.ts'
import { overlayStore } from '../store/overlay/store.ts'
import { fieldsOf } from '../store/semantics/fields.ts'
import type { ResourceStore } from '../store/store.ts'
import { compareVersions } from '../store/version.ts'
import { emptyRealm } from './openrealm.ts'
import type { PlanUnknown } from './plan-unknown.ts'
import { NoStoreError, type Realm, type RealmOptions } from './realm.ts'
import { SecretError } from './secrets.ts'

/** A realm for planning without its store. */
export interface OfflineRealm extends Realm {
  /** What a plan made on it cannot know. */
  readonly unknown: readonly PlanUnknown[]
}

/** Nobody is contacted: no store is opened, and no secret is read. */
export const offlineRealm = async (
  options: Pick<RealmOptions, 'settings' | 'environment'>,
  exported: { file: string; resources: readonly AnyResource[] } | undefined,
): Promise<OfflineRealm> => {
  const missing = new NoStoreError('a plan without a store has none')
  const realm = await emptyRealm(options, missing)
  const secrets: Realm['secrets'] = {
    read: async ({ name, key }) =>
      Promise.reject(new SecretError('SecretNotFound', `secret ${name}/${key} is not read without a store`)),
  }
  if (!exported) return { ...realm, secrets, unknown: [{ message: NOTHING }] }
  const { file, resources } = exported
  const store = await storeOf(realm, resources)
  return { ...realm, place: `the export ${file}`, store, secrets, unknown: unknownOf(file, resources) }
}

/** The export as a store, read at its newest version. */
const storeOf = async (
  { store, clock }: Pick<Realm, 'store' | 'clock'>,
  resources: readonly AnyResource[],
): Promise<ResourceStore> => {
  const objects = new Map<Kind, Map<string, AnyResource>>(KINDS.map(kind => [kind, new Map()]))
  let version = '0'
  for (const resource of resources.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    objects.get(resource.kind)?.set(resource.metadata.name, resource)
    if (compareVersions(resource.metadata.resourceVersion, version) > 0) version = resource.metadata.resourceVersion
  }
  const owners = new Map(
    resources.filter(isDeclared).map(object => [object.metadata.uid, { [ownerOf(object)]: pathsOf(object) }]),
  )
  return overlayStore(store, { clock, snapshot: { version, objects }, owners })
}

const isDeclared = (resource: AnyResource): resource is AnyResource & DeclaredResource =>
  !(RECORD_KINDS as readonly Kind[]).includes(resource.kind)

/** An export does not say who wrote what: everything counts as its source's. */
const ownerOf = ({ metadata: { labels = {} } }: DeclaredResource): string => {
  if (labels[LABELS.generated] !== undefined) return MANAGERS.controller
  const source = labels[LABELS.source]
  return source === undefined ? 'unknown' : MANAGERS.source(source)
}

const pathsOf = ({ kind, spec, metadata: { labels = {}, annotations = {} } }: DeclaredResource): string[] =>
  [...fieldsOf(kind, { spec: spec as Record<string, unknown>, labels, annotations }).keys()].sort()

const NOTHING =
  'nothing is known of what is there: everything counts as new, so nobody is shown to lose anything, nothing to be deleted or kept by another source, and limits as untouched'

const unknownOf = (file: string, resources: readonly AnyResource[]): PlanUnknown[] => {
  const messages = [
    `what has happened since ${file} was exported`,
    'who wrote which field: fields that somebody wrote by hand count as those of the source, so that more is shown to be taken out than will be',
  ]
  const has = (kind: Kind) => resources.some(resource => resource.kind === kind)
  if (has('User') && !has('Membership'))
    messages.push(
      `who was invited, has joined and has what: ${file} holds no records, so that everybody counts as never invited, and nobody is shown to lose anything; export without --no-records and --kinds`,
    )
  if (!has('Organization')) messages.push(`what stands in other organizations: ${file} holds none`)
  return messages.map(message => ({ message }))
}
