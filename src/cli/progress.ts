import { escapeText } from '../api/escape.ts'
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

/** One line on the terminal that is written over; nothing off a terminal. */
export const ticker = (io: Io): { show: (text: string) => void; end: () => void } => {
  let shown = false
  return {
    show: text => {
      if (!io.terminal.err) return
      shown = true
      io.err(`\r\u001b[K${escapeText(text)}`)
    },
    end: () => {
      if (shown) io.err('\r\u001b[K')
    },
  }
}
