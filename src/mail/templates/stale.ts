import { plainLine, unlinked } from '../plain.ts'
import type { Block, Letter } from './letter.ts'
import type { DirectoryStaleMail } from './mails.ts'
import type { Writer } from './writer.ts'

/** To an admin: a directory cannot be read for long; what follows from that, and what to do. */
export function staleLetter({ address, directory }: DirectoryStaleMail, write: Writer): Letter {
  const { words, company, organization } = write
  const say = words.stale
  const { label } = words
  const name = plainLine(directory.name, 253)
  const resource = plainLine(directory.resource, 300)
  const { since, problem, declaredAt } = directory
  const said: Block[] =
    problem === undefined ? [] : [{ is: 'quote', by: say.problem, text: unlinked(plainLine(problem, 300)) }]
  const argument = `directory/${name}`
  return write.letter(
    {
      subject: say.subject(organization, name),
      preview: say.lead(company, name),
      heading: say.heading(name),
      blocks: [
        { is: 'paragraph', text: say.lead(company, name) },
        write.facts([
          { label: label.organization, value: company },
          { label: say.directory, value: `${name} (${plainLine(directory.type, 60)})` },
          { label: say.since, value: since === undefined ? say.never : write.time(since) },
          { label: label.resource, value: resource },
          declaredAt === undefined ? undefined : { label: label.declaredAt, value: plainLine(declaredAt, 500) },
        ]),
        ...said,
        { is: 'paragraph', text: say.means },
        { is: 'paragraph', text: say.next },
        { is: 'codes', codes: [`roster check ${argument}`, `roster sync ${argument}`] },
      ],
    },
    { address: plainLine(address, 254), admin: true },
  )
}
