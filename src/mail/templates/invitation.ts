import { personText, plainLine, plainLines, unlinked } from '../plain.ts'
import { type Letter, webAddress } from './letter.ts'
import type { InvitationMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** Longest message of an inviter, in characters. */
const LONGEST_MESSAGE = 1_000

/** Who asks, for what, for which address, until when; what they wrote; one button; what happens if nothing is done, and how to say no. */
export function invitationLetter(data: InvitationMail, write: Writer): Letter {
  const { words, company, organization, product } = write
  const say = words.invitation
  const address = plainLine(data.address, 254)
  const inviter = data.inviter === undefined ? undefined : personText(data.inviter) || undefined
  const until = write.time(data.validUntil)
  const message = data.message === undefined ? '' : unlinked(plainLines(data.message, LONGEST_MESSAGE))
  return write.letter(
    {
      subject: (data.renewed ? say.renewedSubject : say.subject)(organization, product),
      preview: `${say.lead({ inviter: undefined, company, product })} ${words.label.validUntil}: ${until}`,
      heading: say.heading(product),
      blocks: [
        ...write.opening(personOf(data.person), say.lead({ inviter, company, product })),
        ...(data.renewed ? [{ is: 'paragraph' as const, text: say.renewed }] : []),
        write.facts([
          inviter === undefined ? undefined : { label: words.label.inviter, value: inviter },
          { label: words.label.organization, value: company },
          { label: words.label.product, value: product },
          { label: words.label.roles, value: write.roles(data.roles) },
          { label: words.label.address, value: address },
          { label: words.label.validUntil, value: until },
        ]),
        ...(message === '' ? [] : [{ is: 'quote' as const, by: say.quoted(inviter), text: message }]),
        { is: 'action', label: say.button, url: webAddress(data.link), hint: say.decide },
        { is: 'paragraph', text: say.ignore },
        { is: 'paragraph', text: say.decline },
      ],
    },
    { address, secret: true },
  )
}

/** How somebody is greeted; nothing where nothing readable is left of the name. */
export function personOf(name: string | undefined): string | undefined {
  return name === undefined ? undefined : personText(name) || undefined
}
