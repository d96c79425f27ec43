import { DECLARED_KINDS } from '../api/names.ts'
import type { Condition } from '../api/resource.ts'
import type { Cache } from '../runtime/reconciler.ts'

/** How many objects have a condition that is true, by kind, type and reason. Walks over the whole cache. */
export const countConditions = (
  cache: Pick<Cache, 'list'>,
): { kind: string; type: string; reason: string; count: number }[] => {
  const counts = new Map<string, { kind: string; type: string; reason: string; count: number }>()
  for (const kind of DECLARED_KINDS)
    for (const { status } of cache.list(kind))
      for (const { type, status: is, reason } of (status?.conditions ?? []) as readonly Condition[]) {
        if (is !== 'True') continue
        const key = `${kind}/${type}/${reason}`
        const known = counts.get(key)
        if (known) known.count++
        else counts.set(key, { kind, type, reason, count: 1 })
      }
  return [...counts.values()]
}
