import type { AnyResource } from '../api/kinds.ts'

/**
 * A resource without what nobody is shown: the random part of a Membership's links.
 * Whatever prints a resource or hands it on goes through here.
 */
export const withheld = <R extends AnyResource>(object: R): R => {
  if (object.kind !== 'Membership') return object
  const { nonce: _, ...spec } = object.spec
  return { ...object, spec } as R
}
