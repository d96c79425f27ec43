import Type, { type Static } from 'typebox'
import type { Resource } from './resource.ts'
import {
  choice,
  conditions,
  immutable,
  type KindDefinition,
  object,
  observedGeneration,
  optional,
  reference,
  text,
  time,
  unset,
} from './schema.ts'

const spec = object('Leave for exactly one thing that is held. It cannot be changed, and is used once.', {
  organization: optional(
    reference(
      'Organization',
      'Whose removals. They are held for one organization each. Left out where a rewritten history of a Source, or a restored realm, is released.',
    ),
    'off',
  ),
  releases: Type.String({
    description:
      'Hash of what is held, as `roster approve`, `roster get removalsets -o wide` and `status.rewritten` of a Source show it.',
    pattern: '^sha256:[0-9a-f]{64}$',
    maxLength: 71,
  }),
  reason: text('Why, for the audit trail.', 500),
  expirationTime: time('Until when it may be used: at most 7 days after it is made.'),
})

const status = object('Whether it was used.', {
  state: unset(
    choice(
      '`Waiting`: nothing with this hash is held. `Used`: it has released something. `Refused`: it can release nothing, `Ready` says why. `Expired`: it was not used in time.',
      ['Waiting', 'Used', 'Refused', 'Expired'],
    ),
  ),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type ApprovalSpec = Static<typeof spec>
export type ApprovalStatus = Static<typeof status>
export type Approval = Resource<'Approval', ApprovalSpec, ApprovalStatus>

export const approval: KindDefinition = {
  kind: 'Approval',
  plural: 'approvals',
  singular: 'approval',
  shortNames: [],
  description:
    'Releases exactly one thing that is held, by its hash: a set of removals, a rewritten history, or what a restored realm would do.',
  record: false,
  spec,
  status,
  columns: [
    { name: 'Organization', type: 'string', jsonPath: '.spec.organization', description: 'Whose removals.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'Whether it was used.' },
    { name: 'Reason', type: 'string', jsonPath: '.spec.reason', description: 'Why it was given.' },
    { name: 'Expires', type: 'string', jsonPath: '.spec.expirationTime', description: 'Until when it may be used.' },
  ],
  rules: [
    {
      rule: 'has(self.spec.organization) == has(oldSelf.spec.organization) && (!has(self.spec.organization) || self.spec.organization == oldSelf.spec.organization)',
      message: 'organization cannot be changed; make a new resource instead',
      fieldPath: '.spec.organization',
    },
    ...immutable('releases', 'reason', 'expirationTime'),
  ],
  maxNameLength: 253,
  example: `apiVersion: roster.dev/v1alpha1
kind: Approval
metadata: {name: yearly-clean-up}
spec:
  organization: acme
  releases: sha256:9f2c1f6f0c3b7d6a5e4f3c2b1a0918273645546372819a0b1c2d3e4f5a6b7c8d
  reason: Yearly clean-up, ticket 4711
  expirationTime: 2026-11-30T00:00:00Z
`,
}
