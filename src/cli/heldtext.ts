import { escapeText } from '../api/escape.ts'
import { type HeldSet, heldText, untilText } from '../app/held.ts'
import { type HeldHistory, historyText } from '../app/heldhistory.ts'
import { type HeldRestore, restoredText } from '../app/restored.ts'
import { width } from './output.ts'

/** So many people of a set are named; JSON has all. */
const SHOWN = 30
/** A cell wider than this does not push the others of its column aside. */
const WIDEST = 44

/** What is held: a line for the set, one for each person who would lose something, and how it ends. The same wherever it is told. */
export const heldLines = (set: HeldSet): string[] => {
  const shown = set.people.slice(0, SHOWN)
  const rest = set.people.length - shown.length
  const cells = shown.map(({ name, what, because }) => [name, what, because].map(escapeText))
  const widths = [0, 1].map(column => Math.min(WIDEST, Math.max(0, ...cells.map(row => width(row[column] ?? '')))))
  const rows = cells.map(row =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join('   ')
      .trimEnd(),
  )
  return [
    `! ${escapeText(heldText(set))}`,
    ...rows.map(row => `    ${row}`),
    ...(rest > 0 ? [`    and ${rest} more`] : []),
    `    ${escapeText(untilText(set))}`,
  ]
}

/** A rewritten history: what it is, how to see what it would change, and how it ends. */
export const historyLines = (history: HeldHistory): string[] => [
  `! ${escapeText(historyText(history))}`,
  `    what it would change: roster plan '${escapeText(history.plan)}' --source ${history.source}`,
  '    held until it is approved (`roster approve`), or a commit is pushed that follows the one in force',
]

/** A restored realm: that it was, and what it waits for. */
export const restoreLines = (restore: HeldRestore): string[] => [
  `! ${escapeText(restoredText(restore))}`,
  ...(restore.unread.length > 0
    ? [`    first it has to be read completely: ${escapeText(restore.unread.join(', '))} (roster run)`]
    : []),
]
