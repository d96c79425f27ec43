import { counted, people } from '../api/counted.ts'
import { escapeText } from '../api/escape.ts'
import type { Overview } from '../app/overview.ts'
import { when } from '../app/when.ts'

/** The state of each organization in a few lines. */
export const overviewText = (overviews: readonly Overview[]): string => overviews.map(textOf).join('\n')

const textOf = (one: Overview): string => {
  const head = `${one.organization} · ${one.displayName}${one.customerId === undefined ? '' : ` (customer ${one.customerId})`}`
  const rows: [string, string, string][] = []
  if (one.invited > 0)
    rows.push([
      '✉',
      `${people(one.invited)} invited`,
      one.firstExpiry === undefined ? '' : `links valid until ${when(one.firstExpiry, one.timeZone)}`,
    ])
  if (one.unsent.count > 0)
    rows.push([
      '!',
      `${one.unsent.count} of their mails ${one.unsent.count === 1 ? 'is' : 'are'} not sent yet`,
      `tried again${one.unsent.response === undefined ? '' : `; ${one.unsent.response}`}`,
    ])
  if (one.waitingInvitations > 0)
    rows.push(['◔', `${people(one.waitingInvitations)} wait for an invitation`, 'a limit, or a date'])
  if (one.joined > 0) rows.push(['✓', `${people(one.joined)} joined`, ''])
  if (one.failedInvitations > 0)
    rows.push(['!', `${counted(one.failedInvitations, 'invitation')} failed`, 'see roster get invitations'])
  for (const pool of one.pools) {
    const held =
      pool.reserved > 0 ? `${pool.reserved === pool.taken ? 'held' : `${pool.reserved} held`} for the invited` : ''
    const waits =
      pool.waiting.length > 0
        ? `${names(pool.waiting)} ${pool.waiting.length === 1 ? 'waits, first in line' : 'wait, in this order'}`
        : ''
    rows.push([
      pool.waiting.length > 0 ? '◔' : '✓',
      `${pool.taken} of ${pool.seats} seats of ${pool.name}`,
      [held, waits].filter(text => text !== '').join('; '),
    ])
  }
  if (one.withoutRole.length > 0)
    rows.push([
      '!',
      `${names(one.withoutRole)} ${one.withoutRole.length === 1 ? 'has' : 'have'} no role yet`,
      'will see the restricted home page',
    ])
  if (rows.length === 0) rows.push(['✓', 'nobody yet', ''])
  const wide = Math.max(...rows.map(([, text]) => text.length))
  return `${escapeText(head)}\n${rows.map(([sign, text, more]) => `  ${sign} ${escapeText(text)}${more === '' ? '' : `${' '.repeat(wide - text.length + 4)}${escapeText(more)}`}\n`).join('')}`
}

const names = (all: readonly string[]): string =>
  all.length <= 3 ? all.join(', ') : `${all.slice(0, 3).join(', ')} and ${all.length - 3} more`
