import type { AnyResource } from '../api/kinds.ts'
import { KINDS, type Kind, RECORD_KINDS } from '../api/names.ts'
import type { Realm } from './realm.ts'
import { withheld } from './withheld.ts'

/**
 * Every resource with its status, and every record, in the order in which they could be applied. No secret is in it: without the random part of
 * the links an export is no backup.
 */
export async function* exported(
  { store }: Pick<Realm, 'store'>,
  filter: { kinds?: readonly Kind[]; organization?: string | undefined; records: boolean },
): AsyncGenerator<AnyResource> {
  const kinds = filter.kinds ?? KINDS
  for (const kind of kinds) {
    if (!filter.records && (RECORD_KINDS as readonly Kind[]).includes(kind)) continue
    for (const object of (await store.list(kind)).items) {
      const { organization } = object.spec as { organization?: string }
      const own = kind === 'Organization' ? object.metadata.name : organization
      if (filter.organization !== undefined && own !== undefined && own !== filter.organization) continue
      yield withheld(object)
    }
  }
}
