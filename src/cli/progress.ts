import type { Io } from './io.ts'

/** One line on the terminal that is written over, shown only once work takes longer than half a second; nothing off a terminal. */
export const progress = (
  io: Io,
  what: string,
  on = true,
): { step: (done: number, all: number) => void; end: () => void } => {
  const begin = Date.now()
  let shown = 0
  const live = on && io.terminal.err
  return {
    step: (done, all) => {
      const now = Date.now()
      if (!live || now - begin < 500 || now - shown < 100) return
      shown = now
      io.err(`\r\u001b[K${what} ${done} of ${all}`)
    },
    end: () => {
      if (shown > 0) io.err('\r\u001b[K')
    },
  }
}
