import { type Lack, ServiceTrouble } from '../trouble.ts'
import { isJson, type Json, textOf } from './resource.ts'

/** People or groups of one service: whatever it sends beyond is its own invention. */
const MOST_RESOURCES = 5_000_000

/** A resource with its id. */
export interface Listed {
  readonly id: string
  readonly resource: Json
}

export const idOf = (resource: unknown): string | undefined => (isJson(resource) ? textOf(resource, 'id') : undefined)

/** What came of one list, against what the service says there is. */
export class Count {
  readonly #host: string
  readonly #what: string
  readonly #ids = new Set<string>()
  #first: number | undefined
  #last: number | undefined
  /** What it said in between, where that was another number. */
  #other: number | undefined
  #withoutId = 0
  #uncounted = false
  repeated = 0
  /** Those that were to come have moved up, past where the list was read. */
  hasMoved = false

  /** @param what for people */
  constructor(host: string, what: string) {
    this.#host = host
    this.#what = what
  }

  /** Entries, those that came more than once counted once. */
  get came(): number {
    return this.#ids.size + this.#withoutId
  }

  /** As many came as the service says there are. */
  get isReached(): boolean {
    return this.#last !== undefined && this.came >= this.#last
  }

  /** Whether somebody is among them who did not come before. */
  hasNew(resources: readonly unknown[]): boolean {
    return resources.some(resource => {
      const id = idOf(resource)
      return id !== undefined && !this.#ids.has(id)
    })
  }

  /**
   * Counts a page.
   * @param total what the service says there is
   * @returns those that did not come before
   * @throws ServiceTrouble where there is no end to it
   */
  add(resources: readonly unknown[], total: number | undefined): Listed[] {
    this.#uncounted ||= resources.length > 0 && this.came > 0 && this.isReached && this.hasNew(resources)
    const fresh: Listed[] = []
    for (const resource of resources) {
      const id = idOf(resource)
      if (id === undefined || !isJson(resource)) this.#withoutId++
      else if (this.#ids.has(id)) this.repeated++
      else {
        this.#ids.add(id)
        fresh.push({ id, resource })
      }
    }
    this.#first ??= total
    this.#last = total ?? this.#last
    if (this.#last !== this.#first) this.#other = this.#last
    if (this.came > MOST_RESOURCES)
      throw new ServiceTrouble(
        'NotAllowed',
        `${this.#host} sends more than ${MOST_RESOURCES} ${this.#what}; name a filter`,
      )
    return fresh
  }

  /** Why some may be missing; undefined: all came. */
  lack(): Lack | undefined {
    const [host, what] = [this.#host, this.#what]
    const found = [this.#mismatch()].filter(lack => lack !== undefined)
    if (this.#withoutId > 0)
      found.push({
        reason: 'NotAllowed',
        message: `${host} sent ${this.#withoutId} of its ${what} without an id, and they are left out; look into the service`,
      })
    const [head] = found
    return head && { reason: head.reason, message: found.map(({ message }) => message).join('; ') }
  }

  #mismatch(): Lack | undefined {
    const [host, what, first, last, other] = [this.#host, this.#what, this.#first, this.#last, this.#other]
    const { came } = this
    const again = this.repeated > 0 ? `, and some of them more than once` : ''
    if (this.#uncounted || (last !== undefined && came > last))
      return {
        reason: 'Incomplete',
        message: `${host} sent more ${what} than it says there are (${came}, and not ${first}), so nobody can tell whether all came; look into the service`,
      }
    if (other !== undefined)
      return {
        reason: 'Retrying',
        message: `the ${what} of ${host} changed while they were read (${first} at first, then ${other}); they are read again`,
      }
    if (this.hasMoved)
      return {
        reason: 'Retrying',
        message: `the ${what} of ${host} changed while they were read, so some may be missing; they are read again`,
      }
    if (last !== undefined && came !== last)
      return {
        reason: 'Incomplete',
        message: `${host} sent ${came} of the ${last} ${what} that it says it has${again}; they are read again`,
      }
    if (last === undefined && this.repeated > 0)
      return {
        reason: 'Retrying',
        message: `${host} sent ${came} ${what}${again}, so others may be missing; they are read again`,
      }
    return undefined
  }
}
