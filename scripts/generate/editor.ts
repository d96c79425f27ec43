import { API_VERSION } from '../../src/api/names.ts'
import { LABEL_PATTERN, NAME_PATTERN } from '../../src/api/patterns.ts'
import type { KindDefinition } from '../../src/api/schema.ts'
import { describe, mapValues, type RawSchema, rawSchema } from './schema.ts'

const DRAFT = 'http://json-schema.org/draft-07/schema#'

/** The JSON Schema (draft-07) with which an editor completes and checks manifests of one kind. */
export const kindJsonSchema = (definition: KindDefinition): string =>
  json({ $schema: DRAFT, title: definition.kind, ...manifest(definition) })

/** The JSON Schema for a file of any declared kind, told apart by `kind`; a `List` of them too. */
export function allJsonSchema(definitions: readonly KindDefinition[]): string {
  const kinds = definitions.map(definition => definition.kind)
  return json({
    $schema: DRAFT,
    title: 'Roster',
    description: 'A manifest of Roster.',
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { kind: { enum: [...kinds, 'List'], description: 'What the manifest declares.' } },
    allOf: [...kinds, 'List'].map(kind => ({
      if: { required: ['kind'], properties: { kind: { const: kind } } },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: { $ref: `#/definitions/${kind}` },
    })),
    definitions: {
      ...Object.fromEntries(definitions.map(definition => [definition.kind, manifest(definition)])),
      List: {
        type: 'object',
        required: ['apiVersion', 'kind', 'items'],
        additionalProperties: false,
        properties: {
          apiVersion: { const: 'v1' },
          kind: { const: 'List' },
          metadata: { type: 'object' },
          items: { type: 'array', items: { $ref: '#' }, description: 'Manifests.' },
        },
      },
    },
  })
}

/** The JSON Schema for the policy file of the controller. */
export const policyJsonSchema = (schema: object): string =>
  json({ $schema: DRAFT, title: 'Policy', ...editor(rawSchema(schema), 'Policy') })

function manifest({ kind, description, maxNameLength, spec }: KindDefinition): object {
  const texts = (what: string) => ({ type: 'object', additionalProperties: { type: 'string' }, description: what })
  return {
    description,
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
    properties: {
      apiVersion: { const: API_VERSION, description: 'Group and version.' },
      kind: { const: kind, description },
      metadata: {
        type: 'object',
        description: 'Name, labels and annotations.',
        required: ['name'],
        additionalProperties: false,
        properties: {
          name: {
            type: 'string',
            description: 'Name in the realm.',
            minLength: 1,
            maxLength: maxNameLength,
            pattern: maxNameLength < 253 ? LABEL_PATTERN : NAME_PATTERN,
          },
          namespace: {
            type: 'string',
            description: 'The realm, on Kubernetes.',
            minLength: 1,
            maxLength: 63,
            pattern: LABEL_PATTERN,
          },
          labels: texts('Labels, as Kubernetes takes them.'),
          annotations: texts('Annotations, as Kubernetes takes them.'),
        },
      },
      spec: editor(rawSchema(spec), kind),
    },
  }
}

const KEPT = [
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'maxItems',
  'required',
  'additionalProperties',
] as const

function editor(raw: RawSchema, kind: string): object {
  return {
    type: raw.type,
    description: describe(raw, kind),
    ...Object.fromEntries(KEPT.flatMap(key => (raw[key] === undefined ? [] : [[key, raw[key]]]))),
    ...(raw.properties ? { properties: mapValues(raw.properties, property => editor(property, kind)) } : {}),
    ...(raw.items ? { items: editor(raw.items, kind) } : {}),
  }
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
