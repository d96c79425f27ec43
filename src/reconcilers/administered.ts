import type { Membership } from '../api/membership.ts'
import { isAdmin, type Suspension, standingOf, suspensionOf } from '../decide/can.ts'
import { makesAdmin } from '../decide/loss.ts'
import { permissionsOf } from '../decide/permissions.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { adminsHereOrAbove, settingsFor, type World } from './context.ts'

/** Whether an active member, here or above, is an admin here; or somebody invited or declared is to be one. */
export const hasAdmin = (world: World, name: string): boolean => {
  const { cache, clock } = world
  const chain = settingsFor(world, name)?.settings.chain ?? [name]
  const now = clock.now()
  for (const admin of adminsHereOrAbove(cache, name, chain)) {
    const memberships = memberOf(cache, admin)
    if (isAdmin({ chain, memberships, suspended: suspensionIn(cache, admin.spec), now })) return true
  }
  return willHaveAdmin(world, name, chain)
}

const willHaveAdmin = (world: World, name: string, chain: readonly string[]): boolean => {
  const { cache, clock } = world
  const makeAdmin = (roles: readonly string[]) => {
    const specs = roles.flatMap(role => cache.get('Role', role)?.spec ?? [])
    return makesAdmin(permissionsOf(specs.filter(spec => chain.includes(spec.organization))))
  }
  const known = new Map<string, boolean>()
  const remembered = (roles: readonly string[]) => {
    const key = roles.join(' ')
    const answer = known.get(key) ?? makeAdmin(roles)
    known.set(key, answer)
    return answer
  }
  for (const { spec } of cache.by('Membership', 'organization', name)) {
    if (standingOf(spec, { suspended: false, now: clock.now() }) !== 'Invited') continue
    if (remembered([...(spec.declared?.roles ?? []), ...(spec.attempts.at(-1)?.roles ?? [])])) return true
  }
  for (const user of cache.by('User', 'organization', name)) {
    const entry = user.spec.memberships?.find(one => one.organization === name && one.state !== 'Ended')
    if (
      entry &&
      remembered(entry.roles ?? []) &&
      !cache.by('Membership', 'user', user.metadata.name).some(one => one.spec.organization === name)
    )
      return true
  }
  return false
}

/** All memberships of the person who has this one. */
const memberOf = (cache: Cache, { spec }: Membership): Membership['spec'][] =>
  spec.user ? cache.by('Membership', 'userUid', spec.user.uid).map(one => one.spec) : [spec]

/** Whether somebody is suspended, as it is declared. */
export const suspensionIn = (cache: Cache, { user }: Membership['spec']): Suspension =>
  suspensionOf(user && cache.get('User', user.name))
