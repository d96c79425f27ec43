import { labelText, plainLine } from '../plain.ts'
import { personOf } from './invitation.ts'
import { type Block, type Letter, linkable, webAddress } from './letter.ts'
import type { WelcomeMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** Somebody joined: which roles and what they are for, licences, and where things are. */
export function welcomeLetter(data: WelcomeMail, write: Writer): Letter {
  const { words, company, organization, product } = write
  const say = words.welcome
  const address = plainLine(data.address, 254)
  const roles: Block =
    data.roles.length === 0
      ? { is: 'paragraph', text: say.restricted }
      : {
          is: 'list',
          title: say.roles,
          items: data.roles.map(({ name, description }) => ({
            title: labelText(name),
            ...(description === undefined ? {} : { text: labelText(description, 500) }),
          })),
        }
  const links = (data.links ?? []).flatMap(({ title, url }) =>
    linkable(url) === undefined ? [] : [{ title: labelText(title), url }],
  )
  return write.letter(
    {
      subject: say.subject(organization, product),
      preview: say.lead(company, product),
      heading: say.heading(product),
      blocks: [
        ...write.opening(personOf(data.person), say.lead(company, product)),
        roles,
        ...(data.licenses?.length
          ? [
              write.facts([
                { label: words.label.licenses, value: data.licenses.map(license => labelText(license)).join(', ') },
              ]),
            ]
          : []),
        {
          is: 'action',
          label: say.button(product),
          url: linkable(data.homeUrl) ?? webAddress(data.portalUrl),
          hint: say.hint(address),
        },
        {
          is: 'links',
          title: say.links,
          links: [{ title: say.portal, url: webAddress(data.portalUrl) }, ...links],
        },
      ],
    },
    { address },
  )
}
