import type { Command } from 'commander'

/** What every help ends with: how the verb is called, each line with what it does. */
export const withExamples = (command: Command, ...examples: [line: string, does: string][]): Command => {
  const wide = Math.max(...examples.map(([line]) => line.length))
  return command.addHelpText(
    'after',
    `\nExamples\n${examples.map(([line, does]) => `  roster ${line.padEnd(wide)}   ${does}`).join('\n')}`,
  )
}
