import { LABELS, MANAGED_BY } from '../api/names.ts'
import { generatedInvitationName, membershipName } from '../decide/record-names.ts'
import { isDeleting, isGenerated, requestsOf } from './people.ts'
import type { Place, PlaceResult } from './placepass.ts'
import { originAt, quiet } from './placepass.ts'

/** Keeps the Invitation of somebody who is declared and has not joined, and tells where that Invitation stands. */
export const ensureInvitation = async (place: Place): Promise<PlaceResult> => {
  const { world, user, organization, entry } = place
  const waiting = (message: string): PlaceResult => ({
    organization,
    state: 'Invited',
    roles: [],
    is: { is: 'reconciling', reason: 'Progressing', message },
  })
  if (entry) {
    const name = generatedInvitationName(user.metadata.name, organization)
    const { email, givenName, locale } = user.spec
    const roles = [...(entry.roles ?? [])].sort()
    const wanted = {
      kind: 'Invitation' as const,
      metadata: {
        name,
        labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.generated]: 'User', [LABELS.organization]: organization },
      },
      spec: {
        email,
        organization,
        ...(roles.length > 0 && { roles }),
        ...(givenName !== undefined && { givenName }),
        ...(locale !== undefined && { locale }),
      },
    }
    const found = world.cache.get('Invitation', name)
    if (!found) {
      const change = {
        action: 'create' as const,
        target: 'resource' as const,
        kind: 'Invitation',
        name,
        organization,
        because: originAt(place),
        fields: { email, user: user.metadata.name, ...(roles.length > 0 && { roles }) },
      }
      await world.effects.createGenerated(wanted, { ...quiet(place), changes: [change] })
      return waiting('the invitation is being made')
    }
    // Its end wakes us, and then it is made anew.
    if (isDeleting(found)) return waiting('the former invitation is being withdrawn')
    if (found.spec.email !== email || found.spec.organization !== organization) {
      await removeInvitation(place, `${originAt(place)} says ${email}`)
      return waiting('the invitation of the former address is being withdrawn')
    }
    if (JSON.stringify(canonical(found.spec)) !== JSON.stringify(canonical(wanted.spec)))
      await world.effects.updateGenerated(wanted, { ifUid: found.metadata.uid }, quiet(place))
  }

  const requests = requestsOf(world.cache, organization, user.spec.email)
  const main = requests.find(isGenerated) ?? requests[0]
  const ready = main?.status?.conditions?.find(condition => condition.type === 'Ready')
  if (!ready || !main) return waiting('the invitation is being made')
  const is =
    ready.status === 'True'
      ? 'ready'
      : main.status?.conditions?.some(one => one.type === 'Stalled')
        ? 'stalled'
        : 'reconciling'
  const { reason, message } = ready
  return { organization, state: 'Invited', roles: [], is: { is, reason, message } }
}

/** Removes the Invitation that was made for this person here, if there is one. */
export const removeInvitation = async (place: Place, because: string): Promise<void> => {
  const { world, user, organization } = place
  const name = generatedInvitationName(user.metadata.name, organization)
  const found = world.cache.get('Invitation', name)
  if (!found || isDeleting(found) || !isGenerated(found)) return
  const { uid } = found.metadata
  const joined = world.cache.get('Membership', membershipName(organization, found.spec.email))?.spec.joined
  const change = {
    action: 'delete' as const,
    target: 'resource' as const,
    kind: 'Invitation',
    name,
    organization,
    because,
    fields: { email: found.spec.email, user: user.metadata.name },
  }
  await world.effects.removeGenerated(
    { kind: 'Invitation', name, uid },
    { ...quiet(place), because, ...(joined === undefined && { changes: [change] }) },
  )
}

const canonical = (spec: object): unknown => Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1))
