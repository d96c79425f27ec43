/** One part of a stream, from its `---` (or the start) to the next. */
export interface Chunk {
  start: number
  end: number
}

/**
 * Cuts a YAML stream at its document markers, so that a broken document does not hide the ones after it.
 * A line that begins with `---` and white space is a marker wherever it stands, also inside of quoted texts and block scalars
 * (YAML 1.2.2 section 9.1.2, `c-forbidden`); directives (`%YAML`) belong to the marker after them.
 */
export function splitDocuments(text: string): Chunk[] {
  const cuts = [0]
  for (let at = text.indexOf('---'); at >= 0; at = text.indexOf('---', at + 3)) {
    if (!(at === 0 || isBreak(text[at - 1])) || !isBlank(text[at + 3])) continue
    const start = directivesBefore(text, cuts.at(-1) ?? 0, at)
    if (start > (cuts.at(-1) ?? 0)) cuts.push(start)
  }
  return cuts.map((start, index) => ({ start, end: cuts[index + 1] ?? text.length }))
}

const isBreak = (character: string | undefined): boolean => character === '\n' || character === '\r'
const isBlank = (character: string | undefined): boolean =>
  character === undefined || character === ' ' || character === '\t' || isBreak(character)

/** The marker itself, or the first of the directives that stand right before it. */
function directivesBefore(text: string, from: number, marker: number): number {
  let found = marker
  for (let end = marker; end > from; ) {
    const start = lineBefore(text, end, from)
    const line = text.slice(start, end)
    if (line.startsWith('%')) found = start
    else if (!/^\s*(#|$)/.test(line)) break
    end = start
  }
  return found
}

/** Where the line begins whose break ends at `end`; always before `end`. */
function lineBefore(text: string, end: number, from: number): number {
  let start = end - 1
  if (text[start] === '\n' && start > from && text[start - 1] === '\r') start--
  while (start > from && !isBreak(text[start - 1])) start--
  return start
}
