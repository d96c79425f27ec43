import { EXIT } from '../api/names.ts'
import { type Io, processIo } from './io.ts'

/** Runs one command line, without the program's name. Never throws; resolves with the exit code. */
export const main = async (args: readonly string[], io: Io): Promise<number> => {
  try {
    // The most common question of scripts needs neither the parser nor any verb.
    if (args.length === 1 && ['version', '--version', '-V'].includes(args[0] ?? ''))
      return (await import('./verbs/version.ts')).printVersion(io)
    return await (await import('./program.ts')).runProgram(args, io)
  } catch (error) {
    return await (await import('./trouble.ts')).report(error, args, io)
  }
}

/** Under this name kubectl finds it as a plugin: `kubectl roster why alice`. Then the realm is where kubectl's kubeconfig leads. */
const PLUGIN = 'kubectl-roster'

if (import.meta.main) {
  if (/[^/\\]*$/.exec(process.argv[1] ?? '')?.[0] === PLUGIN) process.env.ROSTER_KUBERNETES = 'true'
  process.exitCode = EXIT.trouble
  process.exitCode = await main(process.argv.slice(2), processIo())
}
