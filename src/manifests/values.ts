import { firstHidden } from '../api/escape.ts'
import { ADDRESS_PATTERN, DATE_PATTERN } from '../api/patterns.ts'
import type { SchemaNode } from '../api/schemanode.ts'
import { parseAddress } from '../decide/address.ts'
import { isDate } from '../decide/time.ts'
import type { Judgement } from './judgement.ts'
import { escapePointer } from './pointer.ts'
import { fieldPath, quote } from './wording.ts'

/**
 * What a schema cannot say of single values: addresses in depth, dates that the calendar has, items that stand twice, texts with
 * something hidden in them. Values that the schema refused are passed over where it matters.
 */
export function judgeValues(judgement: Judgement, node: SchemaNode, value: unknown, pointer: string): void {
  switch (node.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return
      for (const [name, child] of Object.entries(value)) {
        const property = node.properties?.[name]
        if (property) judgeValues(judgement, property, child, `${pointer}/${escapePointer(name)}`)
      }
      return
    case 'array':
      if (!Array.isArray(value) || !node.items || value.length > (node.maxItems ?? Number.POSITIVE_INFINITY)) return
      judgeRepeats(judgement, node, value, pointer)
      for (const [index, item] of value.entries()) judgeValues(judgement, node.items, item, `${pointer}/${index}`)
      return
    case 'string':
      if (typeof value === 'string' && value.length <= (node.maxLength ?? Number.POSITIVE_INFINITY) * 2)
        judgeText(judgement, node, value, pointer)
      return
    case 'integer':
    case 'boolean':
      return
  }
}

/** Items of a keyed list differ in their keys; other lists of names and texts hold each only once. */
function judgeRepeats(judgement: Judgement, { items, listKeys }: SchemaNode, value: unknown[], pointer: string): void {
  if (items?.type !== 'string' && !listKeys) return
  const seen = new Set<string>()
  for (const [index, item] of value.entries()) {
    if (listKeys && (typeof item !== 'object' || item === null)) continue
    const key = JSON.stringify(listKeys ? listKeys.map(name => (item as Record<string, unknown>)[name]) : item)
    if (!seen.has(key)) {
      seen.add(key)
      continue
    }
    // Kubernetes refuses repeats of a key, and takes those of an atomic list.
    if (listKeys)
      judgement.report(
        'duplicate-item',
        `${fieldPath(pointer)} has two entries for ${listKeys.map(name => `${name} ${quote((item as Record<string, unknown>)[name])}`).join(', ')}; make one of them`,
        `${pointer}/${index}`,
      )
    else
      judgement.report(
        'duplicate-item',
        `${quote(item)} stands twice in ${fieldPath(pointer)}`,
        `${pointer}/${index}`,
        'warning',
      )
  }
}

function judgeText(judgement: Judgement, node: SchemaNode, value: string, pointer: string): void {
  const hidden = firstHidden(value)
  if (hidden !== undefined)
    judgement.report(
      'hidden-characters',
      `${fieldPath(pointer)} holds the invisible character ${hidden}; take it out`,
      pointer,
      'warning',
    )
  if (node.pattern === ADDRESS_PATTERN) {
    const parsed = parseAddress(value)
    // What has not even the shape was said by the schema.
    if ('problem' in parsed && SHAPE.test(value))
      judgement.report('invalid-address', `${fieldPath(pointer)}: ${quote(value)} ${parsed.problem}`, pointer)
  }
  if (node.pattern === DATE_PATTERN && DATE.test(value) && !isDate(value))
    judgement.report('invalid-date', `${fieldPath(pointer)}: there is no ${value} in the calendar`, pointer)
}
const SHAPE = new RegExp(ADDRESS_PATTERN, 'u')
const DATE = new RegExp(DATE_PATTERN, 'u')
