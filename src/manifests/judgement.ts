import { byPlace, type Finding, type RuleId, type Severity } from './finding.ts'
import type { Origin, Place } from './origin.ts'
import type { Position } from './text.ts'

/** Where in a resource: a JSON pointer, and whether its key is meant; `inside` is a place inside of the text that stands there, from 1. */
export interface Spot {
  pointer: string
  which?: 'key' | 'value'
  inside?: Position | undefined
}

const MOST_PER_DOCUMENT = 50

/** Collects what is found in one document; more than fifty findings are counted only. */
export class Judgement {
  readonly origin: Origin
  readonly #findings: Finding[] = []
  #hidden = 0
  #kind: string | undefined
  #name: string | undefined

  constructor(origin: Origin) {
    this.origin = origin
  }

  /** From now on findings name the resource. */
  of(kind: unknown, name: unknown): void {
    if (typeof kind === 'string') this.#kind = kind
    if (typeof name === 'string') this.#name = name
  }

  report(rule: RuleId, message: string, spot: Spot | string = '', severity: Severity = 'error'): void {
    if (this.#findings.length >= MOST_PER_DOCUMENT) {
      this.#hidden++
      return
    }
    const { pointer, which, inside } = typeof spot === 'string' ? ({ pointer: spot } as Spot) : spot
    const place = this.origin.at(pointer, which)
    const { line, column } = inside ? placeInside(place, inside) : place
    this.#add(rule, message, severity, line, column, pointer)
  }

  /** A finding of the text itself, whose place is known. */
  reportAt(rule: RuleId, message: string, severity: Severity, position: { line: number; column: number }): void {
    if (this.#findings.length >= MOST_PER_DOCUMENT) this.#hidden++
    else this.#add(rule, message, severity, position.line, position.column, undefined)
  }

  #add(
    rule: RuleId,
    message: string,
    severity: Severity,
    line: number,
    column: number,
    path: string | undefined,
  ): void {
    this.#findings.push({
      severity,
      rule,
      message,
      file: this.origin.file,
      line,
      column,
      ...(this.#kind === undefined ? {} : { kind: this.#kind }),
      ...(this.#name === undefined ? {} : { name: this.#name }),
      ...(path ? { path } : {}),
    })
  }

  get failed(): boolean {
    return this.#findings.some(({ severity }) => severity === 'error')
  }

  /** All of it, by place. What kubectl would make of a value is not said where the value is wrong anyway. */
  findings(): Finding[] {
    const wrong = new Set(
      this.#findings.filter(({ rule }) => rule !== 'ambiguous-scalar').map(({ line, column }) => `${line}:${column}`),
    )
    const found = this.#findings.filter(
      ({ rule, line, column }) => rule !== 'ambiguous-scalar' || !wrong.has(`${line}:${column}`),
    )
    found.sort(byPlace)
    const last = found.at(-1)
    if (this.#hidden > 0 && last) {
      const { path: _, ...place } = last
      const message = `and ${this.#hidden} more in this document`
      found.push({ ...place, rule: 'too-many-findings', severity: 'error', message })
    }
    return found
  }
}

/** Where a place inside of a text stands in the file; where that cannot be told (escapes, folded lines), where the text begins. */
function placeInside({ line, column, raw = '', literal }: Place, inside: Position): Position {
  if (literal) {
    const indent = /^ */.exec(raw)?.[0].length ?? 0
    return { line: line + inside.line - 1, column: column + indent + inside.column - 1 }
  }
  if (inside.line > 1 || /[\\\r\n]/.test(raw)) return { line, column }
  return { line, column: column + inside.column - 1 + (/^["']/.test(raw) ? 1 : 0) }
}
