import type { AnyManifest, AnyResource } from '../api/kinds.ts'
import type { Finding } from './finding.ts'
import { type FileReading, finished, type ReadManifest, type ReadResult } from './read.ts'
import { judgeSet } from './set.ts'

/** A set of files that was judged as a whole. */
export interface JudgedSet {
  readonly files: readonly FileReading[]
  /** Nothing was wrong between its resources; each by itself may be. */
  readonly sound: boolean
}

/**
 * Judges a set of which some files were read anew. Where everything fitted together before and only people differ, only these are judged against the rest, and what may name them:
 * so one edit among many costs little more than itself. Wherever that finds anything, all of it is judged, so that the findings are those of a first reading.
 */
export const judgeAgain = (
  files: readonly FileReading[],
  earlier: JudgedSet | undefined,
): { result: ReadResult; judged: JudgedSet } => {
  const part = earlier?.sound ? partOf(files, earlier.files) : undefined
  const fits = part && judgeSet(part.resources, part.broken, { base: part.base }).length === 0
  const resources = files.flatMap(file => file.resources)
  const between: Finding[] = fits
    ? []
    : judgeSet(
        resources,
        files.flatMap(file => file.broken),
        {},
      )
  return { result: finished(files, resources, { before: [], between }), judged: { files, sound: between.length === 0 } }
}

/**
 * What has to be judged anew: people that differ, and everything that is no person, for it may name them. The other people are only referred to.
 * Undefined where that would not be enough.
 */
const partOf = (
  files: readonly FileReading[],
  before: readonly FileReading[],
): { resources: ReadManifest[]; broken: FileReading['broken'][number][]; base: AnyResource[] } | undefined => {
  const [was, is] = [new Set(before), new Set(files)]
  const fresh = files.filter(file => !was.has(file))
  const gone = before.filter(file => !is.has(file))
  if (![...fresh, ...gone].every(isPeople)) return undefined
  const resources = fresh.flatMap(file => file.resources)
  const names = new Set(resources.map(({ manifest }) => manifest.metadata.name))
  const broken: FileReading['broken'][number][] = []
  const base: AnyManifest[] = []
  for (const file of files) {
    if (!was.has(file)) continue
    broken.push(...file.broken)
    for (const resource of file.resources) {
      if (resource.manifest.kind !== 'User') resources.push(resource)
      // Two of one name: the first one in the order of files has it.
      else if (names.has(resource.manifest.metadata.name)) return undefined
      else base.push(resource.manifest)
    }
  }
  const [first] = base
  const namespace = first?.metadata.namespace
  // One set is one realm, which is told by its first document.
  if (first && resources.some(({ manifest }) => manifest.metadata.namespace !== namespace)) return undefined
  return { resources, broken, base: base as unknown as AnyResource[] }
}

const isPeople = ({ resources, broken }: FileReading): boolean =>
  broken.length === 0 && resources.every(({ manifest }) => manifest.kind === 'User')
