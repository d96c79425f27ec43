/**
 * Everything that a terminal, log or page could take for something else than a letter: control characters, line and paragraph separators, lone
 * surrogates, fillers that look like nothing, and format characters, among them the marks that turn the direction of text (Unicode Standard Annex 9),
 * with which one name can be made to look like another.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u
const ALL_HIDDEN = new RegExp(HIDDEN.source, 'gu')
/** Line feed and tab are seen, and the joiners belong to the spelling of some languages and of emoji. */
const EXPECTED: ReadonlySet<string> = new Set(['\n', '\t', '\u200c', '\u200d'])

/** The text on one line, with everything hidden made visible: `\n`, `\u202e`. */
export const escapeText = (text: string): string => (HIDDEN.test(text) ? text.replace(ALL_HIDDEN, visible) : text)

/** The same, and line breaks stay. For texts that have several lines. */
export const escapeLines = (text: string): string => text.split('\n').map(escapeText).join('\n')

/** JSON with the same meaning, in which nothing is hidden. */
export const escapeJson = (json: string): string =>
  HIDDEN.test(json)
    ? json.replace(ALL_HIDDEN, found =>
        found === '\n'
          ? found
          : found
              .split('')
              .map(unit => `\\u${hex(unit.charCodeAt(0))}`)
              .join(''),
      )
    : json

/** The first hidden character, as it would be shown, or undefined. Line feeds, tabs and joiners are no surprise. */
export function firstHidden(text: string): string | undefined {
  if (!HIDDEN.test(text)) return undefined
  for (const [found] of text.matchAll(ALL_HIDDEN)) if (!EXPECTED.has(found)) return visible(found)
  return undefined
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return SHORT[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${hex(code)}`)
}

const hex = (code: number): string => code.toString(16).padStart(4, '0')
