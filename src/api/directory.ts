import type { Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  choice,
  conditions,
  duration,
  immutable,
  integer,
  type KindDefinition,
  list,
  object,
  observedGeneration,
  optional,
  reference,
  text,
  time,
  unset,
} from './schema.ts'
import { file } from './services/file.ts'
import { github } from './services/github.ts'
import { imported } from './services/import.ts'
import { keycloak } from './services/keycloak.ts'
import { ldap } from './services/ldap.ts'
import { requests } from './services/requests.ts'
import { scim } from './services/scim.ts'

const count = (description: string) => integer(description, 0, 10_000_000)

const spec = object(
  'Who is connected, and what for.',
  {
    organization: reference('Organization', 'Whose people they are.'),
    type: choice('Which service: the block beside it has the same name.', [
      'File',
      'LDAP',
      'SCIM',
      'Keycloak',
      'GitHub',
    ]),
    file: optional(file, 'off'),
    ldap: optional(ldap, 'off'),
    scim: optional(scim, 'off'),
    keycloak: optional(keycloak, 'off'),
    github: optional(github, 'off'),
    requests: optional(requests, { fixed: '4 at once' }),
    policy: choice(
      '`Observe`: everything is read and written down, nobody is given or loses anything. `Import`: the people there belong to the organization.',
      ['Observe', 'Import'],
    ),
    import: optional(imported, 'off'),
    interval: optional(duration('How often everything is read anew; 24 hours at most, a minute at least.'), {
      fixed: '24h',
    }),
  },
  [
    {
      rule: "has(self.file) == (self.type == 'File') && has(self.ldap) == (self.type == 'LDAP') && has(self.scim) == (self.type == 'SCIM') && has(self.keycloak) == (self.type == 'Keycloak') && has(self.github) == (self.type == 'GitHub')",
      message: 'the one block that belongs to the type is needed, and no other',
      fieldPath: '.type',
    },
    {
      rule: "!has(self.requests) || self.type in ['SCIM', 'Keycloak', 'GitHub']",
      message: 'is for services that are asked over HTTP',
      fieldPath: '.requests',
    },
    {
      rule: "has(self.import) == (self.policy == 'Import')",
      message: 'import and `policy: Import` belong together',
      fieldPath: '.policy',
    },
    {
      rule: "!has(self.interval) || (duration(self.interval) >= duration('1m') && duration(self.interval) <= duration('24h'))",
      message: 'must be between 1m and 24h',
      fieldPath: '.interval',
    },
  ],
)

const status = object('What was read last.', {
  lastSync: unset(
    object('The last read that was told of.', {
      outcome: choice(
        '`Complete`: everything was read. `Partial`: what came is true, and who did not come may be there all the same. `Failed`: nothing came.',
        ['Complete', 'Partial', 'Failed'],
      ),
      users: count('People who were read.'),
      groups: count('Groups that were read.'),
      created: count('People and groups seen for the first time, or again.'),
      updated: count('Of whom something else is said than before.'),
      removed: count('Who are no longer there.'),
      unusable: count('Entries that cannot be taken as they are: without a usable id, name or address.'),
      requests: count('Requests to the service.'),
      endTime: time('When it ended; written with what changed, else hourly.'),
    }),
  ),
  reading: unset(
    object('A read that somebody asked for, while it goes on.', {
      startTime: time('When it began.'),
      users: count('People who were read until now.'),
      groups: count('Groups that were read until now.'),
    }),
  ),
  request: unset(text('The `roster.dev/requestedAt` that was answered last.', 300)),
  people: unset(
    object('Who the people there are, by what the last read said.', {
      declared: count('Whose address is one of a declared User.'),
      suspected: unset(count('Who look like somebody declared, and nobody has decided yet: `roster duplicates`.')),
      unknown: count('In the domains of the organization, and nobody declares them.'),
      external: count('With an address outside of those domains, and nobody declares them.'),
      withoutAddress: count('Without a usable address.'),
      disabled: count('Whose account is disabled there; they are counted above too.'),
      invited: unset(count('Who were invited there and have not joined; they are counted above too.')),
      imported: unset(count('Whom the directory gives a membership; they are counted above too.')),
    }),
  ),
  importedGroups: unset(
    list(text('', 255), 2000, 'Names of the groups there that were looked for, because a Group imports them.'),
  ),
  lastCompleteTime: unset(time('When everything was last read; written with what changed, else hourly.')),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type DirectorySpec = Static<typeof spec>
export type DirectoryStatus = Static<typeof status>
export type Directory = Resource<'Directory', DirectorySpec, DirectoryStatus>

export const directory: KindDefinition = {
  kind: 'Directory',
  plural: 'directories',
  singular: 'directory',
  shortNames: ['dir'],
  description: 'A connected service that people and groups are read from.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Whose people they are.' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Which service.' },
    { name: 'Policy', type: 'string', jsonPath: '.spec.policy', description: 'What for.' },
    { name: 'Users', type: 'integer', jsonPath: '.status.lastSync.users', description: 'People there.' },
    { name: 'Groups', type: 'integer', jsonPath: '.status.lastSync.groups', description: 'Groups there.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
  ],
  rules: [
    ...immutable('organization', 'type'),
    {
      rule: '!has(self.spec.ldap) || !has(oldSelf.spec.ldap) || self.spec.ldap.url == oldSelf.spec.ldap.url',
      message:
        'the server of a directory cannot be changed: who is who in it would be lost; make a new resource instead',
      fieldPath: '.spec.ldap.url',
    },
    {
      rule: '!has(self.spec.keycloak) || !has(oldSelf.spec.keycloak) || (self.spec.keycloak.url == oldSelf.spec.keycloak.url && self.spec.keycloak.realm == oldSelf.spec.keycloak.realm && has(self.spec.keycloak.organization) == has(oldSelf.spec.keycloak.organization) && (!has(self.spec.keycloak.organization) || self.spec.keycloak.organization == oldSelf.spec.keycloak.organization))',
      message:
        'url, realm and organization of a directory cannot be changed: who is who in it would be lost; make a new resource instead',
      fieldPath: '.spec.keycloak.url',
    },
    {
      rule: '!has(self.spec.github) || !has(oldSelf.spec.github) || (self.spec.github.organization == oldSelf.spec.github.organization && has(self.spec.github.url) == has(oldSelf.spec.github.url) && (!has(self.spec.github.url) || self.spec.github.url == oldSelf.spec.github.url))',
      message:
        'the organization of a directory, and where it is, cannot be changed: who is who in it would be lost; make a new resource instead',
      fieldPath: '.spec.github',
    },
    {
      rule: '!has(self.spec.scim) || !has(oldSelf.spec.scim) || self.spec.scim.url == oldSelf.spec.scim.url',
      message:
        'the service of a directory cannot be changed: who is who in it would be lost; make a new resource instead',
      fieldPath: '.spec.scim.url',
    },
  ],
  maxNameLength: 50,
  example: `apiVersion: roster.dev/v1alpha1
kind: Directory
metadata: {name: hr}
spec:
  organization: acme
  type: File
  file:
    path: people.csv
    columns: {id: number, email: mail, givenName: first, familyName: last, groups: teams}
  policy: Observe
  interval: 1h
`,
}
