import type { Membership } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { byAge } from '../decide/age.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { givesTo } from './imports.ts'
import { isDeleting, isGenerated, ownerOf } from './people.ts'
import { foundRecord } from './personsources.ts'
import { personOf } from './who.ts'

/**
 * The one User whose pass looks after a Membership; two that did would take turns in noting why it ends. In this order: the declared User of its address, the User that claimed it,
 * who names that one's name in `previousNames` where nobody else bears it by now, whoever goes and still has to end what was declared for them and no directory gives, the User that Roster made of the address, whoever goes.
 */
export const keeperOf = (cache: Cache, { spec }: Membership): User | undefined => {
  const owner = ownerOf(cache, spec.address)
  if (owner && !isGenerated(owner)) return owner
  const found = declaredBy(cache, spec)
  if (found) return found
  const { name, uid } = spec.user ?? {}
  const claimed = uid === undefined ? [] : cache.by('User', 'uid', uid)
  const heirs = name === undefined || isBorne(cache, name) ? [] : cache.by('User', 'previousName', name).toSorted(byAge)
  const staying = [...claimed, ...heirs].find(user => !isDeleting(user) && !isGenerated(user))
  if (staying) return staying
  const addressed = cache.by('User', 'address', spec.address).toSorted(byAge)
  const going = [...claimed, ...addressed].find(user => isDeleting(user) && !isGenerated(user))
  // What a directory gives too is taken over by whom Roster makes of the address: they lose what the directory does not give, and nothing else.
  const hasHeir = () => owner !== undefined && givesTo(cache, owner, spec.organization)
  if (going && (spec.losing || spec.declared?.present) && !hasHeir()) return going
  return owner ?? going ?? [...claimed, ...addressed][0]
}

/** The declared User who the entry of a directory is by now that a membership stands on. */
const declaredBy = (cache: Cache, { declared }: Membership['spec']): User | undefined => {
  const stands = declared?.present ? declared.directory : undefined
  const record = stands && foundRecord(cache, stands.name, stands.id)
  const recognition = record && personOf(cache, record)
  return recognition?.is === 'declared' ? recognition.user : undefined
}

/** Whether somebody who is declared and stays has a name. */
const isBorne = (cache: Cache, name: string): boolean => {
  const bearer = cache.get('User', name)
  return bearer !== undefined && !isDeleting(bearer) && !isGenerated(bearer)
}
