import { plainLine } from '../plain.ts'
import type { Block, Letter } from './letter.ts'
import type { InvitationsHeldMail, RemovalsHeldMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** So many people are named; the command line tells of all. */
const SHOWN = 20

/** The words in which sets of one sort differ from those of another. */
interface WaitingWords {
  subject: (organization: string, people: number) => string
  heading: (people: number) => string
  lead: (company: string, people: number) => string
  producer: string
  byHand: string
  people: string
  list: string
  wrong: string
  right: string
}

/**
 * To an admin: something is held until somebody approves it.
 * @param of.why why it is held; absent where nobody noted it
 * @param of.concerned who is concerned, as a line each
 */
export function waitingLetter(
  { organizationName, address, held }: RemovalsHeldMail | InvitationsHeldMail,
  write: Writer,
  of: { say: WaitingWords; why: string | undefined; concerned: readonly { title: string; text?: string }[] },
): Letter {
  const { words, company, organization } = write
  const { say, why } = of
  const shown = of.concerned.slice(0, SHOWN)
  const rest = held.people - shown.length
  const list: Block = {
    is: 'list',
    title: say.list,
    items: [...shown, ...(rest > 0 ? [{ title: words.held.more(rest) }] : [])],
  }
  return write.letter(
    {
      subject: say.subject(organization, held.people),
      preview: say.lead(company, held.people),
      heading: say.heading(held.people),
      blocks: [
        { is: 'paragraph', text: say.lead(company, held.people) },
        ...(why === undefined ? [] : [{ is: 'paragraph' as const, text: why }]),
        write.facts([
          { label: words.label.organization, value: company },
          { label: say.producer, value: held.producer === undefined ? say.byHand : plainLine(held.producer, 300) },
          { label: say.people, value: String(held.people) },
          { label: words.held.since, value: write.time(held.time) },
          { label: words.label.resource, value: plainLine(held.resource, 300) },
        ]),
        ...(shown.length > 0 ? [list] : []),
        { is: 'paragraph', text: say.wrong },
        { is: 'paragraph', text: say.right },
        { is: 'codes', codes: [`roster approve ${plainLine(organizationName, 253)} --reason "…" --apply`] },
      ],
    },
    { address: plainLine(address, 254), admin: true },
  )
}
