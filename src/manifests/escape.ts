/**
 * Everything that a terminal, log or page could take for something else than a letter: control characters (C0, DEL, C1), line and paragraph separators,
 * invisible spaces, byte order marks, and the marks that turn the direction of text (Unicode Standard Annex 9), with which one name can be made to look like another.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/

const ALL_HIDDEN = new RegExp(HIDDEN.source, 'g')

/** The text on one line, with everything hidden made visible: `\n`, `\u202e`. */
export const escapeText = (text: string): string => (HIDDEN.test(text) ? text.replace(ALL_HIDDEN, visible) : text)

/** The same, and line breaks stay. For texts that have several lines. */
export const escapeLines = (text: string): string => text.split('\n').map(escapeText).join('\n')

/** The first hidden character, as it would be shown, or undefined. Line feed and tab count as visible. */
export function firstHidden(text: string): string | undefined {
  if (!HIDDEN.test(text)) return undefined
  for (const [found] of text.matchAll(ALL_HIDDEN)) if (found !== '\n' && found !== '\t') return visible(found)
  return undefined
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return SHORT[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`)
}
