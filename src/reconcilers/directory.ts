import { isDeepStrictEqual } from 'node:util'
import type { Directory, DirectoryStatus } from '../api/directory.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { pauseAfter, staleAt } from '../decide/reading.ts'
import { durationMilliseconds } from '../decide/time.ts'
import type { DirectoryDriver } from '../ports/directory.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { bodyOf, isPaused, now, settingsFor, type World, watch, writeStatus } from './context.ts'
import { forgetDirectory, readDirectory } from './directoryread.ts'
import { reportReading, reportStale } from './directorystatus.ts'
import { withFinalizer } from './finalizer.ts'
import { tellOfStale } from './stalemail.ts'

/** How often the progress of a read that somebody waits for is written, in milliseconds. */
const PROGRESS = 2_000

/** Where directories are read from. */
export interface DirectoryParts {
  /** The driver of a directory, the same one as long as what it reads from stays the same. */
  driver(directory: Directory): Promise<DirectoryDriver>
  /** A directory is gone, or nothing is to be read of it for now. */
  release(name: string): Promise<void>
}

/** What this process read last of one directory. */
interface Last {
  generation: number
  /** When it is read next: the Clock's milliseconds. */
  next: number
  /** Reads in a row that were not complete. */
  failures: number
  /** When everything was read last; a status may say an hour less. */
  complete: number | undefined
  /** Names of the groups of which it was noted who is in them. */
  groups: readonly string[]
}

/** Reads a directory at its interval, when it was changed, and when somebody asks; says in the status what came of it. */
export const directoryReconciler = (world: World, parts: DirectoryParts): Reconciler<'Directory'> => {
  const readings = new Map<string, Last>()
  return {
    kind: 'Directory',
    concurrency: 4,
    watches: [
      watch({
        kind: 'Organization',
        changed: ({ metadata }) => [metadata.uid, metadata.deletionTimestamp],
        wakes: ({ metadata }, cache) =>
          cache.by('Directory', 'organization', metadata.name).map(directory => directory.metadata.name),
      }),
      // Of another group it is noted who is in it.
      watch({
        kind: 'Group',
        changed: ({ spec }) => [spec.organization, spec.importFrom],
        *wakes({ spec }) {
          if (spec.importFrom) yield spec.importFrom.directory
        },
      }),
    ],
    reconcile: async (name, { signal }) => {
      const directory = world.cache.get('Directory', name)
      if (!directory) {
        readings.delete(name)
        await parts.release(name)
        return undefined
      }
      return withFinalizer(world.store, directory, {
        apply: saved => attend(world, parts, readings, saved, signal),
        cleanup: async going => {
          await parts.release(name)
          // Whose membership stands on it loses that as the guard lets it, and keeps it where the directory is declared again meanwhile.
          await forgetDirectory(world, going)
          return 'done'
        },
      })
    },
  }
}

const attend = async (
  world: World,
  parts: DirectoryParts,
  readings: Map<string, Last>,
  directory: Directory,
  signal: AbortSignal,
): Promise<ReconcileResult | undefined> => {
  const { name, generation, annotations } = directory.metadata
  if (isPaused(directory)) {
    readings.delete(name)
    await parts.release(name)
    const message = 'paused; nothing is read'
    await writeStatus(world, directory, bodyOf(directory), { is: 'ready', reason: 'Paused', message })
    return undefined
  }
  const placed = settingsFor(world, directory.spec.organization)
  if (!placed) {
    const message = `organization ${directory.spec.organization} does not exist`
    await writeStatus(world, directory, bodyOf(directory), { is: 'stalled', reason: 'ReferenceNotFound', message })
    return undefined
  }
  const request = annotations?.[ANNOTATIONS.requestedAt]
  const asked = request !== undefined && request !== directory.status?.request
  const interval = intervalOf(directory)
  const last = readings.get(name)
  const groups = groupsWanted(world, directory)
  const isSame = isDeepStrictEqual(groups, last?.groups ?? directory.status?.importedGroups ?? [])
  const due = !isSame ? 0 : last?.generation === generation ? last.next : firstDue(directory, interval)
  if (!asked && world.clock.now() < due) return await waitFor(world, directory, due, last?.complete)

  let reading = directory.status?.reading
  let told = world.clock.now()
  const result = await readDirectory(world, directory, await parts.driver(directory), {
    signal,
    groups,
    allowEmpty: asked && annotations?.[ANNOTATIONS.allowEmpty] === request,
    progress: async read => {
      if (!asked || world.clock.now() - told < PROGRESS) return
      told = world.clock.now()
      reading = { startTime: reading?.startTime ?? now(world), ...read }
      await world.store.patchStatus({ kind: 'Directory', name }, { ...directory.status, reading } as DirectoryStatus, {
        ifUid: directory.metadata.uid,
      })
    },
  })
  const isComplete = result.verdict.outcome === 'Complete'
  const failures = isComplete ? 0 : (last?.failures ?? 0) + 1
  const complete = isComplete ? world.clock.now() : last?.complete
  const next = world.clock.now() + pauseAfter(result.verdict, interval, failures)
  readings.set(name, { generation, next, failures, complete, groups })
  await reportReading(world, world.cache.get('Directory', name) ?? directory, { ...result, groups }, request)
  return await waitFor(world, world.cache.get('Directory', name) ?? directory, next, complete)
}

/** Until it is read again, or what is known of it is old. */
const waitFor = async (
  world: World,
  directory: Directory,
  next: number,
  complete: number | undefined,
): Promise<ReconcileResult> => {
  const written = directory.status?.lastCompleteTime ?? directory.metadata.creationTimestamp
  const old = staleAt(complete ?? Date.parse(written), intervalOf(directory))
  if (world.clock.now() < old) return { again: Math.min(next, old) }
  await reportStale(world, directory)
  const told = await tellOfStale(world, world.cache.get('Directory', directory.metadata.name) ?? directory)
  return { again: Math.min(next, told ?? next) }
}

/** Names of the groups there that a Group of the same organization imports. */
const groupsWanted = ({ cache }: World, { metadata, spec }: Directory): string[] =>
  spec.import === undefined
    ? []
    : [
        ...new Set(
          cache
            .by('Group', 'importer', metadata.name)
            .filter(group => group.spec.organization === spec.organization)
            .flatMap(group => group.spec.importFrom?.name ?? []),
        ),
      ]
        .sort()
        .slice(0, MOST_GROUPS)
const MOST_GROUPS = 2000

/** A process that begins goes on with the intervals of the one before it. */
const firstDue = ({ metadata, status }: Directory, interval: number): number =>
  status?.lastSync?.outcome === 'Complete' && status.observedGeneration === metadata.generation
    ? Date.parse(status.lastSync.endTime) + interval
    : 0

const intervalOf = ({ spec }: Directory): number => durationMilliseconds(spec.interval ?? '24h')
