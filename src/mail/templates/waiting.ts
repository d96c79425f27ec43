import { plainLine } from '../plain.ts'
import type { Block, Letter } from './letter.ts'
import type { Writer } from './writer.ts'

/** So many people are named; the command line tells of all. */
const SHOWN = 20

/** What an admin reads about a set that waits for an Approval, whatever it is of. */
interface WaitingMail {
  /** Name of the Organization, for the command line. */
  organizationName: string
  address: string
  /** `source/people`; absent: edits by hand. */
  producer?: string
  people: number
  time: string
  resource: string
}

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
  data: WaitingMail,
  write: Writer,
  of: { say: WaitingWords; why: string | undefined; concerned: readonly { title: string; text?: string }[] },
): Letter {
  const { words, company, organization } = write
  const { say, why } = of
  const shown = of.concerned.slice(0, SHOWN)
  const rest = data.people - shown.length
  const list: Block = {
    is: 'list',
    title: say.list,
    items: [...shown, ...(rest > 0 ? [{ title: words.held.more(rest) }] : [])],
  }
  return write.letter(
    {
      subject: say.subject(organization, data.people),
      preview: say.lead(company, data.people),
      heading: say.heading(data.people),
      blocks: [
        { is: 'paragraph', text: say.lead(company, data.people) },
        ...(why === undefined ? [] : [{ is: 'paragraph' as const, text: why }]),
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
