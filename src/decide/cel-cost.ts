import type { ASTNode } from '@marcbachmann/cel-js'
import { RosterError } from '../api/errors.ts'

/** An expression whose cost cannot be bounded. */
export class CostError extends RosterError {
  readonly retry = 'wait'
  readonly reason = 'ExpressionFailed'
}

/** How large a value can get: elements of a list or map, characters of a text; `item` for what is inside. */
export interface Size {
  length: number
  item?: Size
}
/** The fields of `user`: what type each is to CEL, and how large it may be. */
export type Fields = Readonly<Record<string, Size & { type: string }>>
interface Estimate {
  cost: number
  size: Size
}
/** What expressions may not use, in words, and where it stands. */
interface Refused {
  message: string
  node: ASTNode
}

const ONE: Size = { length: 1 }
const text = (length: number): Size => ({ length })
const string = (length: number) => ({ type: 'string', length })
const bool = { type: 'bool', length: 1 }
/** The fields of a User. Kubernetes does not bound the number of labels; more than these make it slower, not wrong. */
export const PERSON: Fields = {
  name: string(253),
  labels: { type: 'map<string, string>', length: 64, item: text(317) },
  email: string(254),
  external: bool,
  locale: string(20),
  givenName: string(100),
  familyName: string(100),
}

/** The fields of somebody as a directory tells of them. */
export const FOUND: Fields = {
  id: string(255),
  login: string(255),
  email: string(254),
  aliases: { type: 'list<string>', length: 20, item: text(254) },
  external: bool,
  givenName: string(100),
  familyName: string(100),
  displayName: string(200),
  locale: string(20),
  relation: string(40),
  active: bool,
}

/** Fields in words. */
export const fieldsText = (fields: Fields): string => Object.keys(fields).join(', ')

/**
 * Worst-case cost of an expression over `user`, in steps: the way the Kubernetes API server estimates rules of CRDs, from the bounds of what it reads.
 * A comprehension costs its body times the length of its list; a match the product of text and pattern.
 *
 * @returns also the first thing that is not on the list of what may be used
 */
export function estimateCost(ast: ASTNode, fields: Fields): { cost: number; refused: Refused | undefined } {
  let refused: Refused | undefined

  const sum = (estimates: Estimate[]): number => estimates.reduce((total, { cost }) => total + cost, 1)
  const largest = (estimates: Estimate[]): Size =>
    estimates.reduce<Size>((most, { size }) => (size.length > most.length ? size : most), { length: 0 })

  const estimate = (node: ASTNode, scope: ReadonlyMap<string, Size>): Estimate => {
    switch (node.op) {
      case 'value':
        return { cost: 1, size: typeof node.args === 'string' ? text(node.args.length) : ONE }
      case 'id':
        return { cost: 1, size: scope.get(node.args) ?? ONE }
      case '.':
      case '.?': {
        const [target, field] = node.args
        const inner = estimate(target, scope)
        // The type check does not look into has().
        const ofUser = target.op === 'id' && target.args === 'user' && !scope.has('user')
        if (ofUser && !Object.hasOwn(fields, field))
          refused ??= { message: `user has no ${field}; it has ${fieldsText(fields)}`, node }
        return { cost: inner.cost + 1, size: (ofUser ? fields[field] : inner.size.item) ?? ONE }
      }
      case '[]':
      case '[?]': {
        const [target, index] = node.args.map(child => estimate(child, scope)) as [Estimate, Estimate]
        return { cost: sum([target, index]), size: target.size.item ?? ONE }
      }
      case 'list': {
        const items = node.args.map(item => estimate(item, scope))
        return { cost: sum(items), size: { length: items.length, item: largest(items) } }
      }
      case 'map': {
        const entries = node.args.map(([key, value]) => ({ key: estimate(key, scope), value: estimate(value, scope) }))
        return {
          cost: sum(entries.flatMap(({ key, value }) => [key, value])),
          size: { length: entries.length, item: largest(entries.flatMap(({ key, value }) => [key, value])) },
        }
      }
      case '?:': {
        const [condition, yes, no] = node.args.map(child => estimate(child, scope)) as [Estimate, Estimate, Estimate]
        return { cost: sum([condition, yes, no]), size: largest([yes, no]) }
      }
      case '+': {
        const [left, right] = node.args.map(child => estimate(child, scope)) as [Estimate, Estimate]
        const item = left.size.item || right.size.item ? { item: largest([itemOf(left), itemOf(right)]) } : {}
        const length = left.size.length + right.size.length
        return { cost: sum([left, right]) + length / 10, size: { length, ...item } }
      }
      case '!_':
      case '-_':
        return { cost: estimate(node.args, scope).cost + 1, size: ONE }
      case 'call':
        return call(node, node.args[0], undefined, node.args[1], scope)
      case 'rcall':
        return call(node, node.args[0], node.args[1], node.args[2], scope)
      default: {
        // Comparisons, arithmetic, && and ||: what is compared is walked through.
        const [left, right] = node.args.map(child => estimate(child, scope)) as [Estimate, Estimate]
        const walked = node.op === 'in' ? weight(right.size) : Math.min(weight(left.size), weight(right.size))
        return { cost: sum([left, right]) + walked / 10, size: ONE }
      }
    }
  }

  const call = (
    node: ASTNode,
    name: string,
    target: ASTNode | undefined,
    args: ASTNode[],
    scope: ReadonlyMap<string, Size>,
  ): Estimate => {
    if (target && MACROS.has(name)) return comprehension(name, target, args, scope)
    const receiver = target ? estimate(target, scope) : undefined
    const given = args.map(argument => estimate(argument, scope))
    const all = receiver ? [receiver, ...given] : given
    const first = all[0]?.size ?? ONE
    const size = SIZES[target ? `.${name}` : name]?.(first, all[1]?.size ?? ONE)
    if (!size) refused ??= { message: `${name}() is not available here`, node }
    const work =
      name === 'matches'
        ? first.length * (all[1]?.size.length ?? 1)
        : all.reduce((total, { size }) => total + size.length, 0)
    return { cost: sum(all) + work / 10, size: size ?? ONE }
  }

  const comprehension = (
    name: string,
    target: ASTNode,
    args: ASTNode[],
    scope: ReadonlyMap<string, Size>,
  ): Estimate => {
    const range = estimate(target, scope)
    const [variable, ...bodies] = args
    if (variable?.op !== 'id') throw new CostError(`${name}() needs the name of a variable first`)
    const inner = new Map(scope).set(variable.args, range.size.item ?? ONE)
    const body = bodies.map(child => estimate(child, inner))
    const size: Size =
      name === 'map' ? { length: range.size.length, item: largest(body) } : name === 'filter' ? range.size : ONE
    return { cost: range.cost + range.size.length * sum(body), size }
  }

  const { cost } = estimate(ast, new Map())
  return { cost, refused }
}

const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter'])

const itemOf = ({ size }: Estimate): Estimate => ({ cost: 0, size: size.item ?? { length: 0 } })
/** Everything inside. */
const weight = (size: Size): number => size.length * Math.max(1, size.item ? weight(size.item) : 1)

const one = () => ONE
const same = (size: Size) => size
/** What each function gives; a dot in front: of a value. Everything else is refused, `cel.bind` too, which can double its value again and again. */
const SIZES: Readonly<Record<string, (first: Size, second: Size) => Size>> = {
  has: one,
  size: one,
  '.size': one,
  string: () => text(40),
  int: one,
  bool: one,
  double: one,
  timestamp: one,
  duration: one,
  '.startsWith': one,
  '.endsWith': one,
  '.contains': one,
  '.matches': one,
  '.indexOf': one,
  '.lastIndexOf': one,
  '.lowerAscii': same,
  '.upperAscii': same,
  '.trim': same,
  '.substring': same,
  '.split': size => ({ length: size.length + 1, item: size }),
  '.join': (list, separator) => text(list.length * ((list.item?.length ?? 1) + separator.length)),
}
