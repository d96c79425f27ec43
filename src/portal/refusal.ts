import type { LinkToken } from '../accounts/links.ts'
import { isConflict } from '../api/errors.ts'
import { timestamp } from '../ports/clock.ts'
import { actorOf, readInvitation } from './acceptance.ts'
import type { Parts } from './parts.ts'

const MOST_RACES = 20

/**
 * Declines an open invitation, and says so to its admins when it is reported as not asked for. Whoever reads the mail may do it: it gives nothing away.
 * @returns whether it is declined by this link, now or before
 */
export const decline = async (
  parts: Parts,
  answer: { token: LinkToken | undefined; reported: boolean },
): Promise<boolean> =>
  parts.inLine(`membership/${answer.token?.membership}`, async () => {
    const { store, audit, clock } = parts
    for (let races = 0; races < MOST_RACES; races++) {
      const invitation = await readInvitation(parts, answer.token)
      if (invitation.is === 'declined') return true
      if (invitation.is !== 'open' || invitation.purpose !== 'Invitation') return false
      const { membership, attempt } = invitation
      const declined = { time: timestamp(clock.now()), attempt, reported: answer.reported }
      const line = {
        actor: actorOf(membership, undefined),
        action: 'membership.decline',
        target: `Membership/${membership.metadata.name}`,
        organization: membership.spec.organization,
        key: `decline/${membership.metadata.name}/${attempt}`,
      }
      await audit.append({
        ...line,
        phase: 'intent',
        because: answer.reported
          ? 'declined and reported by the link of the invitation'
          : 'declined by the link of the invitation',
      })
      try {
        await store.replace(
          { kind: 'Membership', name: membership.metadata.name, spec: { ...membership.spec, declined } },
          { ifVersion: membership.metadata.resourceVersion },
        )
      } catch (error) {
        await audit.append({ ...line, phase: 'result', because: 'the record could not be written' })
        if (!isConflict(error)) throw error
        continue
      }
      await audit.append({ ...line, phase: 'result', after: { declined } })
      return true
    }
    throw new Error(`Membership/${answer.token?.membership} is written by others all the time`)
  })
