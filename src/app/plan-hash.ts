import { createHash } from 'node:crypto'
import type { Change } from '../effects/change.ts'
import { canonicalText } from './canonical.ts'

/**
 * The name of what a plan does: `sha256:` and the SHA-256 (hexadecimal) over its changes, each as one line of JSON with `action`, `fields`, `kind`, `name`, `organization` and
 * `target` (fields of objects sorted by name, no spaces, what is absent left out), the lines sorted by UTF-16 units and joined by line feeds.
 * No uid, version, time or prose is in it: the same manifests on the same state have the same hash, in whatever store on whatever machine.
 */
export const planHash = (changes: readonly Change[]): string =>
  `sha256:${createHash('sha256').update(changes.map(lineOf).sort().join('\n')).digest('hex')}`

/** What a change is, whatever the reason for it. */
const lineOf = ({ action, target, kind, name, organization, fields }: Change): string =>
  canonicalText({ action, target, kind, name, organization, fields }) ?? ''

/**
 * Tells what the manifests cause from what would happen without them, too.
 * @param changes with the manifests @param due without them, among what they reach
 */
export const splitDue = (
  changes: readonly Change[],
  due: readonly Change[],
): { caused: Change[]; alsoDue: Change[] } => {
  const anyway = new Map<string, number>()
  for (const change of due) anyway.set(lineOf(change), (anyway.get(lineOf(change)) ?? 0) + 1)
  const split = { caused: [] as Change[], alsoDue: [] as Change[] }
  for (const change of changes) {
    const line = lineOf(change)
    const left = anyway.get(line) ?? 0
    if (left > 0) anyway.set(line, left - 1)
    split[left > 0 ? 'alsoDue' : 'caused'].push(change)
  }
  return split
}
