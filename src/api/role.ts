import Type, { type Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  choice,
  conditions,
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

/** One permission, or several: `area:verb`, `area:*`, `*:*`. */
export const permission = () =>
  Type.String({
    description: '`area:verb`; `*` for every verb of an area, `*:*` for everything.',
    maxLength: 100,
    pattern: '^(\\*:\\*|[a-z][A-Za-z0-9.-]*:(\\*|[a-z][A-Za-z0-9.-]*))$',
  })

const spec = object('What its holders may do.', {
  organization: reference(
    'Organization',
    'Where the role belongs. It may be given there and in every organization below.',
  ),
  displayName: optional(text('How people see it.', 100), { fixed: 'metadata.name' }),
  description: optional(text('What it is for, shown to its holders.', 500), 'off'),
  allow: optional(list(permission(), 500, 'Permissions.'), 'off'),
  deny: optional(list(permission(), 500, 'Permissions that its holders lose, from whichever role they came.'), 'off'),
  scope: optional(
    choice('`Organization`: holds where the membership is. `Descendants`: there and in all organizations below.', [
      'Organization',
      'Descendants',
    ]),
    { fixed: 'Organization' },
  ),
})

const status = object('Who holds it.', {
  holders: unset(integer('People who hold it.', 0, 10_000_000)),
  openInvitations: unset(integer('Open invitations that carry it.', 0, 10_000_000)),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type RoleSpec = Static<typeof spec>
export type RoleStatus = Static<typeof status>
export type Role = Resource<'Role', RoleSpec, RoleStatus>

export const role: KindDefinition = {
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  shortNames: [],
  description: 'A named set of permissions. Deny beats allow.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Where it belongs.' },
    { name: 'Holders', type: 'integer', jsonPath: '.status.holders', description: 'People who hold it.' },
    {
      name: 'Open invitations',
      type: 'integer',
      jsonPath: '.status.openInvitations',
      description: 'Open invitations that carry it.',
    },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
  ],
  rules: immutable('organization'),
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: editor}
spec: {organization: acme, displayName: Editor, description: Writes documents, allow: ["documents:*", "users:read"]}
`,
}
