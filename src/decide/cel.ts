import { type ASTNode, Environment, EvaluationError } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { CostError, estimateCost, FIELDS } from './cel-cost.ts'

/** What an expression sees of a person: effective values, and the labels of the User. */
export interface ExpressionUser {
  name: string
  labels?: Readonly<Record<string, string>> | undefined
  email?: string | undefined
  external?: boolean | undefined
  locale?: string | undefined
  givenName?: string | undefined
  familyName?: string | undefined
}

/** The verdict on one person; with an error the caller keeps its verdict of before. */
export type Evaluation = { ok: boolean } | { error: string }

/** What is wrong with an expression; `offset` and `length` in UTF-16 units of its text. */
export interface ExpressionProblem {
  message: string
  offset: number
  length: number
}

export interface Expression {
  /** What is wrong with it; then every evaluation is an error. */
  readonly problem: ExpressionProblem | undefined
  /** Whether it holds for somebody. A key that the person does not have makes it *no*; every other error is an error. */
  evaluate(user: ExpressionUser): Evaluation
}

/** Units of {@link estimateCost}: a few milliseconds a person at the very worst. */
const MAX_COST = 50_000
const LIMITS = { maxAstNodes: 1000, maxDepth: 40, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 8 }

const environment = new Environment({ homogeneousAggregateLiterals: false, limits: LIMITS })
  .registerVariable('user', {
    schema: {
      name: 'string',
      labels: 'map<string, string>',
      email: 'string',
      external: 'bool',
      locale: 'string',
      givenName: 'string',
      familyName: 'string',
    },
  })
  .registerFunction('string.matchesLinear(string): bool', matchesLinear)

const compiled = new Map<string, Expression>()
const MAX_COMPILED = 10_000

/**
 * Compiles an expression over `user`: parsed, its types checked, its worst-case cost estimated. The same text is compiled once.
 * It never throws: what is wrong is the `problem` of the result.
 */
export function compileExpression(text: string): Expression {
  const known = compiled.get(text)
  if (known) return known
  const expression = compile(text)
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(text, expression)
  return expression
}

function compile(text: string): Expression {
  const broken = (problem: ExpressionProblem): Expression => ({ problem, evaluate: () => ({ error: problem.message }) })
  try {
    const program = environment.parse(text)
    const { cost, refused } = estimateCost(program.ast)
    if (refused) {
      const { start, end } = refused.node
      return broken({ message: refused.message, offset: start, length: end - start })
    }
    rewriteMatches(program.ast)
    checkPatterns(program.ast)
    const { valid, type, error } = program.check()
    if (!valid) return broken(problemOf(error, text))
    if (type !== 'bool' && type !== 'dyn')
      return broken({ message: `must be true or false, and is ${type}`, offset: 0, length: text.length })
    if (cost > MAX_COST)
      return broken({
        message: 'is too expensive: nest fewer all(), exists(), filter() and map()',
        offset: 0,
        length: text.length,
      })
    return { problem: undefined, evaluate: user => evaluate(() => program({ user: contextOf(user) })) }
  } catch (error) {
    return broken(problemOf(error, text))
  }
}

function evaluate(run: () => unknown): Evaluation {
  // Of every person who lacks a key an error is made and thrown away: where it came from is what costs.
  const traced = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const result = run()
    return typeof result === 'boolean' ? { ok: result } : { error: 'is neither true nor false' }
  } catch (error) {
    if (error instanceof EvaluationError && error.code === 'no_such_key') return { ok: false }
    return { error: summaryOf(error) }
  } finally {
    Error.stackTraceLimit = traced
  }
}

/** Only what is there: an absent value has to be an absent key. Labels are a Map, for one may be called `constructor`. */
function contextOf({ labels, ...fields }: ExpressionUser): Record<string, unknown> {
  const context: Record<string, unknown> = { labels: new Map(Object.entries(labels ?? {})) }
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) context[key] = value
  return context
}

function problemOf(error: unknown, text: string): ExpressionProblem {
  const range = (error as { range?: { start: number; end: number } }).range
  const offset = Math.min(range?.start ?? 0, text.length)
  return {
    message: summaryOf(error),
    offset,
    length: Math.max(1, Math.min(range?.end ?? text.length, text.length) - offset),
  }
}

function summaryOf(error: unknown): string {
  if (error instanceof CostError) return error.message
  const { code, summary, message } = error as { code?: string; summary?: string; message?: string }
  const text = (summary ?? message ?? String(error)).split('\n')[0] ?? ''
  if (code === 'no_such_key') return `user has no ${text.replace(/^No such key: /, '')}; it has ${FIELDS}`
  if (code === 'unknown_variable') return `${text.replace(/^Unknown variable: /, '')} is not known; there is only user`
  return text
}

/**
 * Makes every `.matches(` of a parsed expression the linear-time one: the built-in takes JavaScript's backtracking expressions,
 * with which one text could stop the process. To be called before the expression is checked.
 */
export function rewriteMatches(node: ASTNode): void {
  if (node.op === 'rcall' && node.args[0] === 'matches') (node.args as unknown[])[0] = 'matchesLinear'
  for (const child of childrenOf(node)) rewriteMatches(child)
}

/** Compiles every pattern that stands in the text, so that a wrong one is found before anybody is judged. @throws EvaluationError */
function checkPatterns(node: ASTNode): void {
  if (node.op === 'rcall' && node.args[0] === 'matchesLinear') {
    const [pattern] = node.args[2]
    if (pattern?.op === 'value' && typeof pattern.args === 'string') compilePattern(pattern.args, pattern)
  }
  for (const child of childrenOf(node)) checkPatterns(child)
}

/** RE2 syntax, unanchored, as CEL's `matches` is specified. @throws EvaluationError for a text that is no regular expression */
export function matchesLinear(text: string, pattern: string): boolean {
  return compilePattern(pattern).matcher(text).find()
}

function compilePattern(pattern: string, node?: ASTNode): RE2JS {
  const known = patterns.get(pattern)
  if (known) return known
  let program: RE2JS
  try {
    program = RE2JS.compile(pattern)
  } catch {
    const message = `${JSON.stringify(pattern)} is no regular expression (RE2 syntax)`
    throw new EvaluationError({ code: 'invalid_regular_expression', message, ...(node ? { node } : {}) })
  }
  if (patterns.size >= MAX_COMPILED) patterns.clear()
  patterns.set(pattern, program)
  return program
}
const patterns = new Map<string, RE2JS>()

/** Direct children of a parsed node, whatever its operator. */
export function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item)
    else if (typeof value === 'object' && value !== null && 'op' in value) found.push(value as ASTNode)
  }
  visit(node.args)
  return found
}
