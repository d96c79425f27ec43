import type { AnyManifest, DeclaredResource } from '../api/kinds.ts'
import { ANNOTATIONS, API_VERSION, MANAGERS } from '../api/names.ts'
import { holderOf } from './inventory.ts'
import type { SyncOptions } from './pass.ts'

/**
 * Takes over what another source declares no more. The object lives on: nobody loses anything by a file that moves to another repository.
 * First the fields become ours beside theirs, with a note of whom they came from; then theirs are let go, and with them what only they declared; then the note goes.
 * A crash in between leaves the note, and the next pass goes on from there.
 * @returns what is there now
 */
export const takeOver = async (
  options: SyncOptions,
  { desired, live }: { desired: AnyManifest; live: DeclaredResource },
  from: string,
): Promise<DeclaredResource> => {
  const { store, source } = options
  const annotations = { ...desired.metadata.annotations, [ANNOTATIONS.takenFrom]: from }
  const ours = await store.apply(
    { ...desired, metadata: { ...desired.metadata, annotations } },
    { manager: MANAGERS.source(source), force: true, ...asRead(live) },
  )
  return finishTakeOver(options, { desired, live: ours.object }, from)
}

/** The source whose fields are still to be let go, or undefined. */
export const takenFrom = (source: string, live: DeclaredResource): string | undefined => {
  const from = live.metadata.annotations?.[ANNOTATIONS.takenFrom]
  return from === source || holderOf(live) !== source ? undefined : from
}

export const finishTakeOver = async (
  { store, source }: SyncOptions,
  { desired, live }: { desired: AnyManifest; live: DeclaredResource },
  from: string,
): Promise<DeclaredResource> => {
  const nothing = {
    apiVersion: API_VERSION,
    kind: desired.kind,
    metadata: { name: desired.metadata.name },
    spec: {},
  } as AnyManifest
  const alone = await store.apply(nothing, { manager: MANAGERS.source(from), ...asRead(live) })
  const done = await store.apply(desired, {
    manager: MANAGERS.source(source),
    force: true,
    ...asRead(alone.object),
  })
  return done.object
}

const asRead = ({ metadata }: DeclaredResource): { ifUid: string; ifVersion: string } => ({
  ifUid: metadata.uid,
  ifVersion: metadata.resourceVersion,
})
