import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml'
import type { RuleId, Severity } from './finding.ts'
import { escapePointer } from './pointer.ts'
import { ambiguity, resolvePlain } from './scalar.ts'

/** Bounds of one document. Aliases count as often as they are used. */
export const YAML_LIMITS = { depth: 64, aliases: 1000, expanded: 100_000, keys: 10_000 } as const

/** Something wrong with the text of a document; `offset` into that text. */
export interface YamlProblem {
  severity: Severity
  rule: RuleId
  message: string
  offset: number
}

/** Where a value stands: offsets into the text; `key` where it has one. */
export interface Span {
  start: number
  end: number
  key: number
  /** Whether it is a literal block scalar. */
  literal: boolean
}

export interface YamlDocument {
  value: unknown
  /** Where the value begins. */
  start: number
  problems: YamlProblem[]
}

/** A value with all that is inside of it, aliases followed. */
interface Composed {
  value: unknown
  nodes: number
  depth: number
}
interface Anchor {
  composed: Composed | undefined
}

/** The pointer of a value that nothing points to, because its key was refused. */
const NOWHERE = '\u0000'

/** Builds the value of one document from its events. */
export class Composer {
  at: number
  readonly #text: string
  readonly #events: Event[]
  readonly #spans: Map<string, Span> | undefined
  readonly #anchors = new Map<string, Anchor>()
  readonly #problems: YamlProblem[] = []
  /** What was said of aliases, so that a bomb of them is one finding. */
  readonly #refused = new Set<string>()
  #aliases = 0
  #expanded = 0

  constructor(text: string, events: Event[], at: number, spans: Map<string, Span> | undefined) {
    this.#text = text
    this.#events = events
    this.#spans = spans
    this.at = at
  }

  document(): YamlDocument {
    this.at++ // the document itself
    const first = this.#events[this.at]
    const start = first ? Math.max(0, startOf(first)) : 0
    const empty = first === undefined || first.type === EVENT_ID.POP
    const value = empty ? null : this.#node('', -1, 0).value
    this.at++ // its end
    return { value, start, problems: this.#problems }
  }

  #problem(rule: RuleId, offset: number, message: string, severity: Severity = 'error'): void {
    // One bad document is one bad document: nobody reads more than this.
    if (this.#problems.length < 100) this.#problems.push({ severity, rule, message, offset: Math.max(0, offset) })
  }

  /** The first value of a key counts, as in the value itself. */
  /** The first value of a key counts, as in the value itself; an empty item of a list has no place of its own. */
  #place(pointer: string, start: number, end: number, key: number, literal = false): void {
    if (!this.#spans || start < 0 || pointer.startsWith(NOWHERE) || this.#spans.has(pointer)) return
    this.#spans.set(pointer, { start, end, key, literal })
  }

  #node(pointer: string, key: number, depth: number): Composed {
    const event = this.#events[this.at++] as Event
    switch (event.type) {
      case EVENT_ID.SCALAR: {
        const composed = { value: this.#scalar(event), nodes: 1, depth: 0 }
        this.#place(
          pointer,
          event.valueStart < 0 ? key : startOf(event),
          event.valueEnd + quotesOf(event),
          key,
          event.style === SCALAR_STYLE.LITERAL_BLOCK,
        )
        this.#anchor(event, { composed })
        return composed
      }
      case EVENT_ID.SEQUENCE:
        return this.#collection(event, pointer, key, depth, () => this.#sequence(pointer, depth))
      case EVENT_ID.MAPPING:
        return this.#collection(event, pointer, key, depth, () => this.#mapping(pointer, depth, event.start))
      case EVENT_ID.ALIAS:
        this.#place(pointer, event.anchorStart - 1, event.anchorEnd, key)
        return this.#alias(event, depth)
      default:
        throw new Error('a document or an end where a value has to be: the parser of YAML broke its promise')
    }
  }

  #collection(
    event: Extract<Event, { start: number }>,
    pointer: string,
    key: number,
    depth: number,
    read: () => Composed,
  ): Composed {
    this.#tag(event, event.type === EVENT_ID.MAPPING ? ['map'] : ['seq'])
    const anchor: Anchor = { composed: undefined }
    this.#anchor(event, anchor)
    this.#place(pointer, event.start, event.start + 1, key)
    const composed = read()
    anchor.composed = composed
    if (depth > YAML_LIMITS.depth)
      this.#problem('yaml-nesting', event.start, `nested deeper than ${YAML_LIMITS.depth} levels`)
    return composed
  }

  #sequence(pointer: string, depth: number): Composed {
    const value: unknown[] = []
    let nodes = 1
    let deepest = 0
    while (!this.#ended()) {
      const item = this.#node(this.#spans ? `${pointer}/${value.length}` : '', -1, depth + 1)
      value.push(item.value)
      nodes += item.nodes
      deepest = Math.max(deepest, item.depth + 1)
    }
    return { value, nodes, depth: deepest }
  }

  #mapping(pointer: string, depth: number, offset: number): Composed {
    const value: Record<string, unknown> = {}
    let nodes = 1
    let deepest = 0
    let keys = 0
    while (!this.#ended()) {
      const keyOffset = startOf(this.#events[this.at] as Event)
      const key = this.#key(depth)
      const inner = this.#spans && key !== undefined ? `${pointer}/${escapePointer(key)}` : NOWHERE
      if (key !== undefined && Object.hasOwn(value, key))
        this.#problem('duplicate-key', keyOffset, `${quoted(key)} stands twice here; keep one`)
      const item = this.#node(inner, keyOffset, depth + 1)
      nodes += item.nodes + 1
      deepest = Math.max(deepest, item.depth + 1)
      if (key === undefined) continue
      if (++keys === YAML_LIMITS.keys + 1)
        this.#problem('too-large', offset, `a mapping of more than ${YAML_LIMITS.keys} keys`)
      if (keys <= YAML_LIMITS.keys && !Object.hasOwn(value, key)) value[key] = item.value
    }
    return { value, nodes, depth: deepest }
  }

  /** The key as text, or undefined when it was refused. */
  #key(depth: number): string | undefined {
    const event = this.#events[this.at] as Event
    const offset = startOf(event)
    if (event.type !== EVENT_ID.SCALAR) {
      this.#problem('yaml-key', offset, 'a key has to be plain text, and no list, mapping or alias')
      this.#node(NOWHERE, -1, depth + 1)
      return undefined
    }
    this.at++
    this.#tag(event, ['str'])
    this.#anchor(event, { composed: { value: undefined, nodes: 1, depth: 0 } })
    const key = event.valueStart < 0 ? '' : getScalarValue(this.#text, event)
    const plain = event.style === SCALAR_STYLE.PLAIN && event.tagStart < 0
    if (plain && key === '<<')
      this.#problem('yaml-key', offset, 'merge keys (<<) are not part of YAML 1.2: write the fields out')
    else if (plain && resolvePlain(key) === null) this.#problem('yaml-key', offset, 'a key is missing')
    else if (key === '__proto__') this.#problem('yaml-key', offset, '"__proto__" cannot be a key')
    else {
      if (plain) this.#ambiguous(key, offset)
      return key
    }
    return undefined
  }

  #scalar(event: Extract<Event, { valueStart: number }>): unknown {
    const asText = this.#tag(event, ['str']) || event.style !== SCALAR_STYLE.PLAIN
    const text = event.valueStart < 0 ? '' : getScalarValue(this.#text, event)
    if (asText) return text
    this.#ambiguous(text, event.valueStart)
    return resolvePlain(text)
  }

  #ambiguous(text: string, offset: number): void {
    const found = ambiguity(text)
    if (!found) return
    const instead = found.different
      ? `; write ${text.replace(/^([-+]?)0+(?=[0-9])/, '$1')}, or ${quoted(text)} in quotes`
      : `: write ${quoted(text)} in quotes`
    this.#problem(
      'ambiguous-scalar',
      offset,
      `kubectl reads ${text} as ${found.reads}${instead}`,
      found.different ? 'error' : 'warning',
    )
  }

  /** Whether a tag is there; one that is not among the allowed is a problem. */
  #tag(event: { tagStart: number; tagEnd: number }, allowed: string[]): boolean {
    if (event.tagStart < 0) return false
    const tag = this.#text.slice(event.tagStart, event.tagEnd)
    if (tag === '!' || allowed.some(name => tag === `!!${name}` || tag === `!<tag:yaml.org,2002:${name}>`)) return true
    this.#problem('yaml-tag', event.tagStart, `the tag ${tag} is not known; manifests need no tags`)
    return true
  }

  #anchor(event: { anchorStart: number; anchorEnd: number }, anchor: Anchor): void {
    if (event.anchorStart >= 0) this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), anchor)
  }

  #alias(event: { anchorStart: number; anchorEnd: number }, depth: number): Composed {
    const name = this.#text.slice(event.anchorStart, event.anchorEnd)
    const refuse = (message: string): Composed => {
      if (!this.#refused.has(message)) this.#problem('yaml-alias', event.anchorStart - 1, message)
      this.#refused.add(message)
      return { value: null, nodes: 1, depth: 0 }
    }
    const anchor = this.#anchors.get(name)
    if (!anchor) return refuse(`nothing is called &${name}`)
    if (!anchor.composed) return refuse(`*${name} is inside of what it stands for`)
    this.#expanded += anchor.composed.nodes
    if (++this.#aliases > YAML_LIMITS.aliases) return refuse(`more than ${YAML_LIMITS.aliases} aliases`)
    if (this.#expanded > YAML_LIMITS.expanded)
      return refuse(`aliases that stand for more than ${YAML_LIMITS.expanded} values`)
    if (depth + anchor.composed.depth > YAML_LIMITS.depth)
      return refuse(`nested deeper than ${YAML_LIMITS.depth} levels`)
    return { ...anchor.composed, value: structuredClone(anchor.composed.value) }
  }

  #ended(): boolean {
    if (this.#events[this.at]?.type !== EVENT_ID.POP) return false
    this.at++
    return true
  }
}

/** Quotes stand around the value. */
const quotesOf = ({ style }: { style: number }): number =>
  style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED ? 1 : 0

function startOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return event.valueStart - quotesOf(event)
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start
    case EVENT_ID.ALIAS:
      return event.anchorStart - 1
    default:
      return 0
  }
}

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
