import type { Kind } from './names.ts'
import type { Absent, Column, Rule } from './schema.ts'

/** One field of a kind, as the run time needs it: for explanations, rules, list keys and references. Generated from the kind's schema. */
export interface SchemaNode {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  description: string
  properties?: Record<string, SchemaNode>
  required?: string[]
  items?: SchemaNode
  enum?: string[]
  pattern?: string
  /** In code points. */
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  maxItems?: number
  /** What leaving the field out means; only on optional fields of declared specs. */
  absent?: Absent
  /** The kind whose name this string is. */
  ref?: Kind
  /** Fields that tell the items of this list apart; the list is owned item by item. */
  listKeys?: string[]
  /** CEL rules of this object. */
  rules?: Rule[]
}

/** One kind, as the run time needs it. */
export interface KindSchema {
  kind: Kind
  plural: string
  singular: string
  shortNames: string[]
  description: string
  /** Records are refused in manifests. */
  record: boolean
  columns: Column[]
  /** CEL rules on the whole object; `oldSelf` is the object before. */
  rules: Rule[]
  maxNameLength: number
  example: string
  spec: SchemaNode
  status?: SchemaNode
}
