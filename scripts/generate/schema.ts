import type { Kind } from '../../src/api/names.ts'
import { ABSENT, type Absent, type KindDefinition, RULES, type Rule } from '../../src/api/schema.ts'
import type { KindSchema, SchemaNode } from '../../src/api/schemanode.ts'

/** A schema as typebox leaves it: JSON Schema with our own keywords. */
export interface RawSchema {
  type: SchemaNode['type']
  description?: string
  properties?: Record<string, RawSchema>
  required?: string[]
  additionalProperties?: boolean
  items?: RawSchema
  enum?: string[]
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
  'x-roster-ref'?: Kind
  'x-roster-absent'?: Absent
  'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  'x-kubernetes-list-map-keys'?: string[]
  'x-kubernetes-map-type'?: 'atomic'
  'x-kubernetes-validations'?: Rule[]
}

/** The schema without what typebox keeps beside JSON. */
export const rawSchema = (schema: object): RawSchema => JSON.parse(JSON.stringify(schema)) as RawSchema

/** The kind with both of its schemas as run-time trees. */
export function kindSchema(definition: KindDefinition): KindSchema {
  const { kind, plural, singular, shortNames, description, record, columns, rules, maxNameLength, example } = definition
  return {
    kind: kind as Kind,
    plural,
    singular,
    shortNames,
    description,
    record,
    columns,
    rules,
    maxNameLength,
    example,
    spec: schemaNode(rawSchema(definition.spec)),
    ...(definition.status ? { status: schemaNode(rawSchema(definition.status)) } : {}),
  }
}

const KEPT = ['enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum', 'maxItems', 'required'] as const

/** A schema as a run-time tree. */
export function schemaNode(raw: RawSchema): SchemaNode {
  return {
    type: raw.type,
    description: (raw.description ?? '').trim(),
    ...Object.fromEntries(KEPT.flatMap(key => (raw[key] === undefined ? [] : [[key, raw[key]]]))),
    ...(raw.properties ? { properties: mapValues(raw.properties, schemaNode) } : {}),
    ...(raw.items ? { items: schemaNode(raw.items) } : {}),
    ...(raw[ABSENT] === undefined ? {} : { absent: raw[ABSENT] }),
    ...(raw['x-roster-ref'] ? { ref: raw['x-roster-ref'] } : {}),
    ...(raw['x-kubernetes-list-map-keys'] ? { listKeys: raw['x-kubernetes-list-map-keys'] } : {}),
    ...(raw[RULES] ? { rules: raw[RULES] } : {}),
  }
}

export const mapValues = <A, B>(object: Record<string, A>, change: (value: A, key: string) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]))

/** What absence means, as a sentence for people. */
export function absentSentence(absent: Absent, kind: string): string {
  if (absent === 'off') return 'Absent: none.'
  if (absent === 'unmanaged') return 'Absent: left as it is.'
  if (absent === 'inherited') return 'Absent: as in the parent organization, else none.'
  if ('fixed' in absent) return `Absent: ${valueText(absent.fixed)}.`
  return kind === 'Organization'
    ? `Absent: as in the parent organization, else ${valueText(absent.inherited)}.`
    : `Absent: ${valueText(absent.inherited)}.`
}

/** Words of a sentence stay as they are; everything else is code. */
const valueText = (value: string | number | boolean): string =>
  typeof value === 'string' && value.includes(' ') ? value : `\`${value}\``

/** The description with what absence means. */
export function describe(raw: { description?: string; [ABSENT]?: Absent }, kind: string): string {
  const description = (raw.description ?? '').trim()
  return raw[ABSENT] === undefined ? description : `${description} ${absentSentence(raw[ABSENT], kind)}`.trim()
}
