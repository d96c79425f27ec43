import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The last line of one writer: kept elsewhere, it shows later whether lines were taken off the end. */
export interface AuditHead {
  writer: string
  number: number
  /** SHA-256 of the line, in hexadecimal. */
  hash: string
}

/** What is wrong with the trail, and where. */
export interface AuditBreak {
  writer: string
  /** Of the line at which it shows. */
  number: number
  /** `2026-11.jsonl:7`; undefined for a line that is not there. */
  place?: string
  problem: 'Edited' | 'Missing' | 'Reordered' | 'Repeated' | 'Unchained' | 'Truncated'
}

export interface AuditVerdict {
  /** Lines whose chain was checked. */
  lines: number
  /** Lines of writers from before there were chains: nothing can be said of them. */
  unchained: number
  /** Pieces that are no lines: what a crash cut off. One that was whole once is missing from its chain. */
  unreadable: number
  heads: AuditHead[]
  breaks: AuditBreak[]
}

/** `previous` of the first line of a writer. */
export const CHAIN_START = '0'.repeat(64)

/** The hash of one line as it stands in the file, without its line break. It holds the hash of the line before. */
export const lineHash = (text: string): string => createHash('sha256').update(text).digest('hex')

interface Link {
  writer: string
  number: number
  previous: string | undefined
  hash: string
  place: string
}

/**
 * Follows the chain of every writer through all months. Each line names the hash of the one before it, so a line that was edited, dropped or moved shows in
 * the next one. What was taken off the end shows only against heads that were kept elsewhere.
 * @param anchored heads that were printed before
 */
export const verifyAudit = async (folder: string, anchored: readonly AuditHead[] = []): Promise<AuditVerdict> => {
  const { links, unreadable } = await readLinks(folder)
  const verdict: AuditVerdict = { lines: 0, unchained: 0, unreadable, heads: [], breaks: [] }
  const writers = new Map([...Map.groupBy(links, link => link.writer)].sort(([a], [b]) => (a < b ? -1 : 1)))
  for (const [writer, found] of writers) {
    if (found.every(({ previous }) => previous === undefined)) verdict.unchained += found.length
    else follow(writer, found, verdict)
  }
  for (const { writer, number, hash } of anchored) {
    const line = writers.get(writer)?.find(link => link.number === number)
    if (line?.hash === hash) continue
    verdict.breaks.push(
      line ? { writer, number, place: line.place, problem: 'Edited' } : { writer, number, problem: 'Truncated' },
    )
  }
  return verdict
}

const follow = (writer: string, found: readonly Link[], verdict: AuditVerdict): void => {
  const report = (problem: AuditBreak['problem'], { number, place }: { number: number; place?: string }) =>
    verdict.breaks.push({ writer, number, problem, ...(place !== undefined && { place }) })
  // Months do not follow each other where the clock was put back; within one file lines do.
  for (const [at, link] of found.entries()) {
    const before = found[at - 1]
    if (before && fileOf(before) === fileOf(link) && before.number > link.number) report('Reordered', link)
  }
  let last: Link | undefined
  for (const link of found.toSorted((a, b) => a.number - b.number)) {
    verdict.lines += 1
    const expected = (last?.number ?? 0) + 1
    if (last && link.number === last.number) report('Repeated', link)
    else if (link.previous === undefined) report('Unchained', link)
    else if (link.number > expected) report('Missing', { number: expected })
    // Which of the two it was cannot be told; the earlier one is what the later one no longer knows.
    else if (link.previous !== (last?.hash ?? CHAIN_START)) report('Edited', last ?? link)
    last = link
  }
  if (last) verdict.heads.push({ writer, number: last.number, hash: last.hash })
}

const fileOf = ({ place }: Link): string => place.slice(0, place.indexOf(':'))

const readLinks = async (folder: string): Promise<{ links: Link[]; unreadable: number }> => {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const links: Link[] = []
  let unreadable = 0
  for (const file of files.filter(name => /^\d{4}-\d{2}\.jsonl$/.test(name)).sort())
    for (const [index, text] of (await readFile(join(folder, file), 'utf8')).split('\n').entries()) {
      if (text === '') continue
      const line = lineOf(text)
      if (line) links.push({ ...line, hash: lineHash(text), place: `${file}:${index + 1}` })
      else unreadable += 1
    }
  return { links, unreadable }
}

const lineOf = (text: string): Pick<Link, 'writer' | 'number' | 'previous'> | undefined => {
  try {
    const { writer, number, previous } = JSON.parse(text) as Record<string, unknown>
    if (typeof writer !== 'string' || !Number.isSafeInteger(number)) return undefined
    return { writer, number: number as number, previous: typeof previous === 'string' ? previous : undefined }
  } catch {
    return undefined
  }
}
