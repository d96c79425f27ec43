import { byPlace, type Finding, type RuleId, type Severity } from './finding.ts'
import type { Origin } from './origin.ts'

/** Where in a resource: a JSON pointer, and whether its key is meant. `offset` goes on inside of a text on one line. */
export interface Spot {
  pointer: string
  which?: 'key' | 'value'
  offset?: number
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
    const { pointer, which, offset } = typeof spot === 'string' ? ({ pointer: spot } as Spot) : spot
    const place = this.origin.at(pointer, which)
    // A text in quotes without escapes: the place inside of it is known.
    const inside =
      offset !== undefined && place.raw !== undefined && !/[\\\n]/.test(place.raw) && !/^[|>]/.test(place.raw)
    const quote = inside && /^["']/.test(place.raw ?? '') ? 1 : 0
    this.#add(
      rule,
      message,
      severity,
      place.line,
      inside ? place.column + (offset ?? 0) + quote : place.column,
      pointer,
    )
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
    const last = found.at(-1)
    if (this.#hidden > 0 && last)
      found.push({
        ...last,
        rule: 'too-many-findings',
        severity: 'error',
        message: `and ${this.#hidden} more in this document`,
      })
    return found.sort(byPlace)
  }
}
