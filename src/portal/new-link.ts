import type { LinkToken } from '../accounts/links.ts'
import { INVITATION_LIMITS } from '../accounts/tries.ts'
import { isConflict } from '../api/errors.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { hasLeft } from '../decide/membership.ts'
import { PORTAL } from './acceptance.ts'
import { placeKey } from './lookups.ts'
import type { Parts } from './parts.ts'

/**
 * Asks for a new link for whoever holds one that was made here and no longer works. The mail only ever goes to the address on file, and the reconciler decides, with its
 * limits, whether it goes: this writes a request on the Invitations of that organization and address, nothing else. Tells nobody whether it did.
 *
 * A link that was not made here asks for nothing: names of records can be computed from an address, so a stranger could use up its limits and void the link it just got.
 */
export const requestNewLink = async (
  parts: Parts,
  { token, client }: { token: LinkToken | undefined; client: string },
): Promise<void> => {
  const { store, lookups, people, links, tries, clock, audit, random } = parts
  if (!(await tries.within(INVITATION_LIMITS.newLink, 'new-link', client)) || !token) return
  const membership = await store.get('Membership', token.membership)
  if (!membership || links.verify(token, membership.spec, clock.now()).is === 'foreign') return
  const { organization, address, joined, ended } = membership.spec
  if (joined || ended || hasLeft(membership.spec) || (await people.isSuspended(membership))) return
  if (!(await tries.within(INVITATION_LIMITS.newLinkEach, 'new-link', membership.metadata.name))) return
  const request = `portal-${random(12).toString('base64url')}`
  for (const { metadata } of lookups.by('Invitation', 'place', placeKey(organization, address))) {
    const invitation = await store.get('Invitation', metadata.name)
    if (!invitation || invitation.metadata.deletionTimestamp) continue
    await audit.append({
      phase: 'change',
      actor: 'link',
      action: 'invitation.requestNewLink',
      target: `Invitation/${metadata.name}`,
      organization,
      because: 'asked for on the page of a link that no longer works',
    })
    try {
      await store.annotate(
        { kind: 'Invitation', name: metadata.name },
        { [ANNOTATIONS.resendRequestedAt]: request },
        { manager: PORTAL, ifUid: invitation.metadata.uid },
      )
    } catch (error) {
      // It was deleted or made anew meanwhile; then this request is void as well.
      if (
        !isConflict(error) &&
        (await store.get('Invitation', metadata.name))?.metadata.uid === invitation.metadata.uid
      )
        throw error
    }
  }
}
