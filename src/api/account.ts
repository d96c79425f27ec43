import Type, { type Static } from 'typebox'
import type { Resource } from './resource.ts'
import { address, choice, type KindDefinition, locale, NAME_PATTERN, object, time, unset } from './schema.ts'

const spec = object('One address of somebody who can sign in.', {
  address: address('The address, normalized.'),
  proven: unset(
    object(
      'When it was shown that the person reads mail sent there. Without it nobody can sign in with this address.',
      { time: time('When.'), how: choice('By what.', ['Link', 'SignInLink']) },
    ),
  ),
  sameAs: unset(
    Type.String({
      description: 'The Account whose credentials count, where this is a further address of the same person.',
      maxLength: 253,
      pattern: NAME_PATTERN,
    }),
  ),
  language: unset(locale('Language chosen on a page.')),
  credentialVersion: Type.Integer({
    description: 'Grows when credentials change; sessions of an older one are dead.',
    minimum: 0,
  }),
  closed: unset(time('When the account was closed.')),
})

export type AccountSpec = Static<typeof spec>
export type Account = Resource<'Account', AccountSpec, never>

export const account: KindDefinition = {
  kind: 'Account',
  plural: 'accounts',
  singular: 'account',
  shortNames: [],
  description: 'Record: one address of somebody who can sign in. Credentials are not in it.',
  record: true,
  spec,
  columns: [
    { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'The address.' },
    { name: 'Proven', type: 'string', jsonPath: '.spec.proven.time', description: 'Since when it is proven.' },
  ],
  rules: [],
  maxNameLength: 253,
  example: '',
}
