import { type ASTNode, Environment, EvaluationError } from '@marcbachmann/cel-js'
import { RE2JS } from 're2js'
import { CostError, estimateCost, type Fields, FOUND, fieldsText, PERSON } from './cel-cost.ts'

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

/** What an expression sees of somebody as a directory tells of them. */
export interface FoundFacts {
  id: string
  login?: string | undefined
  email?: string | undefined
  aliases?: readonly string[] | undefined
  /** The address is in no domain of the organization. */
  external: boolean
  givenName?: string | undefined
  familyName?: string | undefined
  displayName?: string | undefined
  locale?: string | undefined
  /** What they are there, where the service tells: `Owner`, `Invited`. */
  relation?: string | undefined
  active: boolean
}

/** The verdict on one person; with an error the caller keeps its verdict of before. */
export type Evaluation = { ok: boolean } | { error: string }

/** What is wrong with an expression; `offset` and `length` in UTF-16 units of its text. */
export interface ExpressionProblem {
  message: string
  offset: number
  length: number
}

export interface Compiled<Facts, Result> {
  /** What is wrong with it; then every evaluation is an error. */
  readonly problem: ExpressionProblem | undefined
  evaluate(user: Facts): Result | { error: string }
}

/** Units of {@link estimateCost}: a few milliseconds a person at the very worst. */
const MAX_COST = 50_000
const LIMITS = { maxAstNodes: 1000, maxDepth: 40, maxListElements: 500, maxMapEntries: 100, maxCallArguments: 8 }

const environmentOf = (fields: Fields): Environment =>
  new Environment({ homogeneousAggregateLiterals: false, limits: LIMITS })
    .registerVariable('user', {
      schema: Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, type])),
    })
    .registerFunction('string.matchesLinear(string): bool', matchesLinear)

/** What expressions are about. */
interface Language {
  readonly fields: Fields
  readonly environment: Environment
}
const languageOf = (fields: Fields): Language => ({ fields, environment: environmentOf(fields) })
const person = languageOf(PERSON)
const found = languageOf(FOUND)

const MAX_COMPILED = 10_000

/** Compiles each text once. */
const remembering = <Facts, Result>(
  compileText: (text: string) => Compiled<Facts, Result>,
): ((text: string) => Compiled<Facts, Result>) => {
  const compiled = new Map<string, Compiled<Facts, Result>>()
  return text => {
    const known = compiled.get(text)
    if (known) return known
    const expression = compileText(text)
    if (compiled.size >= MAX_COMPILED) compiled.clear()
    compiled.set(text, expression)
    return expression
  }
}

/**
 * Compiles an expression over a `user`: parsed, its types checked, its worst-case cost estimated. The same text is compiled once.
 * It never throws: what is wrong is the `problem` of the result. A key that the person does not have makes it *no*; every other error is an error.
 */
export const compileExpression = remembering<ExpressionUser, { ok: boolean }>(text =>
  compile(text, person, 'bool', ({ labels, ...fields }) => ({
    // Labels are a Map, for one may be called `constructor`.
    labels: new Map(Object.entries(labels ?? {})),
    ...present(fields),
  })),
)

/** The same over somebody as a directory tells of them. */
export const compileFilter = remembering<FoundFacts, { ok: boolean }>(text => compile(text, found, 'bool', present))

/** An expression whose value is a text; one that needs a key which is not there has none. */
export const compileMapping = remembering<FoundFacts, { value: string | undefined }>(text =>
  compile(text, found, 'string', present),
)

interface Results {
  bool: { ok: boolean }
  string: { value: string | undefined }
}

/** How a value of each type is told, and what is said where a key is missing. */
const RESULTS: {
  [T in keyof Results]: { of: (value: unknown) => Results[T] | undefined; none: Results[T]; what: string }
} = {
  bool: {
    of: value => (typeof value === 'boolean' ? { ok: value } : undefined),
    none: { ok: false },
    what: 'true or false',
  },
  string: {
    of: value => (typeof value === 'string' ? { value } : undefined),
    none: { value: undefined },
    what: 'a text',
  },
}

function compile<Facts, Type extends keyof Results>(
  text: string,
  { fields, environment }: Language,
  wanted: Type,
  contextOf: (facts: Facts) => Record<string, unknown>,
): Compiled<Facts, Results[Type]> {
  const broken = (problem: ExpressionProblem) => ({ problem, evaluate: () => ({ error: problem.message }) })
  const { of, none, what } = RESULTS[wanted]
  try {
    const program = environment.parse(text)
    const { cost, refused } = estimateCost(program.ast, fields)
    if (refused) {
      const { start, end } = refused.node
      return broken({ message: refused.message, offset: start, length: end - start })
    }
    rewriteMatches(program.ast)
    checkPatterns(program.ast)
    const { valid, type, error } = program.check()
    if (!valid) return broken(problemOf(error, text, fields))
    if (type !== wanted && type !== 'dyn')
      return broken({ message: `must be ${what}, and is ${type}`, offset: 0, length: text.length })
    if (cost > MAX_COST)
      return broken({
        message: 'is too expensive: nest fewer all(), exists(), filter() and map()',
        offset: 0,
        length: text.length,
      })
    return {
      problem: undefined,
      evaluate: facts => {
        // Of every person who lacks a key an error is made and thrown away: where it came from is what costs.
        const traced = Error.stackTraceLimit
        Error.stackTraceLimit = 0
        try {
          return of(program({ user: contextOf(facts) })) ?? { error: `is not ${what}` }
        } catch (error) {
          if (error instanceof EvaluationError && error.code === 'no_such_key') return none
          return { error: summaryOf(error, fields) }
        } finally {
          Error.stackTraceLimit = traced
        }
      },
    }
  } catch (error) {
    return broken(problemOf(error, text, fields))
  }
}

/** Only what is there: an absent value has to be an absent key. */
const present = (facts: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))

function problemOf(error: unknown, text: string, fields: Fields): ExpressionProblem {
  const range = (error as { range?: { start: number; end: number } }).range
  const offset = Math.min(range?.start ?? 0, text.length)
  return {
    message: summaryOf(error, fields),
    offset,
    length: Math.max(1, Math.min(range?.end ?? text.length, text.length) - offset),
  }
}

function summaryOf(error: unknown, fields: Fields): string {
  if (error instanceof CostError) return error.message
  const { code, summary, message } = error as { code?: string; summary?: string; message?: string }
  const text = (summary ?? message ?? String(error)).split('\n')[0] ?? ''
  if (code === 'no_such_key') return `user has no ${text.replace(/^No such key: /, '')}; it has ${fieldsText(fields)}`
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
