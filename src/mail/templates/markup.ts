/** HTML that may stand in a page as it is. Only {@link html} makes it. */
export class Markup {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

type Value = string | number | Markup | undefined | readonly Value[]

/** A template whose values are escaped unless they are markup themselves; lists are joined, `undefined` is nothing. */
export function html(strings: TemplateStringsArray, ...values: Value[]): Markup {
  return new Markup(strings.reduce((page, part, index) => `${page}${sourceOf(values[index - 1])}${part}`))
}

function sourceOf(value: Value): string {
  if (value === undefined) return ''
  if (value instanceof Markup) return value.source
  if (typeof value === 'object') return value.map(sourceOf).join('')
  return escaped(String(value))
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, sign => ENTITIES[sign as keyof typeof ENTITIES])
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' } as const

/** Where a program that looks for addresses of pages and mail would see them hang together. */
const JOINT = /(?<=\S)(?=[.@]\S)|(?<=@)(?=\S)|(?<=\p{L})(?=:\S)|(?<=\S)(?=\/\S)/u

/**
 * Text in which a mail program finds nothing to make a link of: `evil.example`, `a@b.example` and `https:` are taken apart by `<wbr>`,
 * a place where a line may break. Nothing is added to the text itself: what is copied out is what was written.
 */
export function unlinkedHtml(text: string): Markup {
  const lines = text.split('\n').map(line => line.split(JOINT).map(escaped).join('<wbr>'))
  return new Markup(lines.join('<br>'))
}
