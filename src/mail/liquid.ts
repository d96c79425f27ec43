import { Liquid, type Template } from 'liquidjs'
import { ParagraphError } from './errors.ts'

/** The mails whose paragraphs an organization may write itself (`mail.templates`). */
export const OWN_TEMPLATES = ['invitation', 'accountCreated', 'welcome', 'licenseKeys'] as const
export type OwnTemplate = (typeof OWN_TEMPLATES)[number]

/** What is wrong in an own text, and where: line and column inside of it, counted from 1. */
export interface TemplateProblem {
  message: string
  line: number
  column: number
}

const EVERYWHERE = ['person.name', 'person.email', 'organization.name', 'organization.customerId', 'product.name']
/** What each text may name. No links: where they lead is not an organization's to say. */
export const PLACEHOLDERS: Readonly<Record<OwnTemplate, readonly string[]>> = {
  invitation: [...EVERYWHERE, 'inviter.name', 'roles', 'validUntil'],
  accountCreated: [...EVERYWHERE, 'inviter.name', 'roles', 'validUntil'],
  welcome: [...EVERYWHERE, 'roles'],
  licenseKeys: [...EVERYWHERE, 'license.product', 'license.count'],
}
const FILTERS = ['default', 'upcase', 'downcase', 'capitalize', 'strip', 'truncate'] as const

/** Texts by the dotted names of {@link PLACEHOLDERS}; what is unknown is the empty text. */
export type PlaceholderValues = Readonly<Record<string, string>>

const LIMITS = { characters: 4_000, memory: 100_000, milliseconds: 50, result: 4_000 }
const engine = reader()

/** Checks an organization's own text without any data: for `validate`, and before it is used. Never throws. */
export function checkTemplate(name: OwnTemplate, text: string): TemplateProblem[] {
  let templates: Template[]
  try {
    templates = engine.parse(text)
  } catch (error) {
    return [problemOf(error, text)]
  }
  const known = PLACEHOLDERS[name]
  const used = Object.values(engine.analyzeSync(templates, { partials: false }).variables).flat()
  const problems: TemplateProblem[] = []
  for (const { segments, location } of used) {
    const path = segments.map(String).join('.')
    if (known.includes(path)) continue
    problems.push({
      message: `{{ ${path} }} is unknown here${didYouMean(path, known)} Known: ${known.join(', ')}`,
      line: location.row,
      column: location.col,
    })
  }
  if (problems.length === 0) {
    try {
      engine.renderSync(templates, scopeOf(known, {})) // what only breaks when it runs: limits, wrong arguments
    } catch (error) {
      return [problemOf(error, text)]
    }
  }
  return problems.sort((one, other) => one.line - other.line || one.column - other.column)
}

/**
 * Renders an own text into paragraphs of plain text: what stood between empty lines. Nothing in it is markup; the mail's layout escapes it.
 *
 * @throws ParagraphError for a text that `checkTemplate` complains about, or whose result is empty
 */
export function renderParagraphs(name: OwnTemplate, text: string, values: PlaceholderValues): string[] {
  const [problem] = checkTemplate(name, text)
  if (problem)
    throw new ParagraphError(
      `mail.templates.${name}, line ${problem.line}, column ${problem.column}: ${problem.message}`,
    )
  let rendered: string
  try {
    rendered = engine.parseAndRenderSync(text, scopeOf(PLACEHOLDERS[name], values))
  } catch (error) {
    throw new ParagraphError(`mail.templates.${name}: ${firstLine(error)}`)
  }
  const paragraphs = rendered
    .slice(0, LIMITS.result)
    .split(/\n\s*\n/)
    .map(paragraph => paragraph.trim())
    .filter(paragraph => paragraph !== '')
  if (paragraphs.length === 0) throw new ParagraphError(`mail.templates.${name}: nothing is left of the text`)
  return paragraphs
}

/** Liquid without logic: no tag at all, a handful of filters, no files, no inherited properties, tight limits. */
function reader(): Liquid {
  const liquid = new Liquid({
    templates: {}, // absent, `include` would look into the current folder
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    parseLimit: LIMITS.characters,
    memoryLimit: LIMITS.memory,
    renderLimit: LIMITS.milliseconds,
    cache: false,
  })
  for (const tag of Object.keys(liquid.tags)) delete liquid.tags[tag]
  const allowed = new Set<string>(FILTERS)
  for (const filter of Object.keys(liquid.filters)) if (!allowed.has(filter)) delete liquid.filters[filter]
  return liquid
}

function scopeOf(known: readonly string[], values: PlaceholderValues): object {
  const scope: Record<string, string | Record<string, string>> = Object.create(null)
  for (const path of known) {
    const [root = '', leaf] = path.split('.')
    const value = Object.hasOwn(values, path) ? (values[path] ?? '') : ''
    if (leaf === undefined) scope[root] = value
    else scope[root] = Object.assign(scope[root] ?? Object.create(null), { [leaf]: value })
  }
  return scope
}

function problemOf(error: unknown, text: string): TemplateProblem {
  const position = (error as { token?: { getPosition?: () => [number, number] } }).token?.getPosition?.()
  const message = firstLine(error)
    .replace(/, line:\d+, col:\d+$/, '')
    .replace(
      /^tag "(\S+)" not found$/,
      (_, tag: string) => `{% ${tag} %}: a text has placeholders, {{ person.name }}, and no tags`,
    )
    .replace(
      /^undefined filter: (\w+)$/,
      (_, filter: string) => `the filter "${filter}" is unknown here. Known: ${FILTERS.join(', ')}`,
    )
    .replace(/^memory alloc limit exceeded$/, 'the text makes too much out of little')
    .replace(/^parse length limit exceeded$/, `the text is longer than ${LIMITS.characters} characters`)
  const [line, column] = position ?? [1, Math.max(1, text.search(/\S/) + 1)]
  return { message, line, column }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}

function didYouMean(path: string, known: readonly string[]): string {
  const [best] = known
    .map(name => ({ name, distance: distance(path.toLowerCase(), name.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance)
  const leaf = known.find(name => name.split('.').at(-1)?.toLowerCase() === path.split('.').at(-1)?.toLowerCase())
  if (best && best.distance <= Math.max(2, Math.floor(path.length / 4))) return `, did you mean {{ ${best.name} }}?`
  return leaf === undefined ? '.' : `, did you mean {{ ${leaf} }}?`
}

/** Levenshtein's, for short names. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
