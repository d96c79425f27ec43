import type { KindSchema, SchemaNode } from '../api/schemanode.ts'
import { width } from './output.ts'

/** A kind or one of its fields in words: what it is, its bounds, what its absence means, and what is inside. */
export const explainText = (
  schema: KindSchema,
  node: SchemaNode,
  path: readonly string[],
  options: { recursive: boolean; columns: number },
): string => {
  const whole = path.length === 0
  const names = [schema.plural, ...schema.shortNames].join(', ')
  const lines = whole
    ? [
        `${schema.kind} (${names})${schema.record ? ' · a record: only Roster writes it' : ''}`,
        ...wrapped(schema.description, options.columns, '  '),
      ]
    : [`${[schema.kind, ...path].join('.')} · ${typeText(node)}`, ...wrapped(textOf(node), options.columns, '  ')]
  if (!whole) for (const fact of factsOf(node)) lines.push(`  ${fact}`)
  const inner = node.items?.properties ? node.items : node
  if (inner.properties) lines.push('', 'Fields', ...fieldLines(inner, options, 1))
  for (const { message, fieldPath } of [...(inner.rules ?? []), ...(whole ? schema.rules : [])])
    lines.push(
      ...wrapped(
        `Refused: ${message.startsWith('must') && fieldPath ? `${fieldPath.slice(1)} ` : ''}${message}.`,
        options.columns,
        '  ',
      ),
    )
  if (whole && schema.example !== '')
    lines.push(
      '',
      'Example',
      ...schema.example
        .trimEnd()
        .split('\n')
        .map(text => `  ${text}`),
    )
  return `${lines.join('\n')}\n`
}

const fieldLines = (node: SchemaNode, options: { recursive: boolean; columns: number }, depth: number): string[] => {
  const indent = '  '.repeat(depth)
  return Object.entries(node.properties ?? {}).flatMap(([name, field]) => {
    const must = node.required?.includes(name) ? ' · required' : ''
    const facts = factsOf(field)
    const text = [withStop(textOf(field)), ...facts.map(withStop)].filter(one => one !== '.' && one !== '').join(' ')
    const inside = field.items?.properties ? field.items : field
    const more = inside.properties && !options.recursive ? ` Fields: ${Object.keys(inside.properties).join(', ')}.` : ''
    return [
      `${indent}${name} · ${typeText(field)}${must}`,
      ...wrapped(`${text}${more}`, options.columns, `${indent}  `),
      ...(options.recursive && inside.properties ? fieldLines(inside, options, depth + 2) : []),
    ]
  })
}

const typeText = (node: SchemaNode): string => {
  if (node.type === 'array')
    return node.items?.ref ? `list of names of ${node.items.ref}s` : `list of ${plural(node.items)}`
  if (node.ref) return `name of ${article(node.ref)}`
  if (node.enum) return node.enum.length === 1 ? `${node.enum[0]}` : node.enum.join(' | ')
  return { string: 'text', integer: 'number', boolean: 'true or false', object: 'object' }[node.type]
}

const plural = (node: SchemaNode | undefined): string =>
  !node
    ? 'things'
    : node.enum
      ? node.enum.join(' | ')
      : { string: 'texts', integer: 'numbers', boolean: 'true or false', object: 'objects', array: 'lists' }[node.type]

const article = (kind: string): string => (/^[AEIOU]/.test(kind) && kind !== 'User' ? `an ${kind}` : `a ${kind}`)

/** Bounds and absence, each as a sentence. */
const factsOf = (node: SchemaNode): string[] => {
  const facts: string[] = []
  const { minimum, maximum, maxItems, maxLength } = node
  if (minimum !== undefined && maximum !== undefined) facts.push(`From ${minimum} to ${maximum}`)
  else if (minimum !== undefined) facts.push(`At least ${minimum}`)
  else if (maximum !== undefined) facts.push(`At most ${maximum}`)
  if (maxItems !== undefined) facts.push(`At most ${maxItems} items`)
  if (node.listKeys) facts.push(`One item for each ${node.listKeys.join(' and ')}`)
  if (maxLength !== undefined && node.type === 'string' && !node.enum && !node.ref)
    facts.push(`At most ${maxLength} characters`)
  const absent = absentText(node)
  if (absent !== undefined) facts.push(absent)
  return facts
}

const absentText = ({ absent }: SchemaNode): string | undefined => {
  if (absent === undefined) return undefined
  if (absent === 'inherited') return 'Absent: as in the organization above'
  if (absent === 'unmanaged') return 'Absent: left as it is'
  if (absent === 'off') return 'Absent: none'
  if ('fixed' in absent) return `Absent: ${String(absent.fixed)}`
  return `Absent: as in the organization above, else ${String(absent.inherited)}`
}

/** References say of which kind a name is by their type. */
const textOf = ({ description, ref }: SchemaNode): string =>
  ref === undefined ? description : description.replace(/ ?Name of an? \w+\.$/, '')

const withStop = (text: string): string =>
  /[.!?`:)]$/.test(text) && !text.endsWith(')') && !text.endsWith('`') && !text.endsWith(':') ? text : `${text}.`

/** Lines of at most so many columns. */
const wrapped = (text: string, columns: number, indent: string): string[] => {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    if (current !== '' && width(indent) + width(current) + 1 + width(word) > columns) {
      lines.push(indent + current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return current === '' ? lines : [...lines, indent + current]
}
