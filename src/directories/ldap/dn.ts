import { elements, utf8 } from './ber.ts'

/** Types that some write as numbers (RFC 4514 section 3, RFC 4519). */
const NUMBERED: Readonly<Record<string, string>> = {
  '2.5.4.3': 'cn',
  '2.5.4.4': 'sn',
  '2.5.4.5': 'serialnumber',
  '2.5.4.6': 'c',
  '2.5.4.7': 'l',
  '2.5.4.8': 'st',
  '2.5.4.9': 'street',
  '2.5.4.10': 'o',
  '2.5.4.11': 'ou',
  '2.5.4.42': 'givenname',
  '0.9.2342.19200300.100.1.1': 'uid',
  '0.9.2342.19200300.100.1.3': 'mail',
  '0.9.2342.19200300.100.1.25': 'dc',
}
const LONG: Readonly<Record<string, string>> = {
  commonname: 'cn',
  surname: 'sn',
  countryname: 'c',
  localityname: 'l',
  stateorprovincename: 'st',
  organizationname: 'o',
  organizationalunitname: 'ou',
  userid: 'uid',
  domaincomponent: 'dc',
}

/**
 * A form in which two distinguished names are equal where a server takes them for the same: types and values in small letters, escapes undone, spaces
 * as RFC 4518 section 2.6 has them, the parts of a name with several in order.
 * Names that differ only by case are equal even where a server tells them apart: who uses this must notice two owners of one name.
 * @returns undefined for what is no distinguished name (RFC 4514)
 */
export const normalDn = (dn: string): string | undefined => {
  if (dn.trim() === '') return ''
  const names = split(dn, /[,;]/)?.map(rdn => {
    const parts = split(rdn, /\+/)?.map(normalPart)
    return parts?.every(part => part !== undefined) ? parts.sort().join('+') : undefined
  })
  return names?.every(name => name !== undefined) ? names.join(',') : undefined
}

/** Cuts where the separator stands outside of escapes and quotes. */
const split = (text: string, separator: RegExp): string[] | undefined => {
  const parts: string[] = []
  let from = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '\\') at++
    else if (char === '"') quoted = !quoted
    else if (!quoted && separator.test(char)) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  parts.push(text.slice(from))
  return quoted ? undefined : parts
}

const normalPart = (part: string): string | undefined => {
  const equals = part.indexOf('=')
  const written = part
    .slice(0, equals)
    .trim()
    .toLowerCase()
    .replace(/^oid\./, '')
  if (equals < 1 || !/^[a-z0-9][-a-z0-9.]*$/.test(written)) return undefined
  const value = unescaped(part.slice(equals + 1))
  if (value === undefined) return undefined
  const type = NUMBERED[written] ?? LONG[written] ?? written
  const folded = value.normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\s+/gu, ' ').trim()
  return `${type}=${folded.replace(/[\\,;+="]/g, char => `\\${char}`)}`
}

const unescaped = (written: string): string | undefined => {
  const text = written.replace(/^\s+/, '')
  if (text.startsWith('#')) return unhexed(text.slice(1).trim())
  const quoted = /^"(.*)"\s*$/s.exec(text)?.[1]
  // Bytes may be escaped one by one, and make up a letter together.
  const bytes: Buffer[] = []
  const inner = quoted ?? text
  for (const [piece] of inner.matchAll(/\\[0-9a-fA-F]{2}|\\.|[^\\]+|\\/gsu)) {
    if (piece === '\\') return undefined
    if (!piece.startsWith('\\')) bytes.push(Buffer.from(piece))
    else if (/^\\[0-9a-fA-F]{2}$/.test(piece)) bytes.push(Buffer.from(piece.slice(1), 'hex'))
    else bytes.push(Buffer.from(piece.slice(1)))
  }
  return utf8(Buffer.concat(bytes))
}

/** A value in its BER form (RFC 4514 section 2.4). */
const unhexed = (hex: string): string | undefined => {
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) return undefined
  try {
    const [value, ...more] = elements(Buffer.from(hex, 'hex'))
    return value && more.length === 0 ? utf8(value.content) : undefined
  } catch {
    return undefined
  }
}
