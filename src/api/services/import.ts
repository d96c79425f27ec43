import type { Static } from 'typebox'
import { block, choice, duration, expression, list, optional, reference } from '../schema.ts'

const mapped = (description: string) =>
  optional(expression(`${description} An expression whose value is a text.`), 'off')

/** What a Directory of `policy: Import` gives the people whom it tells of. */
export const imported = block(
  'What the people of the directory get in its organization. They are given it by being there, and lose it by being gone; what is declared or granted elsewhere stays.',
  {
    join: choice('How found people join. `Invitation`: they are mailed. `None`: known and licensed, no portal.', [
      'Invitation',
      'None',
    ]),
    roles: optional(list(reference('Role', ''), 100, 'Roles that each of them gets.'), 'off'),
    mayGrant: optional(
      block('What groups of the directory may carry here (`Group.importFrom`).', {
        roles: list(reference('Role', ''), 100, 'Roles that their members may get by them.'),
      }),
      'off',
    ),
    filter: optional(
      expression(
        'Only people for whom this is true: `user.active && user.email.endsWith("@acme.example")`. Where it fails for somebody, it stays as it was for them.',
      ),
      'off',
    ),
    mapping: optional(
      block(
        'Values that are made of what the directory says, in place of those that it says. Where one fails for somebody, the value before stays.',
        {
          email: mapped('Address.'),
          givenName: mapped('Given name.'),
          familyName: mapped('Family name.'),
          displayName: mapped('Full name.'),
          locale: mapped('Language.'),
        },
      ),
      'off',
    ),
    onRemoved: optional(
      choice(
        'What becomes of somebody who is no longer there by a complete read, or for whom `filter` is no longer true. `Suspend`: suspended in the organization, and ended after `removeAfter`. `Remove`: ended. `Keep`: nothing.',
        ['Suspend', 'Remove', 'Keep'],
      ),
      { fixed: 'Suspend' },
    ),
    removeAfter: optional(duration('How long somebody who is gone stays suspended before their membership ends.'), {
      fixed: '720h',
    }),
  },
)

export type ImportSettings = Static<typeof imported>
