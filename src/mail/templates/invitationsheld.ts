import { plainLine } from '../plain.ts'
import type { Letter } from './letter.ts'
import type { InvitationsHeldMail } from './mails.ts'
import { waitingLetter } from './waiting.ts'
import type { Writer } from './writer.ts'

/** To an admin: more is to be mailed than one inviter may send, and waits until somebody approves it. */
export function invitationsHeldLetter(data: InvitationsHeldMail, write: Writer): Letter {
  const say = write.words.invitationsHeld
  const concerned = data.held.invited.map(name => ({ title: plainLine(name, 254) }))
  return waitingLetter(data, write, { say, why: say.why, concerned })
}
