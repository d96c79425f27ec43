import { type Element, elements, extent, integer, Malformed, utf8 } from './ber.ts'

/** An entry as it came: names of attributes in lower case, values as bytes. */
export interface Entry {
  readonly dn: string
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>
  /** Bytes of the message that brought it. */
  readonly size: number
}

/** The end of a request (RFC 4511 section 4.1.9). */
export interface Result {
  /** Result code; 0 is success. */
  readonly code: number
  /** What the server says about it, for people. */
  readonly text: string
  /** Of RFC 2696; undefined where the server did not answer in pages. Empty after the last page. */
  readonly cookie: Buffer | undefined
}

export type Answer =
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'reference'; readonly uris: readonly string[] }
  | { readonly kind: 'result'; readonly result: Result }

/** The longest message that is read, in bytes: a group of half a million members fits. */
export const MAX_MESSAGE = 64 * 1024 * 1024
/** Values of one entry. */
const MAX_VALUES = 1_000_000
const MAX_TEXT = 300

const SEQUENCE = 0x30
const SET = 0x31
const OCTETS = 0x04
const CONTROLS = 0xa0
const BIND = 0x61
const ENTRY = 0x64
const DONE = 0x65
const REFERENCE = 0x73
const EXTENDED = 0x78
const PAGED = '1.2.840.113556.1.4.319'

/** Cuts a stream of bytes into messages. */
export class Inbox {
  #chunks: Buffer[] = []
  #size = 0

  /** Whether bytes are left over. */
  get empty(): boolean {
    return this.#size === 0
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#size += chunk.length
  }

  /**
   * What the next whole message holds; undefined while it is not there.
   * @throws Malformed
   */
  next(): Buffer | undefined {
    const [first] = this.#chunks
    if (!first) return undefined
    // Tag and length are six bytes at most.
    const head = first.length >= 6 ? first : Buffer.concat(this.#chunks.slice(0, 6))
    if (head[0] !== SEQUENCE) throw new Malformed('no LDAP message')
    const found = extent(head, 1)
    if (!found) return undefined
    if (found.end > MAX_MESSAGE) throw new Malformed(`a message of more than ${MAX_MESSAGE / 1024 / 1024} MiB`)
    if (this.#size < found.end) return undefined
    const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#size)
    const rest = all.subarray(found.end)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#size = rest.length
    return all.subarray(found.start, found.end)
  }
}

/**
 * Reads what a message holds.
 * @throws Malformed
 */
export const decode = (message: Buffer): { id: number; answer: Answer } => {
  const parts = elements(message)
  const id = integer(demand(parts, 0x02))
  const operation = parts.next().value
  if (!operation) throw new Malformed('a message without an operation')
  const controls = parts.next().value
  return { id, answer: answerOf(operation, controls) }
}

const answerOf = ({ tag, content }: Element, controls: Element | undefined): Answer => {
  switch (tag) {
    case ENTRY:
      return { kind: 'entry', entry: entryOf(content) }
    case REFERENCE:
      return { kind: 'reference', uris: [...elements(content)].map(uri => utf8(uri.content) ?? '') }
    case BIND:
    case DONE:
    case EXTENDED: {
      const parts = elements(content)
      const code = integer(demand(parts, 0x0a))
      demand(parts, OCTETS)
      const text = printable(demand(parts, OCTETS))
      return { kind: 'result', result: { code, text, cookie: cookieOf(controls) } }
    }
    default:
      throw new Malformed('an answer that we did not ask for')
  }
}

const entryOf = (content: Buffer): Entry => {
  const parts = elements(content)
  const dn = utf8(demand(parts, OCTETS)) ?? ''
  const attributes = new Map<string, Buffer[]>()
  let count = 0
  for (const attribute of elements(demand(parts, SEQUENCE))) {
    if (attribute.tag !== SEQUENCE) throw new Malformed('an entry with something other than attributes')
    const inside = elements(attribute.content)
    const name = (utf8(demand(inside, OCTETS)) ?? '').toLowerCase()
    const values = attributes.get(name) ?? []
    for (const value of elements(demand(inside, SET))) {
      if (value.tag !== OCTETS) throw new Malformed('an attribute with something other than values')
      if (++count > MAX_VALUES) throw new Malformed(`an entry of more than ${MAX_VALUES} values`)
      values.push(value.content)
    }
    attributes.set(name, values)
  }
  return { dn, attributes, size: content.length }
}

const cookieOf = (controls: Element | undefined): Buffer | undefined => {
  if (controls?.tag !== CONTROLS) return undefined
  for (const control of elements(controls.content)) {
    const [type, ...more] = elements(control.content)
    const value = more.find(part => part.tag === OCTETS)
    if (!type || utf8(type.content) !== PAGED || !value) continue
    const inside = elements(demand(elements(value.content), SEQUENCE))
    demand(inside, 0x02)
    // A copy: what it is part of may be large.
    return Buffer.from(demand(inside, OCTETS))
  }
  return undefined
}

const demand = (parts: Generator<Element, undefined>, tag: number): Buffer => {
  const part = parts.next().value
  if (part?.tag !== tag) throw new Malformed('a message that is not made as RFC 4511 says')
  return part.content
}

/** What a server says may stand in a message of ours: one line, not too long. */
const printable = (content: Buffer): string =>
  content
    .subarray(0, MAX_TEXT)
    .toString('utf8')
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
