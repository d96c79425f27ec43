import { personText, plainLine } from '../plain.ts'
import { personOf } from './invitation.ts'
import { type Letter, webAddress } from './letter.ts'
import type { AccountCreatedMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** An account exists: where the password is set, until when, and where to sign in afterwards. */
export function accountLetter(data: AccountCreatedMail, write: Writer): Letter {
  const { words, company, organization, product } = write
  const say = words.accountCreated
  const address = plainLine(data.address, 254)
  const inviter = data.inviter === undefined ? undefined : personText(data.inviter) || undefined
  const until = write.time(data.validUntil)
  return write.letter(
    {
      subject: (data.renewed ? say.renewedSubject : say.subject)(organization, product),
      preview: `${words.label.validUntil}: ${until}`,
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
        { is: 'action', label: say.button, url: webAddress(data.link), hint: say.once },
        { is: 'links', title: say.later, links: [{ title: product, url: webAddress(data.signInUrl) }] },
        { is: 'paragraph', text: say.mistake },
      ],
    },
    { address, secret: true },
  )
}
