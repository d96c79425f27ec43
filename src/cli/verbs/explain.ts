import { SCHEMAS } from '../../api/generated/schemas.ts'
import type { SchemaNode } from '../../api/schemanode.ts'
import { didYouMean } from '../../app/suggest.ts'
import { withExamples } from '../examples.ts'
import { explainText } from '../explaintext.ts'
import { kindOf } from '../kinds.ts'
import { textOrJson } from '../options.ts'
import { jsonText } from '../output.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    command,
    ['explain user', 'a kind with its fields and an example'],
    ['explain user.memberships.from', 'one field'],
    ['explain organization --recursive', 'every field, however deep'],
  )
    .argument('<kind>', 'KIND, or KIND.field.field; `spec` may be left out')
    .option('--recursive', 'the fields of fields too')
    .option('-o, --output <format>', 'text, json')
    .action((what: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const [called = '', ...path] = what.replace(/^\.+|\.+$/g, '').split('.')
      const schema = SCHEMAS[kindOf(called)]
      const rest = path[0] === 'spec' || path[0] === 'status' ? path.slice(1) : path
      const root = path[0] === 'status' ? schema.status : schema.spec
      if (!root) throw new UsageError(`${schema.kind} has no status`)
      const node = rest.reduce(
        (at, field, index) => stepInto(at, field, [schema.kind, ...rest.slice(0, index)].join('.')),
        root,
      )
      if (format === 'json') io.out(jsonText(path.length === 0 ? schema : node))
      else
        io.out(
          explainText(schema, node, rest, {
            recursive: flags['recursive'] === true,
            columns: Math.min(io.terminal.columns, 110),
          }),
        )
    })
}

/** A field; through the items of a list. @throws UsageError with a suggestion */
const stepInto = (node: SchemaNode, field: string, where: string): SchemaNode => {
  const holder = node.items ?? node
  const found = holder.properties?.[field]
  if (found) return found
  const known = Object.keys(holder.properties ?? {})
  throw new UsageError(
    `${where} has no field ${JSON.stringify(field)}${didYouMean(field, known) || (known.length > 0 ? `; there are ${known.join(', ')}` : '; it is no object')}`,
  )
}
