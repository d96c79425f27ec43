import { escapeText } from '../api/escape.ts'
import type { Plan } from '../app/plan.ts'
import { byCost, summarize } from '../app/plan-summary.ts'
import { colors } from './color.ts'
import { width } from './output.ts'

type Change = Plan['changes'][number]

const SIGN: Record<Change['action'], string> = {
  create: '+',
  update: '~',
  delete: '-',
  send: '✉',
  grant: '+',
  take: '-',
  give: '+',
  free: '-',
  hold: '!',
  join: '+',
  end: '-',
  queue: '◔',
}

/** One line a change, grouped by organization, what costs first; or one JSON document. */
export const renderPlan = (plan: Plan, format: 'text' | 'json', options: { color: boolean }): string => {
  const summary = summarize(plan)
  if (format === 'json') {
    const { base, changes, held, refused, later, failed } = plan
    return `${JSON.stringify({ base, summary, changes: [...changes].sort(byCost), held, refused, later: later.map(({ kind, name, time }) => ({ kind, name, time: new Date(time).toISOString() })), failed }, undefined, 2)}\n`
  }
  const paint = colors(options.color)
  const lines: string[] = []
  for (const [organization, changes] of grouped(plan.changes)) {
    if (lines.length > 0) lines.push('')
    lines.push(paint.bold(escapeText(organization || 'Everywhere')))
    lines.push(
      ...aligned(changes.sort(byCost)).map(({ sign, text }) =>
        sign === '-' ? paint.red(text) : sign === '+' ? paint.green(text) : sign === '~' ? paint.yellow(text) : text,
      ),
    )
  }
  for (const { refs, message } of plan.held)
    lines.push(
      '',
      paint.yellow(
        `! ${escapeText(message)}: ${escapeText(refs.map(({ kind, name }) => `${kind}/${name}`).join(', '))}`,
      ),
    )
  for (const { message } of plan.refused) lines.push('', paint.red(`! ${escapeText(message)}`))
  for (const { ref, message } of plan.failed)
    lines.push('', paint.red(`! ${ref.kind}/${escapeText(ref.name)}: ${escapeText(message)}`))
  if (plan.later.length > 0) {
    const [next] = plan.later
    if (next)
      lines.push(
        '',
        `Later: ${plan.later.length === 1 ? '1 thing waits for its time' : `${plan.later.length} things wait for their time`}, the first at ${new Date(next.time).toISOString()}`,
      )
  }
  if (plan.changes.length === 0 && plan.held.length === 0 && plan.refused.length === 0)
    return 'No changes. What is declared is what is.\n'
  return `${[...lines, '', total(summary)].join('\n')}\n`
}

const total = (summary: ReturnType<typeof summarize>): string => {
  const parts = [
    `${summary.create} to create`,
    `${summary.update} to change`,
    `${summary.delete} to delete`,
    count(summary.mail, 'mail'),
    summary.losing > 0
      ? `${people(summary.losing)} ${summary.losing === 1 ? 'loses' : 'lose'} access`
      : 'nobody loses access',
    ...(summary.seatsGiven > 0 ? [`${count(summary.seatsGiven, 'seat')} taken`] : []),
    ...(summary.seatsFreed > 0 ? [`${count(summary.seatsFreed, 'seat')} freed`] : []),
    summary.held > 0 ? `${summary.held} held` : 'nothing held',
  ]
  return `Plan: ${parts.join(' · ')}`
}

const count = (number: number, one: string): string => `${number} ${number === 1 ? one : `${one}s`}`
const people = (number: number): string => (number === 1 ? '1 person' : `${number} people`)

const grouped = (changes: readonly Change[]): [string, Change[]][] => {
  const groups = new Map<string, Change[]>()
  for (const change of changes) {
    const key = change.organization ?? ''
    groups.set(key, [...(groups.get(key) ?? []), change])
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
}

const aligned = (changes: readonly Change[]): { sign: string; text: string }[] => {
  const rows = changes.map(change => ({
    sign: SIGN[change.action],
    cells: [verbOf(change), nameOf(change), whatOf(change), change.because].map(escapeText),
  }))
  const widths = [0, 1, 2].map(column =>
    rows.reduce((most, { cells }) => Math.max(most, Math.min(48, width(cells[column] ?? ''))), 0),
  )
  return rows.map(({ sign, cells }) => ({
    sign,
    text: `  ${sign} ${cells.map((cell, column) => (column < 3 ? cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))) : cell)).join('  ')}`.trimEnd(),
  }))
}

const verbOf = ({ action, target, kind }: Change): string => {
  if (target === 'resource') return `${action} ${kind}`
  if (target === 'mail') return 'mail'
  if (target === 'seat') return action === 'free' ? 'free seat' : 'give seat'
  return action === 'take' ? 'takes away' : action
}

const nameOf = ({ target, name, fields }: Change): string =>
  target === 'mail' && typeof fields['to'] === 'string' ? fields['to'] : name

const whatOf = ({ target, action, fields }: Change): string => {
  if (target === 'mail')
    return `${String(fields['template'])}${Array.isArray(fields['roles']) ? `: ${fields['roles'].join(', ')}` : ''}`
  if (target === 'seat')
    return `${String(fields['pool'])}${Number(fields['seats']) > 1 ? ` × ${String(fields['seats'])}` : ''}${fields['state'] === 'Reserved' ? ' (reserved)' : ''}`
  if (target === 'resource' && action === 'update')
    return Object.keys(fields)
      .map(field => field.replace(/^spec\./, ''))
      .join(', ')
  return Object.entries(fields)
    .filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== undefined))
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? value.join(', ') : String(value)}`)
    .join('; ')
}
