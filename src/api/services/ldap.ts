import type { Static } from 'typebox'
import { block, choice, integer, optional, secretRef, text } from '../schema.ts'

const distinguishedName = (description: string) => text(`${description} A distinguished name (RFC 4514).`, 1000)
const attribute = (description: string) =>
  text(`${description} Name of an attribute.`, 100, { pattern: '^[A-Za-z][-A-Za-z0-9;]*$' })
const filter = (description: string) =>
  text(`${description} A filter (RFC 4515).`, 2000, { pattern: '^\\([^\\x00-\\x1f]*\\)$' })

/** What a Directory of `type: LDAP` reads. */
export const ldap = block(
  'An LDAP server: OpenLDAP and its relatives, or Active Directory.',
  {
    url: text(
      '`ldaps://host` or `ldap://host`, which is upgraded by StartTLS before anything is sent. No credentials in it.',
      300,
      {
        pattern: '^ldaps?://[^/?#@\\s]+/?$',
      },
    ),
    dialect: optional(
      choice(
        'How the server speaks. `ActiveDirectory`: ids by objectGUID, disabled accounts by userAccountControl, members in ranges.',
        ['OpenLDAP', 'ActiveDirectory'],
      ),
      { fixed: 'OpenLDAP' },
    ),
    bindDn: optional(distinguishedName('Who reads. Left out: nobody in particular (anonymous).'), 'off'),
    passwordSecretRef: optional(secretRef('The password of `bindDn`.'), 'off'),
    caSecretRef: optional(secretRef('PEM of the authority that signed the certificate of the server.'), {
      fixed: 'the authorities that this computer trusts',
    }),
    users: block('Where people are.', {
      base: distinguishedName('Beneath which entry.'),
      filter: optional(filter('Which entries are people.'), {
        fixed: '(objectClass=inetOrgPerson); in Active Directory (&(objectCategory=person)(objectClass=user))',
      }),
      email: optional(attribute('Address.'), { fixed: 'mail' }),
      login: optional(attribute('Login.'), { fixed: 'uid; in Active Directory sAMAccountName' }),
      givenName: optional(attribute('Given name.'), { fixed: 'givenName' }),
      familyName: optional(attribute('Family name.'), { fixed: 'sn' }),
      displayName: optional(attribute('Full name.'), { fixed: 'displayName, else cn' }),
      locale: optional(attribute('Language.'), { fixed: 'preferredLanguage' }),
    }),
    groups: optional(
      block('Where groups are.', {
        base: distinguishedName('Beneath which entry.'),
        filter: optional(filter('Which entries are groups.'), {
          fixed:
            '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)); in Active Directory (objectClass=group)',
        }),
        name: optional(attribute('Name.'), { fixed: 'cn' }),
      }),
      'off',
    ),
    pageSize: optional(integer('Entries asked for at once.', 1, 10_000), { fixed: 500 }),
  },
  [
    {
      rule: 'has(self.bindDn) == has(self.passwordSecretRef)',
      message: 'bindDn and passwordSecretRef belong together',
      fieldPath: '.bindDn',
    },
  ],
)

export type LdapDirectory = Static<typeof ldap>
