import { type Event, parseEvents, YAMLException } from 'js-yaml'
import { Composer, type Span, YAML_LIMITS, type YamlDocument, type YamlProblem } from './composer.ts'

/**
 * Reads YAML 1.2 (and so JSON) into plain values: objects, arrays, texts, numbers, booleans and null. The text is cut into documents before,
 * see `splitDocuments`, and may hold several only where no `---` stands between them.
 *
 * Nothing in it makes this throw: what cannot be read is a problem, and of a document with one only the rest is in `value`.
 * With `spans`, the places of the values of document number `of` are kept in it by JSON pointer.
 */
export function readYaml(text: string, spans?: { of: number; into: Map<string, Span> }): YamlDocument[] {
  let events: Event[]
  try {
    events = parseEvents(text, { maxDepth: YAML_LIMITS.depth + 1 })
  } catch (error) {
    return [{ value: undefined, start: 0, problems: [syntaxProblem(error, text)] }]
  }
  const documents: YamlDocument[] = []
  for (let at = 0; at < events.length; ) {
    const composer = new Composer(text, events, at, spans?.of === documents.length ? spans.into : undefined)
    const document = composer.document()
    documents.push(document)
    at = composer.at
  }
  return documents
}

function syntaxProblem(error: unknown, text: string): YamlProblem {
  if (!(error instanceof YAMLException)) throw error
  // What is missing at the end is missing after the last that is there.
  const offset = Math.max(0, Math.min(error.mark?.position ?? 0, text.trimEnd().length))
  if (error.reason.startsWith('nesting exceeded'))
    return {
      severity: 'error',
      rule: 'yaml-nesting',
      message: `nested deeper than ${YAML_LIMITS.depth} levels`,
      offset,
    }
  return { severity: 'error', rule: 'yaml-syntax', message: error.reason, offset }
}
