import type { AnyResource } from '../api/kinds.ts'
import type { MembershipSpec } from '../api/membership.ts'
import type { SeatLedgerSpec } from '../api/seatledger.ts'

/** The new uid of an object by its old one; undefined for one that is not there any more. */
export type NewUid = (uid: string) => string | undefined

/**
 * The spec of a record where objects have new uids. What points at an object that is gone keeps pointing at nobody: no new uid equals an old one.
 * Every uid that a record holds is named here, and nowhere else.
 */
export const transplanted = (kind: AnyResource['kind'], spec: unknown, newUid: NewUid): unknown => {
  if (kind === 'Membership') return membership(spec as MembershipSpec, newUid)
  if (kind === 'SeatLedger') return ledger(spec as SeatLedgerSpec, newUid)
  return spec
}

const membership = (spec: MembershipSpec, newUid: NewUid): MembershipSpec => ({
  ...spec,
  ...(spec.user && { user: { ...spec.user, uid: newUid(spec.user.uid) ?? spec.user.uid } }),
  series: spec.series.map(one => ({ ...one, openedBy: behind('invitation/', one.openedBy, newUid) })),
  grants: spec.grants.map(one => ({ ...one, uid: newUid(one.uid) ?? one.uid })),
})

const ledger = (spec: SeatLedgerSpec, newUid: NewUid): SeatLedgerSpec => {
  const moved = <T extends { holder: string }>(one: T): T => ({ ...one, holder: behind('user/', one.holder, newUid) })
  return {
    ...spec,
    slots: spec.slots.map(moved),
    keys: spec.keys.map(moved),
    ...(spec.waiting && { waiting: spec.waiting.map(moved) }),
  }
}

const behind = (prefix: string, text: string, newUid: NewUid): string => {
  const found = text.startsWith(prefix) ? newUid(text.slice(prefix.length)) : undefined
  return found === undefined ? text : prefix + found
}
