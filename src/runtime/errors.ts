import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import { type ObjectRef, refText } from '../api/resource.ts'

/** A key did not come to rest: each of its runs led to another. Its reconciler, or two of them, write without end. */
export class RestlessKeyError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'GaveUp'
  readonly ref: ObjectRef
  constructor(ref: ObjectRef, runs: number) {
    super(
      `${refText(ref)} did not come to rest within ${runs} runs; its reconciler must write nothing when nothing has changed`,
    )
    this.ref = ref
  }
}
