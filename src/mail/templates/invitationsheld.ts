import { plainLine } from '../plain.ts'
import type { Block, Letter } from './letter.ts'
import type { InvitationsHeldMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** So many people are named; the command line tells of all. */
const SHOWN = 20

/** To an admin: more is to be mailed than one inviter may send, and waits until somebody approves it. */
export function invitationsHeldLetter(data: InvitationsHeldMail, write: Writer): Letter {
  const { words, company, organization } = write
  const say = words.invitationsHeld
  const shown = data.invited.slice(0, SHOWN)
  const rest = data.people - shown.length
  const list: Block = {
    is: 'list',
    title: say.list,
    items: [
      ...shown.map(name => ({ title: plainLine(name, 254) })),
      ...(rest > 0 ? [{ title: words.held.more(rest) }] : []),
    ],
  }
  return write.letter(
    {
      subject: say.subject(organization, data.people),
      preview: say.lead(company, data.people),
      heading: say.heading(data.people),
      blocks: [
        { is: 'paragraph', text: say.lead(company, data.people) },
        { is: 'paragraph', text: say.why },
        write.facts([
          { label: words.label.organization, value: company },
          { label: say.producer, value: data.producer === undefined ? say.byHand : plainLine(data.producer, 300) },
          { label: say.people, value: String(data.people) },
          { label: words.held.since, value: write.time(data.time) },
          { label: words.label.resource, value: plainLine(data.resource, 300) },
        ]),
        ...(shown.length > 0 ? [list] : []),
        { is: 'paragraph', text: say.wrong },
        { is: 'paragraph', text: say.right },
        { is: 'codes', codes: [`roster approve ${plainLine(data.organizationName, 253)} --reason "…" --apply`] },
      ],
    },
    { address: plainLine(data.address, 254), admin: true },
  )
}
