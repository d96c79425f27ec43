import type { Span } from './composer.ts'
import type { Chunk } from './documents.ts'
import { type Position, positionOf, type SourceText } from './text.ts'
import { readYaml } from './yaml.ts'

/** A place in a file, and the text that stands there. */
export interface Place extends Position {
  /** As written, where it is one value. */
  raw?: string
  /** Whether it is a literal block scalar (`|`), whose lines are the lines of the text. */
  literal?: boolean
}

/** Where a resource came from. Places are looked up only when something has to be said of one. */
export interface Origin {
  readonly source: SourceText
  readonly file: string
  /** Line in which the resource begins, from 1. */
  readonly line: number
  /**
   * Where the value at a JSON pointer into the resource stands; with `key`, its key. What is not written there is found at
   * what it would be in.
   */
  at(pointer: string, which?: 'key' | 'value'): Place
}

/** The origin of a resource in a YAML or JSON text: document number `of` of a chunk, and of a List the item under `prefix`. */
export function yamlOrigin(source: SourceText, chunk: Chunk, of: number, start: number, prefix: string): Origin {
  const { line } = positionOf(source, chunk.start + start)
  return {
    source,
    file: source.file,
    line,
    at: (pointer, which = 'value') => {
      const spans = spansOf(source, chunk, of)
      for (let path = prefix + pointer; ; path = path.slice(0, path.lastIndexOf('/'))) {
        const span = spans.get(path)
        if (!span) {
          if (path === '') return { line, column: 1 }
          continue
        }
        const exact = path === prefix + pointer
        const offset = which === 'key' && exact && span.key >= 0 ? span.key : span.start
        const place = positionOf(source, chunk.start + offset)
        return exact && span.end > span.start
          ? {
              ...place,
              raw: source.text.slice(chunk.start + span.start, chunk.start + span.end),
              literal: span.literal,
            }
          : place
      }
    },
  }
}

/** The last one looked at: findings come document by document. */
let last: { source: SourceText; chunk: Chunk; of: number; spans: Map<string, Span> } | undefined

function spansOf(source: SourceText, chunk: Chunk, of: number): Map<string, Span> {
  if (last?.source === source && last.chunk === chunk && last.of === of) return last.spans
  const spans = new Map<string, Span>()
  readYaml(source.text.slice(chunk.start, chunk.end), { of, into: spans })
  last = { source, chunk, of, spans }
  return spans
}
