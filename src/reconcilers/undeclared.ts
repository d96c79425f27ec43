import type { Membership } from '../api/membership.ts'
import { LABELS, MANAGED_BY } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { isJoined } from '../decide/membership.ts'
import type { World } from './context.ts'
import { isDeleting, isGenerated, keeperOf, requestsOf } from './people.ts'

/**
 * The User of an address that nobody declares: there as long as somebody invites that address or it belongs somewhere, gone as soon as a declared User has it.
 * @param user as it is now: made by Roster, or not there
 * @returns whether it stays, so that its memberships are to be looked after
 */
export const reconcileUndeclared = async (world: World, name: string, user: User | undefined): Promise<boolean> => {
  const needing = world.cache
    .by('Membership', 'generatedUser', name)
    .filter(membership => needsPerson(world, membership))
  if (user) {
    if (isDeleting(user)) return true
    if (needing.length > 0) return true
    const { uid } = user.metadata
    const because = 'no membership of this address is left, or a declared User has it'
    await world.effects.removeGenerated({ kind: 'User', name, uid }, { actor: 'controller', because })
    return false
  }
  const [first] = needing
  if (!first) return false
  const [request] = requestsOf(world.cache, first.spec.organization, first.spec.address)
  const because = request ? `Invitation/${request.metadata.name}` : `Membership/${first.metadata.name}`
  const { givenName, locale } = request?.spec ?? {}
  await world.effects.createGenerated(
    {
      kind: 'User',
      metadata: { name, labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.generated]: 'Membership' } },
      spec: {
        email: request?.spec.email ?? first.spec.address,
        ...(givenName !== undefined && { givenName }),
        ...(locale !== undefined && { locale }),
      },
    },
    { actor: 'controller', because, organization: first.spec.organization },
  )
  return false
}

/** Whether something of this Membership is alive and no declared User stands for it. */
const needsPerson = (world: World, membership: Membership): boolean => {
  const { spec } = membership
  const keeper = keeperOf(world.cache, membership)
  // Whoever goes still ends what is declared for them, which may take until an Approval.
  if (keeper && !isGenerated(keeper) && (!isDeleting(keeper) || spec.losing || spec.declared?.present)) return false
  return isJoined(spec) || requestsOf(world.cache, spec.organization, spec.address).some(one => !isGenerated(one))
}
