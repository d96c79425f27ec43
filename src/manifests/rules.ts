import { Environment } from '@marcbachmann/cel-js'
import type { Rule } from '../api/schema.ts'
import type { KindSchema, SchemaNode } from '../api/schemanode.ts'
import { matchesLinear, rewriteMatches } from '../decide/cel.ts'
import type { Judgement } from './judgement.ts'

/**
 * Checks the CEL rules of a kind (`x-kubernetes-validations` of its CRD) on a manifest that its schema took, so that what a cluster would refuse is
 * refused everywhere. Rules that speak of `oldSelf` are checked where the object before is known, as a cluster does (Kubernetes,
 * "CustomResourceDefinition: Transition rules").
 */
export function judgeRules(
  judgement: Judgement,
  schema: KindSchema,
  manifest: Record<string, unknown>,
  before?: unknown,
): void {
  for (const rule of schema.rules) {
    if (!mentionsOld(rule)) check(judgement, rule, { self: manifest }, '')
    else if (isRecord(before)) check(judgement, rule, { self: manifest, oldSelf: before }, '')
  }
  walk(judgement, schema.spec, manifest.spec, '/spec')
}

/** Rules below; values are turned into what CEL reads only where there is a rule. */
function walk(judgement: Judgement, node: SchemaNode, value: unknown, pointer: string): void {
  if (value === undefined || !hasRules(node)) return
  if (node.rules) {
    const self = celValue(node, value)
    for (const rule of node.rules) if (!mentionsOld(rule)) check(judgement, rule, { self }, pointer)
  }
  if (Array.isArray(value)) {
    if (node.items)
      for (const [index, item] of value.entries()) walk(judgement, node.items, item, `${pointer}/${index}`)
  } else if (isRecord(value)) {
    for (const [name, child] of Object.entries(node.properties ?? {}))
      walk(judgement, child, value[name], `${pointer}/${name}`)
  }
}

function check(judgement: Judgement, rule: Rule, context: { self: unknown; oldSelf?: unknown }, pointer: string): void {
  const path = pointer + (rule.fieldPath ?? '').replaceAll('.', '/')
  try {
    if (program(rule)(context) === true) return
    judgement.report(context.oldSelf === undefined ? 'rule-broken' : 'cannot-change', rule.message, path)
  } catch (error) {
    // A cluster refuses as well what a rule cannot decide.
    judgement.report(
      'rule-broken',
      `${rule.message} (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`,
      path,
    )
  }
}

let environment: Environment | undefined
const programs = new Map<string, ReturnType<Environment['parse']>>()

function program({ rule }: Rule): ReturnType<Environment['parse']> {
  let found = programs.get(rule)
  if (!found) {
    environment ??= new Environment({ homogeneousAggregateLiterals: false })
      .registerVariable('self', 'dyn')
      .registerVariable('oldSelf', 'dyn')
      .registerFunction('string.matchesLinear(string): bool', matchesLinear)
    found = environment.parse(rule)
    rewriteMatches(found.ast)
    programs.set(rule, found)
  }
  return found
}

const mentionsOld = ({ rule }: Rule): boolean => /\boldSelf\b/.test(rule)

const ruled = new WeakMap<SchemaNode, boolean>()
function hasRules(node: SchemaNode): boolean {
  let found = ruled.get(node)
  if (found === undefined) {
    found =
      node.rules !== undefined ||
      Object.values(node.properties ?? {}).some(hasRules) ||
      (node.items !== undefined && hasRules(node.items))
    ruled.set(node, found)
  }
  return found
}

/** The value as CEL reads it: integers are 64-bit integers and no floating-point numbers. */
function celValue(node: SchemaNode, value: unknown): unknown {
  if (node.type === 'integer' && typeof value === 'number') return BigInt(value)
  if (node.type === 'array' && node.items && Array.isArray(value)) {
    const { items } = node
    return value.map(item => celValue(items, item))
  }
  if (node.type === 'object' && isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => [
        name,
        node.properties?.[name] ? celValue(node.properties[name], child) : child,
      ]),
    )
  return value
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
