import { labelText, plainLine } from '../plain.ts'
import type { Catalogue } from './catalogue.ts'
import type { Block, Letter } from './letter.ts'
import type { RemovalsHeldMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** So many people are named; the command line tells of all. */
const SHOWN = 20

/** To an admin: an edit takes something from people, and waits until somebody approves it. */
export function heldLetter(data: RemovalsHeldMail, write: Writer): Letter {
  const { words, company, organization } = write
  const say = words.held
  const shown = data.losses.slice(0, SHOWN)
  const rest = data.people - shown.length
  const list: Block = {
    is: 'list',
    title: say.list,
    items: [
      ...shown.map(loss => ({ title: plainLine(loss.name, 254), text: lossText(loss, say) })),
      ...(rest > 0 ? [{ title: say.more(rest) }] : []),
    ],
  }
  return write.letter(
    {
      subject: say.subject(organization, data.people),
      preview: say.lead(company, data.people),
      heading: say.heading(data.people),
      blocks: [
        { is: 'paragraph', text: say.lead(company, data.people) },
        ...(data.reason === undefined ? [] : [{ is: 'paragraph' as const, text: say.why[data.reason] }]),
        write.facts([
          { label: words.label.organization, value: company },
          { label: say.producer, value: data.producer === undefined ? say.byHand : plainLine(data.producer, 300) },
          { label: say.people, value: String(data.people) },
          { label: say.since, value: write.time(data.time) },
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

function lossText(
  { membership, suspended, roles, groups }: RemovalsHeldMail['losses'][number],
  say: Catalogue['held'],
): string {
  const named = [
    ...(roles.length > 0 ? [say.roles(roles.map(role => labelText(role)).join(', '))] : []),
    ...(groups.length > 0 ? [say.groups(groups.map(group => labelText(group)).join(', '))] : []),
  ]
  const parts = [...(membership ? [say.membership] : []), ...(suspended ? [say.suspended] : []), ...named]
  return parts.length > 0 ? parts.join('; ') : say.other
}
