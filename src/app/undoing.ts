import type { AnyManifest } from '../api/kinds.ts'
import { ANNOTATIONS, MANAGERS } from '../api/names.ts'
import { isCommit } from '../decide/origin.ts'
import type { PlacedManifest, Revision } from '../source/revision.ts'
import type { SyncOptions } from '../source/sync.ts'
import { fieldsOf, partsOf } from '../store/semantics/fields.ts'
import type { RunRecord } from '../store/store.ts'
import type { ApplyResult } from './apply.ts'
import { applyRevision } from './apply.ts'
import { type Plan, workOut } from './plan.ts'
import type { Realm } from './realm.ts'
import { RequestError } from './requests.ts'
import { listRuns, MOST_OBJECTS, type RunJournal, readJournal } from './runs.ts'

/** What putting back one run would do. */
export interface Undoing {
  run: RunRecord
  plan: Plan
  /** What cannot be put back, in words. */
  stays: string[]
  /** Why it cannot be carried out here now: a Source would take it back. */
  refused?: string
  revision: Extract<Revision, { outcome: 'Complete' }>
  planned: NonNullable<SyncOptions['planned']>
}

/**
 * Works out what putting back a run comes to: what it changed is as before, what it made goes, what it took comes back. An object that was changed since is left as it is.
 * Nothing is written.
 * @throws RequestError where there is no such run, or what was before is not kept here
 */
export const planUndo = async (realm: Realm, number: number, signal: AbortSignal): Promise<Undoing> => {
  const run = (await listRuns(realm.store)).find(one => one.number === number)
  if (!run) throw new RequestError('ReferenceNotFound', `there is no run ${number}; \`roster runs\` lists them`)
  const journal = await readJournal(realm.paths.runs, run)
  if (!journal) throw new RequestError('NotAllowed', lostJournal(realm, run))
  const revision: Undoing['revision'] = {
    outcome: 'Complete',
    id: `undo-${number}`,
    manifests: await manifestsOf(realm, run, journal),
    findings: [],
  }
  const planned = unchangedSince(number, journal)
  const { plan } = await workOut({
    realm,
    source: run.source,
    revision,
    prune: true,
    allowEmpty: true,
    all: false,
    planned,
    signal,
  })
  const refused = await watchingSource(realm, run)
  return {
    run,
    plan,
    stays: await sentSince(realm, run, journal),
    revision,
    planned,
    ...(refused !== undefined && { refused }),
  }
}

/** Why what was before a run cannot be put back from here, and what to do instead. */
const lostJournal = (
  { paths, replicated }: Pick<Realm, 'paths' | 'replicated'>,
  { number, source, revision, by, created, updated, deleted }: RunRecord,
): string => {
  const changes = created + updated + deleted
  if (changes === 0) return `run ${number} changed nothing, so there is nothing to put back`
  const why =
    changes > MOST_OBJECTS
      ? `it changed ${changes} resources, and what was before is kept for up to ${MOST_OBJECTS}`
      : replicated
        ? `it lies with the pod or on the machine that did it (${by}), and is gone with a pod that was replaced`
        : 'another process did it, or the folder was emptied'
  const instead = isCommit(revision)
    ? `\`git revert ${revision}\`, and push it to where source ${source} reads from`
    : `bring back the files of source ${source} as they were before revision ${revision}, and apply them`
  return `what was before run ${number} is not kept in ${paths.runs}: ${why}. Instead: ${instead}`
}

/** Carries it out, as the source that did it. @throws RequestError where a Source would take it back */
export const undo = async (
  realm: Realm,
  { run, revision, planned, refused }: Undoing,
  signal: AbortSignal,
): Promise<ApplyResult> => {
  if (refused !== undefined) throw new RequestError('NotAllowed', refused)
  const source = await realm.store.get('Source', run.source)
  await realm.audit.append({
    phase: 'change',
    actor: realm.actor,
    action: 'run.undo',
    target: `Source/${run.source}`,
    before: { run: run.number, revision: run.revision },
    because: `asked by ${realm.actor}`,
  })
  return applyRevision({
    realm,
    source: run.source,
    from: source?.spec,
    revision,
    prune: true,
    allowEmpty: true,
    planned,
    wait: true,
    signal,
  })
}

/** Only what the source applied: a field that somebody else has by now is theirs. */
const manifestsOf = async ({ store }: Realm, run: RunRecord, { was }: RunJournal): Promise<PlacedManifest[]> => {
  const manager = MANAGERS.source(run.source)
  return Promise.all(
    was.map(async ({ manifest, place }) => {
      const { kind, metadata } = manifest
      const isThere = (await store.get(kind, metadata.name)) !== undefined
      const owners = isThere ? await store.owners({ kind, name: metadata.name }) : []
      const isTheirs = (field: string): boolean => {
        const managers = owners.filter(one => one.field === field).map(one => one.manager)
        return managers.length > 0 && !managers.includes(manager)
      }
      const parts = {
        spec: manifest.spec as Record<string, unknown>,
        labels: metadata.labels ?? {},
        annotations: metadata.annotations ?? {},
      }
      const fields = new Map([...fieldsOf(kind, parts)].filter(([field]) => !isTheirs(field)))
      const { spec, labels, annotations } = partsOf(kind, parts, fields)
      const back = { ...manifest, metadata: { ...metadata, labels, annotations }, spec } as unknown as AnyManifest
      return { manifest: back, place }
    }),
  )
}

/** What was changed after the run, by a later one or by hand, is not written over. */
const unchangedSince = (number: number, { was, created }: RunJournal): Undoing['planned'] =>
  new Map([
    ...was.map(({ manifest, uid, generation }): [string, (live: Live) => string | undefined] => {
      const key = `${manifest.kind}/${manifest.metadata.name}`
      return [
        key,
        live =>
          live === undefined || (live.metadata.uid === uid && live.metadata.generation === generation)
            ? undefined
            : `${key} was changed after run ${number}; it stays as it is`,
      ]
    }),
    ...created.map(({ kind, name, uid }): [string, (live: Live) => string | undefined] => [
      `${kind}/${name}`,
      live =>
        live === undefined || live.metadata.uid === uid ? undefined : `${kind}/${name} is another one by now; it stays`,
    ]),
  ])
type Live = { metadata: { uid: string; generation: number } } | undefined

/** While a Source reads on, it would make everything so again with its next pass. */
const watchingSource = async ({ store }: Realm, { source: name, revision }: RunRecord): Promise<string | undefined> => {
  const source = await store.get('Source', name)
  if (!source || source.metadata.annotations?.[ANNOTATIONS.pause] !== undefined) return undefined
  return `Source/${name} would make it so again: revert ${revision} where it reads from, or \`roster pause source/${name}\` first`
}

/** Mail that went stays with whoever got it. */
const sentSince = async ({ store }: Realm, { time }: RunRecord, { was, created }: RunJournal): Promise<string[]> => {
  const people = new Set(
    [...was.map(({ manifest }) => ({ kind: manifest.kind, name: manifest.metadata.name })), ...created]
      .filter(({ kind }) => kind === 'User')
      .map(({ name }) => name),
  )
  let mails = 0
  let joined = 0
  for (const { spec } of (await store.list('Membership')).items) {
    if (spec.user === undefined || !people.has(spec.user.name)) continue
    mails += [...spec.attempts, ...spec.mails].filter(
      ({ outcome, outcomeTime }) => outcome === 'Sent' && outcomeTime !== undefined && outcomeTime >= time,
    ).length
    if (spec.joined !== undefined && spec.joined.time >= time) joined++
  }
  return [
    ...(mails > 0
      ? [`${mails === 1 ? '1 mail that went' : `${mails} mails that went`} since then cannot be called back`]
      : []),
    ...(joined > 0 ? [`${joined === 1 ? '1 person has' : `${joined} people have`} joined since then`] : []),
  ]
}
