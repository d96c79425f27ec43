/**
 * Reads back the mails that `message.ts` makes: one level of multipart/alternative, quoted-printable, UTF-8. Nothing else, and it trusts nothing:
 * a file that is something else gives empty texts.
 */
export interface ReadMail {
  /** By name in lower case, unfolded and decoded. */
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  readonly html: string
}

export function readEml(bytes: Buffer): ReadMail {
  const { headers, body } = entity(bytes.toString('latin1'))
  const boundary = /boundary="([^"]{1,100})"/i.exec(headers.get('content-type') ?? '')?.[1]
  const parts =
    boundary === undefined
      ? []
      : body.split(new RegExp(`(?:^|\\r?\\n)--${RegExp.escape(boundary)}(?:--)?[ \\t]*(?:\\r?\\n|$)`)).slice(1, -1)
  const found = { text: '', html: '' }
  for (const part of parts.map(entity)) {
    const type = /^text\/(plain|html)\b/i.exec(part.headers.get('content-type') ?? '')?.[1]?.toLowerCase()
    if (type !== undefined)
      found[type === 'html' ? 'html' : 'text'] = quotedPrintable(part.body).replaceAll('\r\n', '\n')
  }
  return { headers, ...found }
}

/** Only the headers; `bytes` may end anywhere after them. */
export function readHeaders(bytes: Buffer): ReadonlyMap<string, string> {
  return entity(bytes.toString('latin1')).headers
}

function entity(text: string): { headers: ReadonlyMap<string, string>; body: string } {
  const end = /\r?\n\r?\n/.exec(text)
  const head = end ? text.slice(0, end.index) : text
  const headers = new Map<string, string>()
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), decodedWords(utf8(line.slice(colon + 1).trim())))
  }
  return { headers, body: end ? text.slice(end.index + end[0].length) : '' }
}

/** RFC 2047: encoded words; the space between two of them is not part of the text. */
function decodedWords(value: string): string {
  return value
    .replace(/(=\?utf-8\?[bq]\?[^?]*\?=)\s+(?==\?utf-8\?)/gi, '$1')
    .replace(/(?:=\?utf-8\?[bq]\?[^?]*\?=)+/gi, words => {
      const bytes = [...words.matchAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi)].map(([, how = '', coded = '']) =>
        how.toLowerCase() === 'b'
          ? Buffer.from(coded, 'base64').toString('latin1')
          : unescaped(coded.replaceAll('_', ' ')),
      )
      return utf8(bytes.join(''))
    })
}

/** RFC 2045 section 6.7. */
function quotedPrintable(body: string): string {
  return utf8(unescaped(body.replace(/=[ \t]*\r?\n/g, '')))
}

function unescaped(text: string): string {
  return text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
