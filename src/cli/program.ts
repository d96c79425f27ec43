import { Command, CommanderError } from 'commander'
import { EXIT } from '../api/names.ts'
import { didYouMean } from '../app/suggest.ts'
import type { Io } from './io.ts'
import { Exit, UsageError } from './verb.ts'
import { VERBS } from './verbs.ts'

const EXIT_CODES = `
Exit codes
  0    yes, done, no difference
  1    the answer is no: invalid, changes planned, not found, may not
  2    trouble: wrong usage, cannot read, cannot connect
  130  interrupted`

/** Parses and runs. Only the file of the verb that is called is read. @throws whatever the verb throws */
export const runProgram = async (args: readonly string[], io: Io): Promise<number> => {
  if (args[0] === '__complete') {
    const { complete } = await import('./complete.ts')
    await complete(args.slice(1), io)
    return EXIT.yes
  }
  const called = VERBS.find(verb => verb.name === args.find(arg => !arg.startsWith('-')))
  const program = new Command('roster')
    .description('People and access, declared.')
    .usage('VERB [ARGS]')
    .helpOption('-h, --help', 'this help, or the help of a verb')
    .helpCommand('help [VERB]', 'the help of a verb')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      // Said once, by who reports all trouble: in words, and with -o json as a document too.
      outputError: () => undefined,
      getOutHasColors: () => io.terminal.color,
      getOutHelpWidth: () => (io.terminal.out ? io.terminal.columns : 100),
    })
    .exitOverride()
    .addHelpText('after', EXIT_CODES)

  if (args[0] === 'help' && args[1] !== undefined && !VERBS.some(verb => verb.name === args[1])) {
    const names = VERBS.map(verb => verb.name)
    throw new UsageError(
      `there is no verb ${JSON.stringify(args[1])}${didYouMean(args[1], names) || '; roster --help lists them'}`,
    )
  }
  const helped = args[0] === 'help' ? VERBS.find(verb => verb.name === args[1]) : undefined
  for (const entry of VERBS) {
    const command = program
      .command(entry.name)
      .description(entry.summary)
      .helpGroup(`${entry.group}:`)
      .allowExcessArguments(false)
      .exitOverride()
    if (entry === called || entry === helped) (await entry.load()).verb(command, io)
  }
  if (args.length === 0) {
    program.outputHelp()
    return EXIT.yes
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof Exit) return error.code
    if (error instanceof CommanderError) {
      if (error.exitCode === 0 || error.code.startsWith('commander.help')) return EXIT.yes
      const name = called ? ` ${called.name}` : ''
      const text = usageOf(error.message)
      throw new UsageError(text.endsWith('?') ? text : `${text}; roster${name} --help says how`)
    }
    throw error
  }
  return EXIT.yes
}

/** What commander says of a wrong command line, as the middle of a sentence of ours. */
const usageOf = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(/\s*\(Did you mean (?:one of )?(.+?)\?\)\s*$/, '; did you mean $1?')
    .replace(/\.?\s*$/, '')
