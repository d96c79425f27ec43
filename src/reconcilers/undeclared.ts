import type { DirectoryRecord } from '../api/directoryrecord.ts'
import type { Membership } from '../api/membership.ts'
import { LABELS, MANAGED_BY } from '../api/names.ts'
import type { User, UserSpec } from '../api/user.ts'
import { languageOf } from '../decide/found.ts'
import { isJoined } from '../decide/membership.ts'
import { addressFor, isClaim, organizationOf } from './bearers.ts'
import type { World } from './context.ts'
import { recordsNeeding } from './imports.ts'
import { keeperOf } from './keeper.ts'
import { isDeleting, isGenerated, requestsOf } from './people.ts'

/**
 * The User of somebody whom nobody declares: there as long as somebody invites that address, a directory that imports has it, or it belongs somewhere; gone as soon as a declared User has it.
 * @param user as it is now: made by Roster, or not there
 * @returns whether it stays, so that its memberships are to be looked after
 */
export const reconcileUndeclared = async (world: World, name: string, user: User | undefined): Promise<boolean> => {
  if (user && isDeleting(user)) return true
  const [found] = recordsNeeding(world.cache, name, user, world.clock.now())
  const needing = world.cache
    .by('Membership', 'generatedUser', name)
    .filter(membership => needsPerson(world, name, membership))
  if (user) {
    const { uid } = user.metadata
    if (found) {
      // What another organization only claims of somebody who belongs elsewhere changes nothing of them.
      if (isClaim(world.cache, found) && user.status?.memberships?.length) return true
      const said = specOf(found)
      const spec = { ...said, email: said.email === '' ? user.spec.email : addressFor(world.cache, user, said.email) }
      if (isSame(user.spec, spec)) return true
      const what = { actor: 'controller', because: placeOf(found) }
      await world.effects.updateGenerated(userOf(name, spec, 'Directory'), { ifUid: uid }, what)
      return false
    }
    if (needing.length > 0) return true
    const because = 'no membership of this address is left, or a declared User has it'
    await world.effects.removeGenerated({ kind: 'User', name, uid }, { actor: 'controller', because })
    return false
  }
  const [first] = needing
  if (found) {
    const organization = organizationOf(world.cache, found)
    await world.effects.createGenerated(userOf(name, specOf(found), 'Directory'), {
      actor: 'controller',
      because: placeOf(found),
      ...(organization !== undefined && { organization }),
    })
    return false
  }
  if (!first) return false
  const [request] = requestsOf(world.cache, first.spec.organization, first.spec.address)
  const because = request ? `Invitation/${request.metadata.name}` : `Membership/${first.metadata.name}`
  const { givenName, locale } = request?.spec ?? {}
  const spec = {
    email: request?.spec.email ?? first.spec.address,
    ...(givenName !== undefined && { givenName }),
    ...(locale !== undefined && { locale }),
  }
  const what = { actor: 'controller', because, organization: first.spec.organization }
  await world.effects.createGenerated(userOf(name, spec, 'Membership'), what)
  return false
}

const userOf = (name: string, spec: UserSpec, generated: 'Membership' | 'Directory') => ({
  kind: 'User' as const,
  metadata: { name, labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.generated]: generated } },
  spec,
})

const placeOf = ({ spec }: DirectoryRecord): string => `Directory/${spec.directory}`

/** What a directory says of somebody, as a User says it. */
const specOf = ({ spec: { user } }: DirectoryRecord): UserSpec => {
  const { email = '', givenName, familyName, displayName, locale } = user ?? {}
  const language = locale === undefined ? undefined : languageOf(locale)
  return {
    email,
    ...(givenName !== undefined && { givenName }),
    ...(familyName !== undefined && { familyName }),
    ...(displayName !== undefined && { displayName }),
    ...(language !== undefined && { locale: language }),
  }
}

const FIELDS = ['email', 'givenName', 'familyName', 'displayName', 'locale'] as const
const isSame = (is: UserSpec, wanted: UserSpec): boolean => FIELDS.every(field => is[field] === wanted[field])

/** Whether something of this Membership is alive and no other User stands for it. */
const needsPerson = (world: World, name: string, membership: Membership): boolean => {
  const { spec } = membership
  const keeper = keeperOf(world.cache, membership)
  // Whoever goes still ends what is declared for them, which may take until an Approval.
  if (keeper && !isGenerated(keeper) && (!isDeleting(keeper) || spec.losing || spec.declared?.present)) return false
  // Made of an address that the person had before.
  if (keeper && isGenerated(keeper) && !isDeleting(keeper) && keeper.metadata.name !== name) return false
  return isJoined(spec) || requestsOf(world.cache, spec.organization, spec.address).some(one => !isGenerated(one))
}
