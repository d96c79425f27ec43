import { type Clock, timestamp } from '../../ports/clock.ts'
import { LeaseLostError } from '../errors.ts'
import type { HeldLease, LeaseState, LeaseTable, ResourceStore } from '../store.ts'

/** Nobody else sees an overlay: its lease is never lost, only waited for inside the process. */
const FOR_GOOD = 100 * 365 * 86_400_000

/** The lease of an overlay. */
export class OverlayLease implements LeaseTable {
  readonly #clock: Clock
  readonly #fenced: (fence: () => void) => ResourceStore
  readonly #waiting = new Set<() => void>()
  #state: LeaseState | undefined
  #epoch: number

  /** @param options `epoch`: of the base, which the overlay's own comes after */
  constructor(options: { clock: Clock; epoch: number; fenced: (fence: () => void) => ResourceStore }) {
    this.#clock = options.clock
    this.#epoch = options.epoch
    this.#fenced = options.fenced
  }

  async acquire(options: {
    holder: string
    signal: AbortSignal
    onWaiting?: (state: LeaseState) => void
  }): Promise<HeldLease> {
    options.signal.throwIfAborted()
    if (this.#state?.held) options.onWaiting?.({ ...this.#state })
    while (this.#state?.held) {
      await this.#released(options.signal)
      options.signal.throwIfAborted()
    }
    this.#epoch += 1
    const state: LeaseState = {
      holder: options.holder,
      epoch: this.#epoch,
      expires: timestamp(this.#clock.now() + FOR_GOOD),
      idleAt: undefined,
      clockMark: this.#state?.clockMark,
      held: true,
    }
    this.#state = state
    return this.#hold(state)
  }

  async read(): Promise<LeaseState | undefined> {
    return this.#state && { ...this.#state }
  }

  #hold(state: LeaseState): HeldLease {
    const check = () => {
      if (!state.held) throw new LeaseLostError('the lease was released; nothing was written')
    }
    return {
      epoch: state.epoch,
      lost: new AbortController().signal,
      store: this.#fenced(check),
      reportIdle: async resourceVersion => {
        check()
        state.idleAt = resourceVersion
      },
      markClock: async time => {
        check()
        if (state.clockMark === undefined || state.clockMark < time) state.clockMark = time
      },
      release: async () => {
        state.held = false
        for (const wake of [...this.#waiting]) wake()
      },
    }
  }

  #released(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
