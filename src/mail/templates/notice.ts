import { personText, plainLine, unlinked } from '../plain.ts'
import type { Block, Letter } from './letter.ts'
import type { AdminNoticeMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** To an admin: an invitation failed, or nobody answered it; where it is declared, and what to do. */
export function noticeLetter(what: 'failed' | 'gaveUp', data: AdminNoticeMail, write: Writer): Letter {
  const { words, company, organization } = write
  const say = words[what]
  const { label } = words
  const invited = plainLine(data.invited.address, 254)
  const name = data.invited.name === undefined ? '' : personText(data.invited.name)
  const inviter = data.inviter === undefined ? '' : personText(data.inviter)
  const response = data.response === undefined ? '' : unlinked(plainLine(data.response, 200))
  const lead = what === 'failed' ? words.failed.lead(company) : words.gaveUp.lead(company, data.attempts)
  const answer: Block[] = response === '' ? [] : [{ is: 'quote', by: say.answer, text: response }]
  return write.letter(
    {
      subject: say.subject(organization),
      preview: lead,
      heading: say.heading,
      blocks: [
        { is: 'paragraph', text: lead },
        write.facts([
          { label: label.invited, value: name === '' ? invited : `${invited} (${name})` },
          { label: label.organization, value: company },
          { label: label.roles, value: write.roles(data.roles) },
          inviter === '' ? undefined : { label: label.inviter, value: inviter },
          { label: label.attempts, value: String(data.attempts) },
          { label: label.lastTry, value: write.time(data.time) },
          { label: label.resource, value: plainLine(data.resource, 300) },
          data.declaredAt === undefined
            ? undefined
            : { label: label.declaredAt, value: plainLine(data.declaredAt, 500) },
        ]),
        ...answer,
        { is: 'paragraph', text: say.next },
        { is: 'codes', codes: [`roster resend ${invited}`] },
      ],
    },
    { address: plainLine(data.address, 254), admin: true },
  )
}
