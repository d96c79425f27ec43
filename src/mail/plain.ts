/**
 * What people, directories and mail servers wrote, made harmless before it stands in a mail.
 *
 * Three dangers: characters that move or hide others (Unicode TR 36, "bidirectional text spoofing"; TR 39, default ignorables),
 * line breaks where one line is meant, and texts that mail programs turn into links by themselves.
 */

/** Controls but for the line feed, bidirectional marks, and what has no width; the two joiners (U+200C, U+200D) stay: Persian, Hindi and emoji need them. */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u061C\u115F\u1160\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF0-\uFFFB\u{E0000}-\u{E0FFF}]|\u034F|\u17B4|\u17B5|[\u180B-\u180F]/gu
const LINE_BREAK = /\r\n|[\r\n\u0085\u2028\u2029\v\f]/g

/** A text in lines, without hidden characters, at most `most` characters (code points; `…` where something was cut), at most one empty line in a row. */
export function plainLines(text: string, most: number): string {
  const lines = text
    .toWellFormed()
    .replace(LINE_BREAK, '\n')
    .replaceAll('\t', ' ')
    .replace(HIDDEN, '')
    .split('\n')
    .map(line => line.trimEnd())
  return shortened(
    lines
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    most,
  )
}

/** One line of text: as {@link plainLines}, with line breaks as spaces. */
export function plainLine(text: string, most = 200): string {
  return shortened(
    text.toWellFormed().replace(LINE_BREAK, ' ').replaceAll('\t', ' ').replace(HIDDEN, '').replace(/\s+/gu, ' ').trim(),
    most,
  )
}

/**
 * Takes from a text what mail programs would turn into a link: `https://x` becomes `https: //x`, `evil.example` becomes `evil. example`.
 * Every character stays; what is added is a space that everybody sees, no invisible character.
 */
export function unlinked(text: string): string {
  return text
    .replace(/:(?=[/\\]{2})/gu, ': ')
    .replace(/(mailto|tel|sms|data|javascript|callto|geo|xmpp|magnet|file):(?=\S)/giu, '$1: ')
    .replace(/(www\.)(?=\S)/gi, '$1 ')
    .replace(
      /(?<=\S)([.\u3002\uFF0E\uFF61])(?=(?:\u200C|\u200D)*[\p{L}\p{M}](?:\u200C|\u200D)*[\p{L}\p{M}]|xn--)/giu,
      '$1 ',
    )
    .replace(/(?<=\d)\.(?=\d{1,3}\.\d{1,3}\.\d{1,3}(?!\d))/gu, '. ')
}

/** A name that a person gave themselves, for a sentence in a mail: one line, no link, at most 100 characters. */
export function personText(text: string): string {
  return unlinked(plainLine(text, 100))
}

/** A name from an organization's own settings (organization, product, role). Domains stay, since products are named so; addresses of pages do not. */
export function labelText(text: string, most = 100): string {
  return plainLine(text, most)
    .replace(/:(?=[/\\]{2})/gu, ': ')
    .replace(/(www\.)(?=\S)/gi, '$1 ')
}

/**
 * The shown name of an address in a header: one line, without quotes, angle brackets and signs that make it look like another address.
 *
 * @returns undefined when nothing is left
 */
export function headerName(text: string): string | undefined {
  return (
    plainLine(text, 100)
      .replace(/["<>()[\]\\,;:@]+/g, ' ')
      .replace(/\s+/g, ' ')
      .trim() || undefined
  )
}

/** Control, bidirectional and invisible characters as `\u202e`, so that a line in a terminal, log or record shows them and does nothing else. */
export function escapedLine(text: string, most: number): string {
  const escaped = text
    .toWellFormed()
    .replace(/[\r\n]+/g, ' ')
    .replace(HIDDEN, sign => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
    .replace(/[\u0085\u2028\u2029]/g, ' ')
  return shortened(escaped.trim(), most)
}

function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const signs = [...text]
  return signs.length <= most
    ? text
    : `${signs
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`
}
