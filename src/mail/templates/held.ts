import type { HeldRemovals } from '../../ports/composer.ts'
import { labelText, plainLine } from '../plain.ts'
import type { Catalogue } from './catalogue.ts'
import type { Letter } from './letter.ts'
import type { RemovalsHeldMail } from './mails.ts'
import { waitingLetter } from './waiting.ts'
import type { Writer } from './writer.ts'

/** To an admin: an edit takes something from people, and waits until somebody approves it. */
export function heldLetter(data: RemovalsHeldMail, write: Writer): Letter {
  const say = write.words.held
  const { reason, losses } = data.held
  const why = reason && say.why[reason]
  const concerned = losses.map(loss => ({ title: plainLine(loss.name, 254), text: lossText(loss, say) }))
  return waitingLetter(data, write, { say, why, concerned })
}

function lossText(
  { membership, suspended, roles, groups }: HeldRemovals['losses'][number],
  say: Catalogue['held'],
): string {
  const named = [
    ...(roles.length > 0 ? [say.roles(roles.map(role => labelText(role)).join(', '))] : []),
    ...(groups.length > 0 ? [say.groups(groups.map(group => labelText(group)).join(', '))] : []),
  ]
  const parts = [...(membership ? [say.membership] : []), ...(suspended ? [say.suspended] : []), ...named]
  return parts.length > 0 ? parts.join('; ') : say.other
}
