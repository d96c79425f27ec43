import type { Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  block,
  conditions,
  expression,
  immutable,
  integer,
  type KindDefinition,
  list,
  object,
  observedGeneration,
  optional,
  reference,
  text,
  unset,
} from './schema.ts'

const spec = object(
  'A set of users of one organization.',
  {
    organization: reference('Organization', 'Whose group it is.'),
    displayName: optional(text('How people see it.', 100), { fixed: 'metadata.name' }),
    members: optional(list(reference('User', ''), 5000, 'Users in the group.'), 'unmanaged'),
    groups: optional(
      list(reference('Group', ''), 500, 'Groups of the same organization whose members are members here too.'),
      'unmanaged',
    ),
    membersWhere: optional(
      expression(
        'Members of the organization for whom this is true are in the group: `user.labels.team == "platform"`.',
      ),
      'off',
    ),
    importFrom: optional(
      block(
        'The group is one of a Directory of this organization that imports: whoever is in it there, by themselves or by a group in it, is in it here. It has no other members.',
        {
          directory: reference('Directory', 'Which directory.'),
          name: text('Its name there.', 255),
        },
      ),
      'off',
    ),
    roles: optional(
      list(
        reference('Role', ''),
        100,
        'Roles that every member of the group gets in this organization. Whoever is in it by a Directory gets only those that its `import.mayGrant` names.',
      ),
      'unmanaged',
    ),
  },
  [
    {
      rule: '!has(self.importFrom) || !(has(self.members) || has(self.groups) || has(self.membersWhere))',
      message:
        'who is in a group that is imported is said by the directory; nest it in a group of your own to add others',
      fieldPath: '.importFrom',
    },
  ],
)

const status = object('Who is in it.', {
  members: unset(integer('Members, nested ones included.', 0, 10_000_000)),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type GroupSpec = Static<typeof spec>
export type GroupStatus = Static<typeof status>
export type Group = Resource<'Group', GroupSpec, GroupStatus>

export const group: KindDefinition = {
  kind: 'Group',
  plural: 'groups',
  singular: 'group',
  shortNames: ['grp'],
  description:
    'A set of users: listed, nested, or by an expression. A member without a membership in the organization gets nothing from it.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Whose group it is.' },
    { name: 'Members', type: 'integer', jsonPath: '.status.members', description: 'Members, nested ones included.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
  ],
  rules: immutable('organization'),
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: Group
metadata: {name: platform}
spec: {organization: acme, displayName: Platform, members: [alice], groups: [oncall], membersWhere: 'user.labels.team == "platform"', roles: [editor]}
`,
}
