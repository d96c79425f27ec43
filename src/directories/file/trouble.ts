import type { Reason } from '../../api/names.ts'
import type { ReadOutcome } from '../../ports/directory.ts'

type Ended = Exclude<ReadOutcome, { outcome: 'Complete' }>

/** Nothing can be read. Thrown between the parts of this driver only. */
export class FileTrouble extends Error {
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** @throws what is no trouble with the file */
export const failed = (error: unknown): Ended => {
  if (error instanceof FileTrouble) return { outcome: 'Failed', reason: error.reason, message: error.message }
  throw error
}

/** Rows that a message names. */
const NAMED = 5

/** Rows that could not be taken: whoever stands in them is not gone. */
export class Troubles {
  readonly #said: string[] = []
  #count = 0

  /** @param place as a person finds it: `line 12`, `entry 7` */
  add(place: string, problem: string): void {
    this.#count += 1
    if (this.#said.length < NAMED) this.#said.push(`${place} ${problem}`)
  }

  /** How a read ends that had them. */
  outcome(path: string): ReadOutcome {
    if (this.#count === 0) return { outcome: 'Complete' }
    const more = this.#count > this.#said.length ? ` and ${this.#count - this.#said.length} more` : ''
    return {
      outcome: 'Partial',
      reason: 'InvalidSpec',
      message: `${path}: ${this.#said.join('; ')}${more}; mend the export. Until then nobody in this file is taken for gone`,
    }
  }
}
