import type { Io } from './io.ts'
import { UsageError } from './verb.ts'

/**
 * Asks before something is taken away. `--yes` answers; without a terminal nobody is asked, and it is refused.
 * @returns whether to go on @throws UsageError where nobody can be asked
 */
export const confirmed = async (io: Io, question: string, yes: boolean): Promise<boolean> => {
  if (yes) return true
  const answer = await io.ask(`${question} [y/N] `)
  if (answer === undefined)
    throw new UsageError('there is no terminal to ask on; say --yes to go on without being asked')
  if (/^(y|yes)$/i.test(answer.trim())) return true
  io.err('Nothing was changed.\n')
  return false
}
