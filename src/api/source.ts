import Type, { type Static } from 'typebox'
import { grant } from './grant.ts'
import type { Resource } from './resource.ts'
import {
  block,
  choice,
  conditions,
  duration,
  flag,
  integer,
  type KindDefinition,
  list,
  object,
  observedGeneration,
  optional,
  secretRef,
  text,
  time,
  unset,
} from './schema.ts'

const spec = object(
  'Exactly one of `git` and `folder`.',
  {
    git: optional(
      block(
        'A Git repository.',
        {
          url: text('`https://`, `http://`, `ssh://`, `git@host:path` or `file://`. No credentials in it.', 2048),
          ref: optional(text('Branch, tag or full commit id.', 255), { fixed: 'HEAD' }),
          path: optional(text('Folder inside the repository.', 1024), { fixed: '.' }),
          interval: optional(duration('How often the repository is asked for a new revision.'), { fixed: '1m' }),
          credentialsSecretRef: optional(
            secretRef('A token for https (sent as the password of user `git`), or a private key for ssh.'),
            'off',
          ),
          webhookSecretRef: optional(
            secretRef(
              'The secret of a webhook, which the Git server sends to `/hooks/git` of the portal after each push: the repository is asked at once. 16 characters at least.',
            ),
            'off',
          ),
          verify: optional(
            flag(
              'Accept only commits that are signed with one of the keys in the controller’s own file of signers (`--signers`). The commit that the ref leads to counts; what came before it is vouched for by its signature.',
            ),
            { fixed: false },
          ),
        },
        [
          {
            rule: "!self.url.matches('(?i)^https?://[^/]*@|^[a-z][a-z0-9+.-]*://[^/@]*:[^/]*@')",
            message:
              'the URL holds credentials: take them out, change them there, and name a secret in credentialsSecretRef',
            fieldPath: '.url',
          },
        ],
      ),
      'off',
    ),
    folder: optional(
      block('A folder on the machine of the controller; an edit takes effect within a second.', {
        path: text('Absolute, or relative to where the controller was started.', 4096),
      }),
      'off',
    ),
    prune: optional(
      flag(
        'Delete resources that this source applied and no longer holds. Never on an empty, missing or broken revision.',
      ),
      { fixed: false },
    ),
    may: optional(
      grant(
        'What this source may declare and give. The policy file of the controller bounds it further. A document beyond it is refused, and the others are applied.',
      ),
      { fixed: 'everything but Sources and Approvals' },
    ),
  },
  [{ rule: 'has(self.git) != has(self.folder)', message: 'exactly one of git and folder is needed' }],
)

const status = object('What was last read and applied.', {
  lastAttemptedRevision: unset(text('Revision that was last read: a commit id, or a hash over the folder.', 128)),
  lastAppliedRevision: unset(text('Last revision that was applied as a whole.', 128)),
  lastAppliedFrom: unset(text('Where that was read from: the repository and its ref, as `url#ref`.', 2400)),
  lastCompleteTime: unset(time('When a revision was last read and applied as a whole.')),
  rewritten: unset(
    object('A history that was pushed with force, and is held until somebody approves it.', {
      revision: text('The commit that the ref leads to, which does not come after the one applied last.', 128),
      after: text('The one that it does not come after.', 128),
      releases: Type.String({
        description: 'What an Approval of it names.',
        pattern: '^sha256:[0-9a-f]{64}$',
        maxLength: 71,
      }),
      heldTime: time('Since when it is held.'),
      prior: unset(
        list(text('A uid.', 64), 50, 'Approvals of it that were there before it was held: they release nothing.'),
      ),
      approval: unset(
        object('The Approval that released it.', {
          name: text('Its name.', 253),
          uid: text('Its uid.', 64),
        }),
      ),
      applied: unset(flag('It was released, and applied as a whole.')),
    }),
  ),
  outcome: unset(choice('How the last read ended.', ['Complete', 'Partial', 'Failed'])),
  objects: unset(integer('Resources in the inventory of this source.', 0, 1_000_000)),
  observedGeneration: unset(observedGeneration()),
  conditions: unset(conditions()),
})

export type SourceSpec = Static<typeof spec>
export type SourceStatus = Static<typeof status>
export type Rewriting = NonNullable<SourceStatus['rewritten']>
export type Source = Resource<'Source', SourceSpec, SourceStatus>

export const source: KindDefinition = {
  kind: 'Source',
  plural: 'sources',
  singular: 'source',
  shortNames: ['src'],
  description:
    'Where manifests come from: a Git repository or a folder. For every field that a source declares, the source wins.',
  record: false,
  spec,
  status,
  columns: [
    {
      name: 'Revision',
      type: 'string',
      jsonPath: '.status.lastAppliedRevision',
      description: 'Last revision applied as a whole.',
    },
    { name: 'Objects', type: 'integer', jsonPath: '.status.objects', description: 'Resources in its inventory.' },
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether anything is left to do.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
  ],
  rules: [],
  maxNameLength: 50,
  example: `apiVersion: roster.dev/v1alpha1
kind: Source
metadata: {name: people}
spec:
  git: {url: https://git.example/acme/people.git, ref: main, path: people, interval: 1m, credentialsSecretRef: {name: git, key: token}}
  prune: true
  may: {kinds: [User, Group], organizations: [acme], roles: [viewer, editor]}
`,
}
