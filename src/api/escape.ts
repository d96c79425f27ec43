/**
 * Characters that must not reach a terminal, a log or a page as they are: controls (C0, C1, DEL), and what changes the direction or the look of the text around it
 * (Unicode bidirectional controls, UAX #9; zero-width and tag characters; line and paragraph separators; lone surrogates).
 */
const UNSAFE =
  /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu

/** The text with every unsafe character made visible as `\u{…}`, on one line. Harmless text is given back as it is. */
export const escapeText = (text: string): string =>
  text.replace(UNSAFE, character =>
    character === '\n' ? '\\n' : character === '\t' ? '\\t' : `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
