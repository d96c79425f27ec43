import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import {
  ANNOTATIONS,
  DECLARED_KINDS,
  type DeclaredKind,
  LABELS,
  MANAGED_BY,
  MANAGERS,
  type Reason,
} from '../api/names.ts'
import { isCommit } from '../decide/origin.ts'
import { everything, type Live } from './live.ts'
import type { Earlier, PlacedManifest, Revision } from './revision.ts'

/** What is to be done with one object of a source. */
export type Step =
  | {
      do: 'apply'
      desired: AnyManifest
      live: DeclaredResource | undefined
      /** What somebody wrote on the object says that it is another's; whether that is true, its owners tell. */
      claimedBy?: Claim
    }
  /** It goes; once it is gone, it is made again. */
  | { do: 'wait'; desired: AnyManifest; live: DeclaredResource }
  | { do: 'prune'; live: DeclaredResource }

/** A step about something that is declared. */
export type DeclaringStep = Exclude<Step, { do: 'prune' }>

/** Whom an object belongs to by its labels: `manager` has applied it, if that is true. */
export interface Claim {
  manager: string
  /** For people. */
  holder: string
  /** The source, where it is one. */
  source?: string
}

/** Whether a pass may prune, and if not, why: for the condition. */
export type PruneVerdict = { may: true } | { may: false; reason: Reason; message: string }

/**
 * Decides what one complete revision means for what is there. Applied in the order of kinds, pruned in the reverse;
 * only objects that carry this source's label are pruned, and none that another source took over.
 * @param known whether nothing is to be done about a document, because it and its object are as the last pass left them
 */
export const stepsOf = (
  source: string,
  revision: Extract<Revision, { outcome: 'Complete' }>,
  live: Live,
  known: (placed: PlacedManifest, live: DeclaredResource | undefined) => boolean = () => false,
): { apply: DeclaringStep[]; prune: Extract<Step, { do: 'prune' }>[]; known: number } => {
  const declared = new Set<string>()
  const changed = revision.manifests.filter(placed => {
    const { kind, metadata } = placed.manifest
    declared.add(keyOf(placed.manifest))
    const object = live.get(kind, metadata.name)
    return tellsMore(placed, object) || !known(placed, object)
  })
  const apply = changed
    .toSorted((a, b) => byKind(a.manifest, b.manifest))
    .map(placed => stepOf(source, revision.id, placed, live.get(placed.manifest.kind, placed.manifest.metadata.name)))
  const prune = [...everything(live)]
    .filter(
      object =>
        holderOf(object) === source && !declared.has(keyOf(object)) && object.metadata.deletionTimestamp === undefined,
    )
    .sort((a, b) => byKind(b, a))
    .map(object => ({ do: 'prune' as const, live: object }))
  return { apply, prune, known: revision.manifests.length - changed.length }
}

/** What is to be done about one declared object, as it stands. First keeps: what another source has, it keeps. */
export const stepOf = (
  source: string,
  revision: string,
  placed: PlacedManifest,
  live: DeclaredResource | undefined,
): DeclaringStep => {
  const desired = labelled(source, revision, placed, live)
  if (live?.metadata.deletionTimestamp !== undefined) return { do: 'wait', desired, live }
  const claimedBy = live && claimOf(source, live)
  return { do: 'apply', desired, live, ...(claimedBy ? { claimedBy } : {}) }
}

const claimOf = (source: string, live: DeclaredResource): Claim | undefined => {
  const holder = holderOf(live)
  if (live.metadata.labels?.[LABELS.generated] !== undefined)
    return { manager: MANAGERS.controller, holder: 'Roster itself' }
  return holder === undefined || holder === source
    ? undefined
    : { manager: MANAGERS.source(holder), holder: `source ${holder}`, source: holder }
}

/** An empty revision never prunes, unless a person said that it may be empty. */
export const mayPrune = (options: {
  prune: boolean
  manifests: number
  candidates: number
  allowEmpty: boolean
}): PruneVerdict => {
  if (options.manifests === 0 && !options.allowEmpty)
    return {
      may: false,
      reason: 'EmptySource',
      message: `the source is empty; its ${options.candidates} resources stay, because an empty source never prunes`,
    }
  if (!options.prune)
    return {
      may: false,
      reason: 'PruneHeld',
      message: `${options.candidates === 1 ? '1 resource is no longer in this source and stays' : `${options.candidates} resources are no longer in this source and stay`}, because prune is off (roster run --prune, roster apply --prune, or prune: true in the Source deletes)`,
    }
  return { may: true }
}

export const keyOf = (object: { kind: string; metadata: { name: string } }): string =>
  `${object.kind}/${object.metadata.name}`
export const holderOf = (object: DeclaredResource): string | undefined => object.metadata.labels?.[LABELS.source]

const RANK = new Map<DeclaredKind, number>(DECLARED_KINDS.map((kind, index) => [kind, index]))
const byKind = (
  a: { kind: DeclaredKind; metadata: { name: string } },
  b: { kind: DeclaredKind; metadata: { name: string } },
): number =>
  (RANK.get(a.kind) ?? 0) - (RANK.get(b.kind) ?? 0) ||
  (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0)

/** The manifest as it is applied: with our labels and, where the document changed, the revision in which it did. */
const labelled = (
  source: string,
  revision: string,
  placed: PlacedManifest,
  live: DeclaredResource | undefined,
): AnyManifest => {
  const { manifest, place } = placed
  const { organization } = manifest.spec as { organization?: string }
  const labels = {
    ...manifest.metadata.labels,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.source]: source,
    ...(organization === undefined ? {} : { [LABELS.organization]: organization }),
  }
  const annotations = { ...manifest.metadata.annotations, [ANNOTATIONS.sourcePath]: place }
  const before = live?.metadata.annotations?.[ANNOTATIONS.revision]
  const unchanged =
    live !== undefined &&
    before !== undefined &&
    covers(live.spec, manifest.spec) &&
    covers(live.metadata.labels ?? {}, labels) &&
    covers(live.metadata.annotations ?? {}, manifest.metadata.annotations ?? {})
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      labels,
      annotations: { ...annotations, ...(unchanged ? changeIn(live, placed) : changeAt(revision, placed)) },
    },
  } as AnyManifest
}

/** The notes on a document that changed in this revision. */
export const changeAt = (revision: string, { change }: PlacedManifest): Record<string, string> => ({
  [ANNOTATIONS.revision]: revision,
  ...(change && notesOn(change)),
})

/** Annotations that tell of an object's last change. */
export const CHANGE_NOTES = [
  ANNOTATIONS.revision,
  ANNOTATIONS.commit,
  ANNOTATIONS.author,
  ANNOTATIONS.unchangedSince,
] as const

/** The notes on its last change, which stay while it does not change; those that were missing are added. */
const changeIn = (live: DeclaredResource, placed: PlacedManifest): Record<string, string> => ({
  ...Object.fromEntries(
    CHANGE_NOTES.flatMap(name => {
      const note = live.metadata.annotations?.[name]
      return note === undefined ? [] : [[name, note]]
    }),
  ),
  ...(placed.earlier && tellsMore(placed, live) && notesOn(placed.earlier)),
})

const notesOn = (change: Earlier): Record<string, string> =>
  'since' in change
    ? { [ANNOTATIONS.unchangedSince]: change.since }
    : {
        [ANNOTATIONS.commit]: change.commit,
        ...(change.author !== undefined && { [ANNOTATIONS.author]: change.author }),
      }

/** Whether it is known now what had changed an object's document last, which is not noted there. */
const tellsMore = ({ earlier }: PlacedManifest, live: DeclaredResource | undefined): boolean =>
  live !== undefined && earlier !== undefined && earlier.at === unknownChange(live)

/** The commit in which an object's document was last found changed, where nothing says by whom. */
export const unknownChange = ({ metadata: { annotations = {} } }: DeclaredResource): string | undefined => {
  const revision = annotations[ANNOTATIONS.revision] ?? ''
  const told = ANNOTATIONS.commit in annotations || ANNOTATIONS.unchangedSince in annotations
  return !told && isCommit(revision) ? revision : undefined
}

/**
 * Fields that stand there and are not desired: others may own them, or the document named them until now.
 * Paths as `ResourceStore.owners` gives them.
 */
export const beyondDesired = (live: DeclaredResource, desired: AnyManifest): string[] => {
  const extra = (path: string, there: object | undefined, wanted: object | undefined): string[] =>
    Object.keys(there ?? {})
      .filter(key => !Object.hasOwn(wanted ?? {}, key))
      .map(key => (path === 'spec' ? `spec.${key}` : `${path}[${key}]`))
  return [
    ...extra('spec', live.spec, desired.spec),
    ...extra('metadata.labels', live.metadata.labels, desired.metadata.labels),
    ...extra('metadata.annotations', live.metadata.annotations, desired.metadata.annotations),
  ]
}

/** Whether everything that is desired stands there already. */
export const covers = (live: unknown, desired: unknown): boolean => {
  if (typeof desired !== 'object' || desired === null) return live === desired
  if (typeof live !== 'object' || live === null || Array.isArray(live) !== Array.isArray(desired)) return false
  if (Array.isArray(desired))
    return (
      Array.isArray(live) && live.length === desired.length && desired.every((item, index) => covers(live[index], item))
    )
  return Object.entries(desired).every(([key, value]) => covers((live as Record<string, unknown>)[key], value))
}
