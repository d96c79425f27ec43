import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyManifest, SpecOf } from '../../src/api/kinds.ts'
import { API_VERSION, type DeclaredKind } from '../../src/api/names.ts'
import { type Plan, type PlanOptions, planRevision } from '../../src/app/plan.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import type { AuditEntry } from '../../src/ports/audit.ts'
import { belongingOf, permitToPrune } from '../../src/reconcilers/pruning.ts'
import type { PlacedManifest, Revision } from '../../src/source/revision.ts'
import { type SyncResult, syncRevision } from '../../src/source/sync.ts'
import type { FakeClock } from '../fakes/clock.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

export type Complete = Extract<Revision, { outcome: 'Complete' }>

/** One document, as it would stand in `kind/name.yaml`. */
export const placed = <K extends DeclaredKind>(
  kind: K,
  name: string,
  spec: SpecOf<K>,
  labels?: Record<string, string>,
): PlacedManifest => ({
  manifest: {
    apiVersion: API_VERSION,
    kind,
    metadata: { name, ...(labels && { labels }) },
    spec,
  } as unknown as AnyManifest,
  place: `${kind.toLowerCase()}s/${name}.yaml:1`,
})

export const revisionWith = (...manifests: PlacedManifest[]): Complete => ({
  outcome: 'Complete',
  id: `sha256:${JSON.stringify(manifests).length}`,
  manifests,
  findings: [],
})

/** A realm in memory with every reconciler, acting for real on a mail server in memory. */
export const openPlanned = (clock?: FakeClock): Promise<Realm> =>
  openRealm({ reconcilers: reconcilersOf, ...(clock && { clock }) })

const nowhere = join(tmpdir(), 'roster-no-such-folder')

/** Plans a revision as source `people` on a realm in memory. */
export const planOn = (realm: Realm, revision: Complete, options: Partial<PlanOptions> = {}): Promise<Plan> =>
  planRevision({
    realm: {
      store: realm.store,
      clock: realm.clock,
      settings: resolveSettings({ flags: {}, environment: {}, cwd: nowhere }).settings,
      fingerprint: async () => undefined,
      secrets: { read: async () => Promise.reject(new Error('no secrets here')) },
    },
    source: 'people',
    revision,
    prune: true,
    allowEmpty: false,
    all: false,
    signal: new AbortController().signal,
    ...options,
  })

/** Applies a revision for real, and runs until nothing is left to do. @returns what was written, and what the audit trail says of it */
export const applyOn = async (realm: Realm, revision: Complete): Promise<{ sync: SyncResult; told: AuditEntry[] }> => {
  const before = realm.audit.lines.length
  const sync = await syncRevision({
    store: realm.store,
    source: 'people',
    revision,
    prune: true,
    permit: permitToPrune('no longer declared', belongingOf(realm.store)),
  })
  await realm.run()
  return { sync, told: realm.audit.lines.slice(before) }
}

/** What was planned beyond the documents themselves, in the words of {@link toldWords}. */
export const plannedWords = (plan: Plan, { created, updated, pruned }: SyncResult): string[] => {
  const declared = new Set([...created, ...updated, ...pruned].map(({ kind, name }) => `${kind}/${name}`))
  return [...plan.changes, ...plan.alsoDue]
    .filter(({ target, kind, name }) => target !== 'resource' || !declared.has(`${kind}/${name}`))
    .map(({ action, target, kind, name, organization, fields }) =>
      words(`${target}.${action}`, `${kind}/${name}`, organization, fields),
    )
    .sort()
}

/** What the audit trail tells, once an act. */
export const toldWords = (told: readonly AuditEntry[]): string[] =>
  told
    .filter(({ phase, action }) => (action === 'mail.send' ? phase === 'intent' : phase !== 'intent'))
    .map(({ action, target, organization, after }) =>
      words(action, target, organization, (after ?? {}) as Record<string, unknown>),
    )
    .sort()

/** What the trail says of a record, the plan says of the person: a mail is known here by whom it goes to, a grant by its Invitation. */
const ON_RECORDS = new Set(['mail.send', 'mail.queue', 'membership.grant'])

const words = (
  action: string,
  target: string,
  organization: string | undefined,
  { messageId: _, ...fields }: Record<string, unknown>,
): string => `${action} ${ON_RECORDS.has(action) ? '' : target} in ${organization} ${JSON.stringify(fields)}`
