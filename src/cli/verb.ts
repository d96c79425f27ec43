import type { Command } from 'commander'
import type { Io } from './io.ts'

/** A verb as the table of verbs knows it; its file is only read when it is called. */
export interface VerbEntry {
  name: string
  summary: string
  group: 'Start' | 'Check and change' | 'Look' | 'The day’s work' | 'Keep'
  load: () => Promise<{ verb: Verb }>
}

/** One file a verb: says its arguments and options, and does it. Resolves with the exit code. */
export type Verb = (command: Command, io: Io) => void

/** Trouble that the person can mend: one line that says what is wrong and what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Ends a command with a code, after everything was said. */
export class Exit extends Error {
  override readonly name = 'Exit'
  readonly code: number
  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}
