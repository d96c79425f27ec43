import { isUtf8 } from 'node:buffer'

/** The text of one file, and where its lines begin. */
export interface SourceText {
  /** As given by the caller, `-` for stdin. */
  readonly file: string
  readonly text: string
}

/** Line and column, from 1; columns in UTF-16 units. */
export interface Position {
  line: number
  column: number
}

/** Decodes a file. Only UTF-8 is taken, with or without a byte order mark. */
export function decodeText(bytes: Uint8Array): { text: string } | { problem: string; line: number } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return { problem: 'is UTF-16; save it as UTF-8', line: 1 }
  const zero = bytes.indexOf(0)
  if (zero >= 0)
    return { problem: 'holds a NUL character, so it is no text; is it a binary file?', line: lineOf(bytes, zero) }
  if (!isUtf8(bytes)) return { problem: 'is not UTF-8; save it as UTF-8', line: firstBrokenLine(bytes) }
  const text = new TextDecoder('utf-8').decode(bytes)
  return { text }
}

const lineOf = (bytes: Uint8Array, end: number): number => {
  let line = 1
  for (let at = bytes.indexOf(10); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) line++
  return line
}

function firstBrokenLine(bytes: Uint8Array): number {
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(10, start)
    if (!isUtf8(bytes.subarray(start, end < 0 ? undefined : end))) return line
    if (end < 0) return line
    start = end + 1
  }
}

const starts = new WeakMap<SourceText, number[]>()

/** Where each line begins. YAML breaks lines at LF, CR LF and CR (YAML 1.2.2 section 5.4). */
function lineStarts(source: SourceText): number[] {
  let found = starts.get(source)
  if (!found) {
    found = [0]
    for (const { index, 0: brk } of source.text.matchAll(/\r\n?|\n/g)) found.push(index + brk.length)
    starts.set(source, found)
  }
  return found
}

export function positionOf(source: SourceText, offset: number): Position {
  const lines = lineStarts(source)
  let low = 0
  let high = lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((lines[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (lines[low] ?? 0) + 1 }
}

/** The text of one line, without its break. */
export function lineText(source: SourceText, line: number): string | undefined {
  const lines = lineStarts(source)
  const start = lines[line - 1]
  return start === undefined
    ? undefined
    : source.text.slice(start, lines[line] ?? source.text.length).replace(/[\r\n]+$/, '')
}
