import type { Kind } from '../api/names.ts'

/** Confirmed ends that are remembered, against late and doubled events. */
const REMEMBERED = 4096

/** Which lives of objects have ended, by uid: an ended life never comes back, whatever arrives late. */
export class EndedLives {
  /** Ended by an own write, and the watch has not said so yet: older events may still be on their way. */
  readonly #unconfirmed = new Map<string, Kind>()
  /** The newest others, oldest first. */
  readonly #confirmed = new Set<string>()

  has(uid: string): boolean {
    return this.#unconfirmed.has(uid) || this.#confirmed.has(uid)
  }

  endedByOwnWrite(uid: string, kind: Kind): void {
    if (!this.#confirmed.has(uid)) this.#unconfirmed.set(uid, kind)
  }

  confirm(uid: string): void {
    this.#unconfirmed.delete(uid)
    this.#confirmed.delete(uid)
    this.#confirmed.add(uid)
    if (this.#confirmed.size <= REMEMBERED) return
    for (const oldest of this.#confirmed) {
      this.#confirmed.delete(oldest)
      return
    }
  }

  /** A list of a kind confirms the end of what it does not hold any more. */
  confirmMissing(kind: Kind, listed: ReadonlySet<string>): void {
    for (const [uid, of] of this.#unconfirmed) if (of === kind && !listed.has(uid)) this.confirm(uid)
  }
}
