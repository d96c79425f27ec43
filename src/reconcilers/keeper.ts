import type { Membership } from '../api/membership.ts'
import type { User } from '../api/user.ts'
import { byAge } from '../decide/age.ts'
import { directoryRecordName } from '../decide/record-names.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { bearerOf, givesTo } from './imports.ts'
import { isDeleting, isGenerated, ownerOf } from './people.ts'

/**
 * The one User whose pass looks after a Membership; two that did would take turns in noting why it ends. In this order: the declared User of its address, the User that claimed it,
 * who names that one's name in `previousNames` where nobody else bears it by now, whoever goes and still has to end what was declared for them and no directory gives, the User that Roster made of the address, whoever goes.
 */
export const keeperOf = (cache: Cache, { spec }: Membership): User | undefined => {
  const owner = ownerOf(cache, spec.address)
  if (owner && !isGenerated(owner)) return owner
  const found = foundBearerOf(cache, spec)
  if (found && !isGenerated(found) && !isDeleting(found)) return found
  const { name, uid } = spec.user ?? {}
  const claimed = uid === undefined ? [] : cache.by('User', 'uid', uid)
  const heirs = name === undefined || isBorne(cache, name) ? [] : cache.by('User', 'previousName', name).toSorted(byAge)
  const staying = [...claimed, ...heirs].find(user => !isDeleting(user) && !isGenerated(user))
  if (staying) return staying
  const addressed = cache.by('User', 'address', spec.address).toSorted(byAge)
  const going = [...claimed, ...addressed].find(user => isDeleting(user) && !isGenerated(user))
  // What a directory gives too is taken over by whom Roster makes of the address: they lose what the directory does not give, and nothing else.
  const heir = owner && givesTo(cache, owner, spec.organization)
  if (going && !heir && (spec.losing || spec.declared?.present)) return going
  return owner ?? going ?? [...claimed, ...addressed][0]
}

/** Who the entry of a directory is by now that a membership stands on. */
const foundBearerOf = (cache: Cache, { declared }: Membership['spec']): User | undefined => {
  const { name, id } = (declared?.present && declared.directory) || {}
  const record =
    name !== undefined && id !== undefined && cache.get('DirectoryRecord', directoryRecordName(name, 'User', id))
  const bearer = record && bearerOf(cache, record)
  return bearer === undefined || bearer === false ? undefined : cache.get('User', bearer)
}

/** Whether somebody who is declared and stays has a name. */
const isBorne = (cache: Cache, name: string): boolean => {
  const bearer = cache.get('User', name)
  return bearer !== undefined && !isDeleting(bearer) && !isGenerated(bearer)
}
