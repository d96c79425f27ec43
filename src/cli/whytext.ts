import { escapeText } from '../api/escape.ts'
import { placeText } from '../app/whence.ts'
import type { Fact, ValueFact, WhyAnswer } from '../app/why.ts'
import type { colors } from './color.ts'
import { width } from './output.ts'

/** Standings that are more than one word for people. */
const STANDING: Record<string, string> = { NoMembership: 'no membership' }

type Paint = ReturnType<typeof colors>

/** Everything that was asked, for a person: who, where they stand, and each thing with the ways it came and what to change. */
export const whyText = ({ person, places, facts, asked, has, value }: WhyAnswer, paint: Paint): string => {
  const { name, displayName, email, whence, stalled } = person
  const who = [displayName, email].filter(text => text !== undefined && text !== name).join(', ')
  const head = paint.bold(escapeText(name)) + (who === '' ? '' : escapeText(` · ${who}`))
  const source = whence?.source === undefined ? '' : ` · declared in ${placeText(whence)} (source ${whence.source})`
  const lines = [head + escapeText(source)]
  if (stalled !== undefined) lines.push(paint.yellow(`! ${escapeText(stalled)}`))
  if (value) return `${[...lines, '', ...factLines(value, paint, width(titleOf(value)))].join('\n')}\n`
  const organizations = [
    ...new Set([...places.map(place => place.organization), ...facts.map(fact => fact.organization)]),
  ]
  for (const organization of organizations) {
    const place = places.find(one => one.organization === organization)
    const own = facts.filter(fact => fact.organization === organization)
    lines.push(
      '',
      escapeText(
        `${organization}${place ? ` · ${STANDING[place.standing] ?? place.standing}${place.text === '' ? '' : `: ${place.text}`}` : ''}`,
      ),
    )
    if (place?.losing !== undefined) lines.push(paint.yellow(`  ! ${escapeText(place.losing)}`))
    lines.push(...own.flatMap(fact => factLines(fact, paint, Math.max(...own.map(one => width(titleOf(one)))))))
    if (own.length === 0) lines.push('  nothing: no role, no group, no seat')
  }
  if (organizations.length === 0) lines.push('', 'No membership in any organization.')
  const comes = facts.some(fact => fact.ways.length > 0)
  if (asked !== undefined && !has)
    lines.push(
      '',
      escapeText(comes ? `${name} does not have it yet: ${asked}.` : `${name} does not have it: ${asked}.`),
    )
  return `${lines.join('\n')}\n`
}

/** One thing: its name and first way on a line, everything else beneath. */
export const factLines = (fact: Fact | ValueFact, paint: Paint, wide: number): string[] => {
  const title = titleOf(fact)
  const sign = fact.has ? paint.green('✓') : paint.yellow('–')
  const rows: string[] = []
  for (const { text, change } of fact.ways) {
    rows.push(escapeText(text))
    if (change !== undefined) rows.push(paint.dim(escapeText(`to take it away: ${change}`)))
  }
  for (const note of fact.notes) rows.push(paint.dim(escapeText(note)))
  const [first = '', ...rest] = rows
  const pad = ' '.repeat(Math.max(0, wide - width(title)))
  return [`  ${sign} ${escapeText(title)}${pad}   ${first}`, ...rest.map(row => `${' '.repeat(wide + 7)}${row}`)]
}

const titleOf = (fact: Fact | ValueFact): string => {
  if (fact.thing === 'seat') return `seat of ${fact.name}`
  if (fact.thing !== 'value') return `${fact.thing} ${fact.name}`
  return fact.value === undefined ? fact.name : `${fact.name} ${[fact.value].flat().join(', ')}`
}
