import Type, { type Static } from 'typebox'
import { DECLARED_KINDS } from './names.ts'
import { permission } from './role.ts'
import { block, choice, list, optional } from './schema.ts'

/** A name with `*` for any run of characters: `acme-*`. */
const namePattern = () => Type.String({ minLength: 1, maxLength: 253, pattern: '^[-a-z0-9.*]+$' })

/** What may be declared and given: the fields of `Source.spec.may` and of a rule of the policy file. */
export const grant = (description: string) =>
  block(description, {
    kinds: optional(list(choice('A kind.', [...DECLARED_KINDS]), 20, 'Kinds that may be declared.'), {
      fixed: 'all but Source and Approval',
    }),
    organizations: optional(
      list(
        namePattern(),
        1000,
        'Organizations in which anything may be declared; `*` stands for any run of characters. What a role of one of them gives below it (`scope: Descendants`) counts as given in it.',
      ),
      { fixed: 'all of them' },
    ),
    roles: optional(
      list(
        namePattern(),
        1000,
        'Roles that may be declared, and given: to a user, by a group to its members, by an invitation. `*` as above; `[]`: none.',
      ),
      { fixed: 'all of them' },
    ),
    permissions: optional(
      list(
        permission(),
        500,
        'Permissions that may be given, by whatever role. Who is kept from one by a `deny` can be let have it only where it stands here too. `[]`: none.',
      ),
      { fixed: 'all of them' },
    ),
  })

const shape = grant('')
/** What may be declared and given; an absent field bounds nothing, and `kinds` all but Source and Approval. */
export type Grant = Static<typeof shape>
