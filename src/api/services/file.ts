import type { Static } from 'typebox'
import { block, choice, list, optional, text } from '../schema.ts'

const column = (description: string) => text(`${description} Heading of the column, or key of the entry.`, 200)

/** What a Directory of `type: File` reads. */
export const file = block(
  'An export of people in a file on the machine of the controller, beneath the folder that its setting `--directory-files` names.',
  {
    path: text('Beneath that folder: `hr/people.csv`.', 1024, { pattern: '^[^/\\\\\\x00-\\x1f][^\\\\\\x00-\\x1f]*$' }),
    format: optional(
      choice('How it is written. `JSON` and `YAML`: a list of objects, of 64 MiB at most.', ['CSV', 'JSON', 'YAML']),
      { fixed: 'by the ending of the path' },
    ),
    columns: block('Where each value stands.', {
      id: column('What names a person for good: the number of the employee, never a login or an address.'),
      email: optional(column('Address.'), 'off'),
      login: optional(column('Login.'), 'off'),
      givenName: optional(column('Given name.'), 'off'),
      familyName: optional(column('Family name.'), 'off'),
      displayName: optional(column('Full name.'), 'off'),
      locale: optional(column('Language.'), 'off'),
      groups: optional(column('Names of the groups that the person is in, separated by `;`, or a list.'), 'off'),
      active: optional(column('What says whether the account is in use.'), 'off'),
    }),
    activeValues: optional(
      list(
        text('A value.', 100),
        20,
        'Values of the column `active` with which an account is in use; every other one is disabled.',
      ),
      { fixed: 'true, yes, 1 and active, in any case of letters' },
    ),
  },
)

export type FileDirectory = Static<typeof file>
