import { refText } from '../api/resource.ts'
import type { Moved, StalePlanError } from '../app/plan-stale.ts'
import type { Io } from './io.ts'
import { jsonText, line } from './output.ts'
import { Exit } from './verb.ts'

/** Says exactly what is not as it was planned. @throws Exit 1 */
export const refuseStale = ({ reason, message, moved }: StalePlanError, io: Io, json: boolean): never => {
  if (json) io.out(jsonText({ error: { reason, message }, moved }))
  else {
    io.err(line(`roster: ${message}${moved.length > 0 ? ':' : ''}`))
    const done = moved.filter(one => one.what === 'object' && one.is === 'done')
    // Many at once: somebody applied the same meanwhile.
    const told = done.length > FEW ? moved.filter(one => !done.includes(one)) : moved
    for (const one of told.slice(0, SHOWN)) io.err(line(`  ${movedText(one)}`))
    if (told.length > SHOWN) io.err(line(`  and ${told.length - SHOWN} more (-o json tells all)`))
    if (done.length > FEW) io.err(line(`  ${done.length} objects need no write any more: they are as declared already`))
    io.err('Plan again, and look at what is different.\n')
  }
  throw new Exit(1)
}

const SHOWN = 50
const FEW = 5

export const movedText = (moved: Moved): string => {
  if (moved.what === 'file')
    return `${moved.file} ${{ changed: 'changed', new: 'is new', gone: 'is gone' }[moved.is]} since it was planned`
  if (moved.what === 'change') {
    const { action, target, kind, name, organization, because } = moved.change
    const place = organization === undefined ? '' : ` in ${organization}`
    return `${moved.is === 'gone' ? 'no longer' : 'now also'}: ${action} ${target} ${kind}/${name}${place} (${because})`
  }
  const { kind, name, is, fields = [] } = moved
  const ref = refText({ kind, name })
  if (is === 'changed' && fields.length > 0) return `${ref}: ${fields.map(fieldText).join(', ')}`
  return `${ref} ${WORDS[is]}`
}

const WORDS: Record<Extract<Moved, { what: 'object' }>['is'], string> = {
  changed: 'changed since it was planned',
  made: 'was made since it was planned',
  gone: 'is gone since it was planned',
  another: 'was deleted and made anew since it was planned',
  done: 'needs no write any more: it is as declared already',
  unplanned: 'would be written, too, and was not planned',
}

const fieldText = ({ field, managers }: { field: string; managers: string[] }): string =>
  managers.length > 0 ? `${field} was changed by ${managers.join(' and ')}` : `${field} was taken out`
