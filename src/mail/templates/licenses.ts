import { labelText, plainLine } from '../plain.ts'
import { personOf } from './invitation.ts'
import { type Letter, linkable } from './letter.ts'
import type { LicenseKeysMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** Licence keys, each on a line of its own, unchanged. */
export function licensesLetter(data: LicenseKeysMail, write: Writer): Letter {
  const { words, company } = write
  const say = words.licenseKeys
  const address = plainLine(data.address, 254)
  const product = labelText(data.licenseProduct)
  const count = data.keys.length
  const home = linkable(data.homeUrl)
  return write.letter(
    {
      subject: say.subject(product, count),
      preview: say.heading(product, count),
      heading: say.heading(product, count),
      blocks: [
        ...write.opening(personOf(data.person), say.lead(company, product, count)),
        { is: 'codes', codes: data.keys.map(key => plainLine(key, 4_000)) },
        write.facts([
          { label: words.label.organization, value: company },
          { label: words.label.product, value: product },
          { label: words.label.address, value: address },
        ]),
        ...(home === undefined
          ? []
          : [{ is: 'action' as const, label: say.button(product), url: home, hint: say.hint }]),
        { is: 'paragraph', text: say.keep },
      ],
    },
    { address },
  )
}
