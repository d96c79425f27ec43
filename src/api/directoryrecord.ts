import Type, { type Static } from 'typebox'
import { RELATIONS } from './found.ts'
import type { Resource } from './resource.ts'
import {
  address,
  choice,
  flag,
  integer,
  type KindDefinition,
  list,
  object,
  reference,
  text,
  time,
  unset,
} from './schema.ts'

const id = (description: string) => Type.String({ description, maxLength: 255, minLength: 1 })
const count = (description: string) => integer(description, 0, 10_000_000)

const user = object('What is said of a person.', {
  externalId: unset(text('The id that whoever fills the service has for the person.', 255)),
  login: unset(text('Login.', 255)),
  email: unset(address('Address, normalized.')),
  aliases: unset(list(address(''), 20, 'Further addresses, normalized and sorted.')),
  givenName: unset(text('Given name.', 100)),
  familyName: unset(text('Family name.', 100)),
  displayName: unset(text('Full name.', 200)),
  locale: unset(text('Language.', 20)),
  relation: unset(
    choice(
      'What they are there. `Invited`: asked to join, and has not answered yet. `InvitationFailed`: the invitation expired, or could not be sent.',
      [...RELATIONS],
    ),
  ),
  active: flag('Whether the account is in use there.'),
  problem: unset(text('What of it could not be taken, and why.', 300)),
})

const group = object('What is said of a group.', {
  name: text('Name.', 255),
  description: unset(text('Description.', 500)),
  users: count('People who are in it by themselves.'),
  groups: count('Groups that are in it.'),
  maintainers: unset(count('People in it who look after it there.')),
})

const spec = object('What one Directory last said of one person or group.', {
  directory: reference('Directory', 'Which directory.'),
  of: choice('Of what.', ['User', 'Group']),
  id: id('The id that the service has for it, for good.'),
  user: unset(user),
  group: unset(group),
  formerLogins: unset(
    list(
      text('', 255),
      10,
      'Logins that the person had there before, oldest first: nobody else becomes them by being given one.',
    ),
  ),
  mapping: unset(text('Digest of the `import.mapping` that made the values.', 16)),
  groups: unset(
    list(
      text('', 255),
      500,
      'Names of the groups there that the person is in, by themselves or by a group in one; only those that a Group imports.',
    ),
  ),
  firstSeenTime: time('When it was first read.'),
  missingTime: unset(time('Since when a complete read no longer has it.')),
})

export type DirectoryRecordSpec = Static<typeof spec>
export type RecordedUser = Static<typeof user>
export type RecordedGroup = Static<typeof group>
export type DirectoryRecord = Resource<'DirectoryRecord', DirectoryRecordSpec, never>

export const directoryRecord: KindDefinition = {
  kind: 'DirectoryRecord',
  plural: 'directoryrecords',
  singular: 'directoryrecord',
  shortNames: [],
  description: 'Record: what one Directory last said of one person or group.',
  record: true,
  spec,
  columns: [
    { name: 'Directory', type: 'string', jsonPath: '.spec.directory', description: 'Which directory.' },
    { name: 'Of', type: 'string', jsonPath: '.spec.of', description: 'Of what.' },
    { name: 'Email', type: 'string', jsonPath: '.spec.user.email', description: 'Address of a person.' },
    { name: 'Group', type: 'string', jsonPath: '.spec.group.name', description: 'Name of a group.' },
    { name: 'Missing', type: 'string', jsonPath: '.spec.missingTime', description: 'Since when it is gone.' },
    { name: 'Id', type: 'string', jsonPath: '.spec.id', description: 'The id there.', priority: 1 },
  ],
  rules: [],
  maxNameLength: 253,
  example: '',
}
