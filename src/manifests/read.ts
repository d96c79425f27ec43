import type { AnyManifest } from '../api/kinds.ts'
import type { DeclaredKind } from '../api/names.ts'
import type { PeopleTable } from './columns.ts'
import { splitDocuments } from './documents.ts'
import { type FoundFile, findFiles } from './files.ts'
import { byPlace, type Finding } from './finding.ts'
import { Judgement } from './judgement.ts'
import { type Judged, judgeManifest } from './manifest.ts'
import { type Origin, yamlOrigin } from './origin.ts'
import { type BrokenManifest, judgeSet, type SetOptions } from './set.ts'
import { looksLikeTable, readTable } from './table.ts'
import { lineText, positionOf, type SourceText } from './text.ts'
import { readYaml } from './yaml.ts'

/** A file or folder, a text that is already here (stdin is the file `-`), or what was read of one before. */
export type ManifestInput = { path: string } | { file: string; text: string } | FileReading

export interface ReadOptions extends SetOptions {
  /** Paths of files are given relative to this folder in findings and origins; otherwise as the input was given. */
  relativeTo?: string
  /** CSV files with headers of their own. */
  tables?: readonly PeopleTable[]
  /** Whether the set is checked as a whole; otherwise every document only by itself. */
  references?: boolean
}

/** One resource that a manifest declares, and where. */
export interface ReadManifest {
  manifest: AnyManifest
  origin: Origin
}

export interface ReadResult {
  /** All resources without an error of their own, in the order of files and documents. Errors of the whole set do not take one out. */
  resources: ReadManifest[]
  /** By file and line. */
  findings: Finding[]
  /** Well-formed objects of other API groups. */
  skipped: number
  /** Files that were read. */
  files: number
  /** The text of a line of a file that was read, for reports. */
  line(file: string, line: number): string | undefined
}

/** What one file says by itself. The same text under the same name and options gives the same, so it need not be read again. */
export interface FileReading {
  readonly source: SourceText
  readonly resources: readonly ReadManifest[]
  readonly broken: readonly BrokenManifest[]
  readonly findings: readonly Finding[]
  readonly skipped: number
}

/** Reads one text and judges its documents by themselves. Nothing in it makes this throw. */
export const readText = (source: SourceText, options: Pick<ReadOptions, 'tables' | 'base'> = {}): FileReading =>
  new FileReader(options.tables ?? [], knownIn(options.base ?? [])).read(source)

/** Bytes of one file, and of all below one path. */
const MAX_FILE = 64 * 1024 * 1024
const MOST_BYTES = 512 * 1024 * 1024
const MAX_DOCUMENT = 16 * 1024 * 1024

/**
 * Reads manifests from files, folders and texts, and judges them: text, schema, rules, and (unless told otherwise) references over the whole set.
 * Nothing in an input makes this throw; what is wrong is a finding, and one bad document hides nothing of the others.
 * Folders are read without dot folders and `node_modules`: `*.yaml`, `*.yml`, `*.json`, and `*.csv` as tables of people.
 */
export async function readManifests(inputs: readonly ManifestInput[], options: ReadOptions = {}): Promise<ReadResult> {
  const reading = new Reading(options)
  for (const input of inputs) {
    if ('source' in input) reading.take(input)
    else if ('text' in input) reading.text({ file: input.file, text: input.text })
    if (!('path' in input)) continue
    for await (const found of findFiles(input.path, {
      relativeTo: options.relativeTo,
      maxBytes: MAX_FILE,
      mostBytes: MOST_BYTES,
    }))
      await reading.file(found)
  }
  return reading.finish()
}

class Reading {
  readonly #options: ReadOptions
  readonly #files: FileReading[] = []
  readonly #findings: Finding[] = []
  readonly #known: Known

  constructor(options: ReadOptions) {
    this.#options = options
    this.#known = knownIn(options.base ?? [])
  }

  async file(found: FoundFile): Promise<void> {
    if ('finding' in found) {
      this.#findings.push(found.finding)
      return
    }
    this.text({ file: found.file, text: found.text })
    // The loop of a controller lives in the same process: let it breathe.
    if (this.#files.length % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  }

  text(source: SourceText): void {
    this.take(new FileReader(this.#options.tables ?? [], this.#known).read(source))
  }

  take(reading: FileReading): void {
    this.#files.push(reading)
  }

  finish(): ReadResult {
    const resources = this.#files.flatMap(file => file.resources)
    const broken = this.#files.flatMap(file => file.broken)
    const between = this.#options.references === false ? [] : judgeSet(resources, broken, this.#options)
    return finished(this.#files, resources, { before: this.#findings, between })
  }
}

/** What was read, with the findings of each file, and those before any file and between resources. */
export const finished = (
  files: readonly FileReading[],
  resources: ReadManifest[],
  { before, between }: { before: readonly Finding[]; between: readonly Finding[] },
): ReadResult => {
  let sources: Map<string, SourceText> | undefined
  return {
    resources,
    findings: [...before, ...files.flatMap(file => file.findings), ...between].sort(byPlace),
    skipped: files.reduce((sum, { skipped }) => sum + skipped, 0),
    files: files.length,
    line: (file, line) => {
      sources ??= new Map(files.map(({ source }) => [source.file, source]))
      const source = sources.get(file)
      return source && lineText(source, line)
    },
  }
}

/** The resource of that kind and name as it was before, for rules that ask. */
type Known = (kind: DeclaredKind, name: string) => unknown

const knownIn = (base: NonNullable<ReadOptions['base']>): Known => {
  const known = new Map(base.map(resource => [`${resource.kind}/${resource.metadata.name}`, resource]))
  return (kind, name) => known.get(`${kind}/${name}`)
}

class FileReader {
  readonly #tables: readonly PeopleTable[]
  readonly #base: Known
  readonly #resources: ReadManifest[] = []
  readonly #broken: BrokenManifest[] = []
  readonly #findings: Finding[] = []
  #source: SourceText | undefined
  #skipped = 0

  constructor(tables: readonly PeopleTable[], base: Known) {
    this.#tables = tables
    this.#base = base
  }

  read(source: SourceText): FileReading {
    this.#source = source
    if (looksLikeTable(source.file)) this.#table(source)
    else this.#yaml(source)
    return {
      source: this.#source,
      resources: this.#resources,
      broken: this.#broken,
      findings: this.#findings,
      skipped: this.#skipped,
    }
  }

  #table(source: SourceText): void {
    for (const { origin, value, problems } of readTable(source, this.#tables)) {
      const judgement = new Judgement(origin)
      for (const { rule, message, pointer } of problems) judgement.report(rule, message, pointer)
      if (value !== undefined) this.#judge(judgement, value)
      else this.#findings.push(...judgement.findings())
    }
  }

  #yaml(source: SourceText): void {
    const text = source.text.startsWith('\ufeff') ? ` ${source.text.slice(1)}` : source.text
    const clean = text === source.text ? source : { file: source.file, text }
    this.#source = clean
    for (const chunk of splitDocuments(text)) {
      if (chunk.end - chunk.start > MAX_DOCUMENT) {
        const judgement = new Judgement(yamlOrigin({ file: source.file, text: '' }, { start: 0, end: 0 }, 0, 0, ''))
        judgement.reportAt(
          'too-large',
          `a document of more than ${MAX_DOCUMENT / 1024 / 1024} MiB; split it`,
          'error',
          positionOf(clean, chunk.start),
        )
        this.#findings.push(...judgement.findings())
        continue
      }
      for (const [of, document] of readYaml(text.slice(chunk.start, chunk.end)).entries()) {
        const judgement = new Judgement(yamlOrigin(clean, chunk, of, document.start, ''))
        if (typeof document.value === 'object' && document.value !== null && 'kind' in document.value)
          judgement.of(document.value.kind, (document.value as { metadata?: { name?: unknown } }).metadata?.name)
        for (const problem of document.problems)
          judgement.reportAt(
            problem.rule,
            problem.message,
            problem.severity,
            positionOf(clean, chunk.start + problem.offset),
          )
        // Nothing between two markers, or only comments.
        if (document.value === undefined || (document.value === null && document.problems.length === 0))
          this.#findings.push(...judgement.findings())
        else this.#judge(judgement, document.value, prefix => yamlOrigin(clean, chunk, of, document.start, prefix))
      }
    }
  }

  #judge(judgement: Judgement, value: unknown, item?: (prefix: string) => Origin): void {
    const judged: Judged = judgeManifest(judgement, value, this.#base)
    this.#findings.push(...judgement.findings())
    switch (judged.is) {
      case 'manifest':
        this.#resources.push({ manifest: judged.manifest, origin: judgement.origin })
        return
      case 'list':
        for (const [index, entry] of judged.items.entries()) {
          const origin = item?.(`/items/${index}`)
          if (!origin) continue
          const inner = new Judgement(placed(origin))
          if (isList(entry)) inner.report('not-a-manifest', 'a List inside of a List')
          if (isList(entry)) this.#findings.push(...inner.findings())
          else this.#judge(inner, entry)
        }
        return
      case 'foreign':
        this.#skipped++
        return
      case 'refused':
        if (judged.identity) this.#broken.push({ ...judged.identity, origin: judgement.origin })
        return
    }
  }
}

/** The origin of an item of a List begins where the item does. */
const placed = (origin: Origin): Origin => {
  const { line } = origin.at('')
  return { ...origin, line }
}

const isList = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'List'
