import { ADDRESS_PATTERN, DATE_PATTERN, DURATION_PATTERN, NAME_PATTERN, TIME_PATTERN } from '../api/patterns.ts'
import type { SchemaNode } from '../api/schemanode.ts'
import type { ValidationError } from '../api/validator.ts'
import type { RuleId } from './finding.ts'
import type { Judgement } from './judgement.ts'
import { escapePointer, pointerSteps } from './pointer.ts'
import { didYouMean, nearest } from './suggest.ts'

/** Puts what a validator found wrong with a spec into words, with places. `prefix` is the pointer to what was validated. */
export function reportSchemaErrors(
  judgement: Judgement,
  kind: string,
  schema: SchemaNode,
  value: unknown,
  errors: readonly ValidationError[],
  prefix: string,
): void {
  const typed = new Set(errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath))
  const said = new Set<string>()
  for (const error of errors) {
    const { instancePath, keyword } = error
    // The pattern inside of the condition was said already.
    if (keyword === 'if') continue
    // A value of the wrong type is wrong once; a text that is too short or long has no shape to speak of.
    if (
      keyword !== 'type' &&
      keyword !== 'additionalProperties' &&
      keyword !== 'required' &&
      (typed.has(instancePath) || said.has(instancePath))
    )
      continue
    const { rule, message, pointer, which } = worded(judgement, kind, schema, value, error, prefix)
    said.add(instancePath)
    judgement.report(rule, message, { pointer, which })
  }
}

interface Worded {
  rule: RuleId
  message: string
  pointer: string
  which: 'key' | 'value'
}

function worded(
  judgement: Judgement,
  kind: string,
  schema: SchemaNode,
  root: unknown,
  error: ValidationError,
  prefix: string,
): Worded {
  const { keyword, params, instancePath } = error
  const pointer = prefix + instancePath
  const { node, value } = follow(schema, root, instancePath)
  const field = fieldPath(pointer)
  const finding = (rule: RuleId, message: string, which: 'key' | 'value' = 'value', at = pointer): Worded => ({
    rule,
    message,
    pointer: at,
    which,
  })

  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty)
      return finding(
        'unknown-field',
        `${field}.${name} is not a field of ${kind}${elsewhere(name, node, schema, kind)}`,
        'key',
        `${pointer}/${escapePointer(name)}`,
      )
    }
    case 'required': {
      const name = String(params.missingProperty)
      return finding(
        'missing-field',
        `${field}.${name} is missing${node.properties?.[name] ? `: ${node.properties[name].description}` : ''}`,
      )
    }
    case 'type':
      return finding('wrong-type', wrongType(field, node, value, judgement.origin.at(pointer).raw))
    case 'enum':
      return finding(
        'not-a-choice',
        `${field}: ${quote(value)} is none of ${(node.enum ?? []).join(', ')}${didYouMean(String(value), node.enum ?? [])}`,
      )
    case 'pattern':
      return wrongShape(node, field, value, finding)
    case 'minLength':
      return finding(
        'out-of-bounds',
        value === ''
          ? `${field} is empty: give it a value or leave it out`
          : `${field} is shorter than ${params.limit} characters`,
      )
    case 'maxLength':
      return finding('out-of-bounds', `${field} is longer than ${params.limit} characters`)
    case 'minimum':
      return finding('out-of-bounds', `${field} is ${quote(value)}, and must be at least ${params.limit}`)
    case 'maximum':
      return finding('out-of-bounds', `${field} is ${quote(value)}, and must be at most ${params.limit}`)
    case 'maxItems':
      return finding(
        'out-of-bounds',
        `${field} has ${(value as unknown[]).length} items, and must have at most ${params.limit}`,
      )
    default:
      return finding('wrong-format', `${field} ${error.message ?? 'is not valid'}`)
  }
}

function wrongType(field: string, node: SchemaNode, value: unknown, raw: string | undefined): string {
  if (value === null) return `${field} is empty: give it a value or leave it out`
  const scalar = typeof value !== 'object'
  switch (node.type) {
    case 'string':
      return scalar
        ? `${field} must be text: write "${raw ?? String(value)}" in quotes`
        : `${field} must be one text, and is ${Array.isArray(value) ? 'a list' : 'an object'}`
    case 'array':
      return scalar
        ? `${field} must be a list: write [${raw ?? String(value)}]`
        : `${field} must be a list: put a dash before each item`
    case 'integer':
      if (typeof value === 'string' && /^-?[0-9]+$/.test(value))
        return `${field} must be a number: write ${value} without quotes`
      return `${field} must be a whole number`
    case 'boolean':
      return `${field} must be true or false${typeof value === 'string' && /^(true|false)$/.test(value) ? ': write it without quotes' : ''}`
    case 'object':
      return `${field} must be an object with fields`
  }
}

function wrongShape(
  node: SchemaNode,
  field: string,
  value: unknown,
  finding: (rule: RuleId, message: string) => Worded,
): Worded {
  const text = quote(value)
  switch (node.pattern) {
    case ADDRESS_PATTERN:
      return finding('invalid-address', `${field}: ${text} is not one mail address of the form name@domain`)
    case NAME_PATTERN:
      return finding(
        'wrong-format',
        `${field}: ${text} cannot be a name${typeof value === 'string' && value.includes('@') ? ' (an address is none: give metadata.name)' : ''}: lower-case letters, digits, "-" and "." only, beginning and ending with a letter or digit`,
      )
    case DURATION_PATTERN:
      return finding('wrong-format', `${field}: ${text} is no duration: write it like 24h, 90m or 1h30m`)
    case DATE_PATTERN:
      return finding('wrong-format', `${field}: ${text} is no date: write it like 2026-12-01 or 2026-12-01T09:00:00Z`)
    case TIME_PATTERN:
      return finding('wrong-format', `${field}: ${text} is no time: write it like 2026-12-01T09:00:00Z`)
    default:
      return finding('wrong-format', `${field}: ${text} is not of the right form: ${node.description}`)
  }
}

/** Where an unknown field would have its place. */
function elsewhere(name: string, node: SchemaNode, root: SchemaNode, kind: string): string {
  const near = nearest(name, Object.keys(node.properties ?? {}))
  if (near) return `; did you mean "${near}"?`
  const [path] = pathsOf(name, root, 'spec')
  if (path) return `; there is ${path}`
  const known = Object.keys(node.properties ?? {})
  return known.length <= 8 ? `; there is ${known.join(', ')}` : `; see "roster explain ${kind.toLowerCase()}"`
}

const pathsOf = (name: string, node: SchemaNode, path: string): string[] => [
  ...(node.properties?.[name] ? [`${path}.${name}`] : []),
  ...Object.entries(node.properties ?? {}).flatMap(([key, child]) => pathsOf(name, child, `${path}.${key}`)),
  ...(node.items ? pathsOf(name, node.items, `${path}[]`) : []),
]

/** Schema and value at a pointer. */
function follow(schema: SchemaNode, root: unknown, pointer: string): { node: SchemaNode; value: unknown } {
  let node = schema
  let value = root
  for (const step of pointerSteps(pointer)) {
    node = (node.type === 'array' ? node.items : node.properties?.[step]) ?? node
    value = (value as Record<string, unknown> | undefined)?.[step]
  }
  return { node, value }
}

/** `/spec/memberships/0/roles` → `spec.memberships[0].roles`. */
export const fieldPath = (pointer: string): string =>
  pointerSteps(pointer).reduce(
    (path, step) => (/^[0-9]+$/.test(step) ? `${path}[${step}]` : path ? `${path}.${step}` : step),
    '',
  )

/** A value as it is quoted in a message. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
