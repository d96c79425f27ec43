import Type, { type Static } from 'typebox'
import { grant } from './grant.ts'
import { block, list, object, optional } from './schema.ts'

const sourcePattern = () => Type.String({ minLength: 1, maxLength: 50, pattern: '^[-a-z0-9*]+$' })
const pathPattern = () =>
  Type.String({ minLength: 1, maxLength: 1024, pattern: '^[^/\\x00-\\x1f\\x7f]+(/[^/\\x00-\\x1f\\x7f]+)*$' })

/** The policy file of the controller (`--policy`). No resource: it is never in a store and never in a source. */
export const policy = object('Which sources, in which of their files, may declare and give what.', {
  rules: list(
    block('A document is let in when one rule allows the whole of it. What no rule speaks of is refused.', {
      sources: optional(list(sourcePattern(), 100, 'Names of sources; `*` stands for any run of characters.'), {
        fixed: 'every source',
      }),
      paths: optional(
        list(
          pathPattern(),
          100,
          'Files inside the source, from its folder on: `*` is any run of characters within one folder, `**` any number of folders.',
        ),
        { fixed: 'every file' },
      ),
      may: grant('What their documents may declare and give.'),
    }),
    1000,
    'In any order.',
  ),
})

export type PolicySpec = Static<typeof policy>
