/** Bytes that are no LDAP, or more of them than anybody needs. */
export class Malformed extends Error {}

/** One element of BER (X.690): its tag, and what is inside. */
export interface Element {
  readonly tag: number
  readonly content: Buffer
}

/**
 * Where the content of an element lies, whose length is written at `at`.
 * @returns undefined while bytes of the length itself are missing; `end` may lie beyond the bytes that are there
 * @throws Malformed for lengths that LDAP does not allow (RFC 4511 section 5.1: definite ones only)
 */
export const extent = (bytes: Buffer, at: number): { start: number; end: number } | undefined => {
  const first = bytes[at]
  if (first === undefined) return undefined
  if (first < 0x80) return { start: at + 1, end: at + 1 + first }
  const size = first & 0x7f
  if (size === 0 || size > 4) throw new Malformed('a length that LDAP does not allow')
  if (bytes.length < at + 1 + size) return undefined
  const start = at + 1 + size
  return { start, end: start + bytes.readUIntBE(at + 1, size) }
}

/**
 * The elements that these bytes consist of, in order. None reaches beyond the bytes given, so nothing inside reaches beyond what holds it.
 * @throws Malformed
 */
export function* elements(bytes: Buffer): Generator<Element, undefined> {
  let at = 0
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at)
    if ((tag & 0x1f) === 0x1f) throw new Malformed('a tag that LDAP does not have')
    const found = extent(bytes, at + 1)
    if (!found || found.end > bytes.length) throw new Malformed('an element longer than what holds it')
    yield { tag, content: bytes.subarray(found.start, found.end) }
    at = found.end
  }
  return undefined
}

/** An INTEGER or ENUMERATED that LDAP uses: none is longer than 32 bits. */
export const integer = (content: Buffer): number => {
  if (content.length === 0 || content.length > 4) throw new Malformed('a number that LDAP does not have')
  return content.readIntBE(0, content.length)
}

/** The text in UTF-8; undefined where the bytes are none. */
export const utf8 = (content: Buffer): string | undefined => {
  try {
    return decoder.decode(content)
  } catch {
    return undefined
  }
}
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
