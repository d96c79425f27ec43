import { counted, people } from '../api/counted.ts'
import { escapeText } from '../api/escape.ts'
import { refText } from '../api/resource.ts'
import { isEmptyPlan, type Plan } from '../app/plan.ts'
import { planDocument } from '../app/plan-document.ts'
import { type PlanSummary, summarize } from '../app/plan-summary.ts'
import { when } from '../app/when.ts'
import { colors } from './color.ts'
import { heldLines } from './heldtext.ts'
import { jsonText, width } from './output.ts'
import { type PlanRow, planRows } from './planrows.ts'

/** One line a change, grouped by organization, what costs first; or one JSON document. */
export const renderPlan = (plan: Plan, format: 'text' | 'json', options: { color: boolean }): string => {
  if (format === 'json') return jsonText(planDocument(plan))
  const paint = colors(options.color)
  const unknown = plan.unknown.map(({ kind, name, message }) =>
    paint.yellow(
      `! ${escapeText(`${kind && name ? `${refText({ kind, name })}: ` : ''}not known before it is applied: ${message}`)}`,
    ),
  )
  if (isEmptyPlan(plan))
    return [
      'No changes. What is declared is what is.',
      ...plan.warnings.map(one => `! ${escapeText(one.message)}`),
      ...unknown,
      '',
    ].join('\n')
  const PAINT: Record<PlanRow['sign'], (text: string) => string> = {
    '-': paint.red,
    '+': paint.green,
    '~': paint.yellow,
    '✉': text => text,
    '◔': paint.dim,
  }
  const lines: string[] = []
  const rows = planRows(plan)
  const organizations = new Set([...rows.keys(), ...plan.warnings.map(one => one.organization ?? '')])
  for (const organization of [...organizations].sort()) {
    if (lines.length > 0) lines.push('')
    lines.push(headOf(plan, organization, paint.bold))
    lines.push(...aligned(rows.get(organization) ?? []).map(({ sign, text }) => PAINT[sign](text)))
    lines.push(...notesOn(plan, organization).map(note => paint.yellow(`  ! ${escapeText(note)}`)))
  }
  const said = (text: string): string => `! ${escapeText(text)}`
  const due = [...planRows({ ...plan, changes: plan.alsoDue, later: [] }).values()].flat()
  if (due.length > 0)
    lines.push(
      ...(lines.length > 0 ? [''] : []),
      paint.bold('Also due, with or without these manifests'),
      ...aligned(due).map(({ sign, text }) => PAINT[sign](text)),
    )
  const notes = [
    ...unknown,
    ...plan.held.flatMap(({ refs, message, set }) =>
      (set ? heldLines(set) : [said(`${message}: ${refs.map(refText).join(', ')}`)]).map(paint.yellow),
    ),
    ...plan.refused.map(({ message }) => paint.red(said(message))),
    ...plan.failed.map(({ ref, message }) => paint.red(said(`${refText(ref)}: ${message}`))),
  ]
  if (notes.length > 0) lines.push(...(lines.length > 0 ? [''] : []), ...notes)
  return `${[...lines, '', `Plan: ${totalOf(summarize(plan)).join(' · ')}`].join('\n')}\n`
}

const headOf = (plan: Plan, organization: string, bold: (text: string) => string): string => {
  const changes = plan.changes.filter(one => (one.organization ?? '') === organization)
  const parts = consequencesOf(summarize({ changes, held: [] }))
  return `${bold(escapeText(organization || 'Everywhere'))}${parts.length > 0 ? `   ${parts.join(' · ')}` : ''}`
}

const consequencesOf = (summary: PlanSummary): string[] => [
  ...(summary.losing > 0 ? [`${people(summary.losing)} ${summary.losing === 1 ? 'loses' : 'lose'} access`] : []),
  ...(summary.mail > 0 ? [counted(summary.mail, 'mail')] : []),
  ...(summary.seatsGiven > 0 ? [`${counted(summary.seatsGiven, 'seat')} taken`] : []),
  ...(summary.seatsFreed > 0 ? [`${counted(summary.seatsFreed, 'seat')} freed`] : []),
]

const totalOf = (summary: PlanSummary): string[] => [
  `${summary.create} to create`,
  `${summary.update} to change`,
  `${summary.delete} to delete`,
  ...(summary.losing === 0 ? ['nobody loses access'] : []),
  ...consequencesOf(summary),
  summary.held > 0 ? `${summary.held} held` : 'nothing held',
]

/** Roles that open invitations carry, pools that are too small, and mails that have to wait. */
const notesOn = (plan: Plan, organization: string): string[] => {
  const here = <T extends { organization?: string }>(all: readonly T[]): T[] =>
    all.filter(one => (one.organization ?? '') === organization)
  const notes = here(plan.warnings).map(({ message, addresses }) =>
    addresses.length === 0 ? message : `${message} (${named(addresses)})`,
  )
  const mails = here(plan.changes).filter(
    ({ target, fields }) => target === 'mail' && fields['template'] === 'invitation',
  )
  const waiting = mails.filter(({ action }) => action === 'queue')
  if (waiting.length > 0) {
    const zone = plan.timeZones.get(organization) ?? 'UTC'
    const last = here(plan.later).findLast(({ target }) => target === 'mail')
    const end = last ? `, the last ${when(last.time, zone)}` : ''
    notes.push(
      `${counted(mails.length, 'invitation')}: ${mails.length - waiting.length} now, ${waiting.length} later${end} (daily limits)`,
    )
  }
  return notes
}

const named = (addresses: readonly string[]): string =>
  addresses.length <= 10
    ? addresses.join(', ')
    : `${addresses.slice(0, 10).join(', ')} and ${addresses.length - 10} more`

/** A cell wider than this does not push the others of its column aside. */
const WIDEST = 44

const aligned = (rows: readonly PlanRow[]): { sign: PlanRow['sign']; text: string }[] => {
  const cells = rows.map(({ verb, name, what, where, also }) => [verb, name, what, where, also].map(escapeText))
  const widths = [0, 1, 2, 3].map(column =>
    Math.min(WIDEST, Math.max(0, ...cells.map(row => width(row[column] ?? '')))),
  )
  const padded = (row: readonly string[]): string =>
    row.map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))).join('   ')
  return rows.map(({ sign }, at) => ({ sign, text: `  ${sign} ${padded(cells[at] ?? [])}`.trimEnd() }))
}
