/**
 * The words in which the kinds are written. From one text come the static types, the CRDs, the JSON Schemas for editors
 * and the reference page, so every field says here what it is, its bounds, and what its absence means.
 *
 * Build time only: importing this at run time costs four bare starts of Node. Everything else imports the kinds' *types*.
 */
import Type, { type TSchema, type TUnsafe } from 'typebox'
import {
  ADDRESS_PATTERN,
  DATE_PATTERN,
  DURATION_PATTERN,
  LOCALE_PATTERN,
  NAME_PATTERN,
  TIME_PATTERN,
} from './patterns.ts'
import type { Condition } from './resource.ts'

export { NAME_PATTERN }

/**
 * What an absent optional field means: `inherited` from the parent organization (else the fixed value), `unmanaged` (Roster leaves it as it is),
 * `fixed` to a value, or `off`. Written as a sentence into the descriptions, and as `x-roster-absent` into the editor schemas' source.
 */
export type Absent =
  | 'inherited'
  | 'unmanaged'
  | 'off'
  | { fixed: string | number | boolean }
  | { inherited: string | number | boolean }

export const ABSENT = 'x-roster-absent'

/** A CEL rule of a CRD (`x-kubernetes-validations`). */
export interface Rule {
  rule: string
  message: string
  /** Where the finding points, relative to the schema that carries the rule: `.memberships`. */
  fieldPath?: string
}
export const RULES = 'x-kubernetes-validations'

/** An optional field with what its absence means. */
export const optional = <T extends TSchema>(schema: T, absent: Absent) =>
  Type.Optional({ ...schema, [ABSENT]: absent } as T)

/** A field of a status, or an optional field of a record: absent means that it has not happened, or is not known. */
export const unset = <T extends TSchema>(schema: T) => Type.Optional(schema)

/** Plain text on one line, as a person reads it. Length in code points. */
export const text = (description: string, maxLength: number, options: { minLength?: number; pattern?: string } = {}) =>
  Type.String({
    description,
    minLength: options.minLength ?? 1,
    maxLength,
    ...(options.pattern ? { pattern: options.pattern } : {}),
  })

/** Name of another resource in the same realm: a DNS label (RFC 1123 section 2.1) or, for people, a DNS subdomain. */
export const reference = (kind: string, description: string) =>
  Type.String({
    description: `${description} Name of ${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}.`,
    maxLength: 253,
    minLength: 1,
    pattern: NAME_PATTERN,
    'x-roster-ref': kind,
  })

/**
 * One mail address: `local@domain` of RFC 5321 section 4.1.2 without quoting, comments, groups or display names, so that a text can never carry a second recipient.
 * Letters outside ASCII are allowed (RFC 6531). Further checked in `decide/address`.
 */
export const address = (description: string) =>
  Type.String({ description, maxLength: 254, minLength: 3, pattern: ADDRESS_PATTERN })

/** `24h`, `90m`, `1h30m`: whole hours, minutes and seconds, in that order, at least one. */
export const duration = (description: string) =>
  Type.String({
    description: `${description} Like \`24h\`, \`90m\` or \`1h30m\`.`,
    minLength: 2,
    maxLength: 20,
    pattern: DURATION_PATTERN,
  })

/** A point in time (RFC 3339) or a plain date, in quotes or not. */
export const date = (description: string) =>
  Type.String({
    description: `${description} A date (\`2026-12-01\`) or a time (RFC 3339).`,
    maxLength: 35,
    pattern: DATE_PATTERN,
  })

/** A point in time that Roster writes: RFC 3339 in UTC. */
export const time = (description: string) =>
  Type.String({ description: `${description} RFC 3339.`, maxLength: 35, pattern: TIME_PATTERN })

/** An https (or, for loopback, http) address without credentials. */
export const webUrl = (description: string) =>
  Type.String({
    description,
    maxLength: 2048,
    pattern:
      '^(https://|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]{1,5})?(/|$))[^\\s\\x00-\\x1f\\x7f"<>\\\\^`{|}@]*$',
  })

/** A language tag (RFC 5646), language and region only: `de`, `en-GB`. */
export const locale = (description: string) =>
  Type.String({
    description: `${description} A language tag such as \`de\` or \`en-GB\`.`,
    maxLength: 20,
    pattern: LOCALE_PATTERN,
  })

/** A CEL expression over `user`. */
export const expression = (description: string) =>
  Type.String({ description: `${description} A CEL expression over \`user\`.`, maxLength: 2000, minLength: 1 })

export const integer = (description: string, minimum: number, maximum: number) =>
  Type.Integer({ description, minimum, maximum })
export const flag = (description: string) => Type.Boolean({ description })

/** One of some CamelCase words. `type: string` is said beside `enum`, as CRDs want it. */
export const choice = <const V extends string[]>(description: string, values: [...V]) =>
  Type.Enum(values, { type: 'string', description })

/** A list that belongs to one manager as a whole: absent is unmanaged, `[]` is none. */
export const list = <T extends TSchema>(items: T, maxItems: number, description: string) =>
  Type.Array(items, { description, maxItems, 'x-kubernetes-list-type': 'atomic' })

/** A list without repeats; as a whole one manager's. Repeats are refused (CEL is not needed: `uniqueItems` is forbidden in CRDs, so the reader checks). */
export const names = (kind: string, maxItems: number, description: string) =>
  list(reference(kind, ''), maxItems, description)

/** An object that is written as a whole by one manager. */
export const block = <P extends Record<string, TSchema>>(description: string, properties: P, rules: Rule[] = []) =>
  Type.Object(properties, {
    description,
    additionalProperties: false,
    'x-kubernetes-map-type': 'atomic',
    ...(rules.length ? { [RULES]: rules } : {}),
  })

/** The `spec` or `status` of a kind, or a record's inner object. */
export const object = <P extends Record<string, TSchema>>(description: string, properties: P, rules: Rule[] = []) =>
  Type.Object(properties, { description, additionalProperties: false, ...(rules.length ? { [RULES]: rules } : {}) })

/** A secret by name and key. The secret itself names who may use it (`used-by`) and where it may go (`hosts`). */
export const secretRef = (description: string) =>
  block(description, {
    name: Type.String({ description: 'Name of the secret.', maxLength: 253, minLength: 1, pattern: NAME_PATTERN }),
    key: Type.String({
      description: 'Key inside the secret.',
      maxLength: 253,
      minLength: 1,
      pattern: '^[-._a-zA-Z0-9]+$',
    }),
  })

/** `observedGeneration` of every status: what kstatus compares with the object's own, so that a verdict on an older spec counts for nothing. */
export const observedGeneration = () =>
  Type.Integer({ description: 'The generation that all of this speaks of; -1 until the first pass.', minimum: -1 })

/** `conditions` of every status. */
export const conditions = () =>
  Type.Array(
    Type.Object(
      {
        type: Type.String({ description: 'What the condition is about.', maxLength: 100 }),
        status: Type.Enum(['True', 'False', 'Unknown'], { type: 'string', description: 'Whether it holds.' }),
        reason: Type.String({ description: 'One word for machines.', maxLength: 100 }),
        message: Type.String({ description: 'One sentence for people.', maxLength: 2000 }),
        lastTransitionTime: time('When the status last changed.'),
        observedGeneration: Type.Integer({ description: 'The generation it speaks of.', minimum: 0 }),
      },
      { additionalProperties: false },
    ),
    {
      description: 'What holds at present, one entry a type.',
      maxItems: 20,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
  ) as unknown as TUnsafe<Condition[]>

/** A column that `kubectl get` and `roster get` print. */
export interface Column {
  name: string
  type: 'string' | 'integer' | 'date' | 'boolean'
  jsonPath: string
  description: string
  /** Above 0: only with `-o wide`. */
  priority?: number
}

/** All that the generators need to know of one kind. */
export interface KindDefinition {
  kind: string
  plural: string
  singular: string
  shortNames: string[]
  /** One or two sentences: what the resource says. */
  description: string
  /** Records are refused in manifests. */
  record: boolean
  spec: TSchema
  status?: TSchema
  columns: Column[]
  /** CEL rules on the whole object, for what must not change. */
  rules: Rule[]
  /** Longest name, where shorter than Kubernetes' own bound. */
  maxNameLength: number
  example: string
}

/** `organization` of a spec may never change: who belongs where is decided once. */
export const immutable = (...fields: string[]): Rule[] =>
  fields.map(field => ({
    rule: `self.spec.${field} == oldSelf.spec.${field}`,
    message: `${field} cannot be changed; make a new resource instead`,
    fieldPath: `.spec.${field}`,
  }))

/** A link works for at least a minute and at most 30 days. */
export const linkLifetime = (field: string): Rule => ({
  rule: `!has(self.${field}) || (duration(self.${field}) >= duration('1m') && duration(self.${field}) <= duration('720h'))`,
  message: 'must be between 1m and 720h',
  fieldPath: `.${field}`,
})
