import { API_VERSION } from '../../api/names.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import type { Verb } from '../verb.ts'
import { ROSTER_VERSION } from '../version.ts'

export const printVersion = (io: Io): number => {
  io.out(`roster ${ROSTER_VERSION} (${API_VERSION}, Node ${process.versions.node})\n`)
  return 0
}

export const verb: Verb = (command, io) => {
  withExamples(command, ['version -o json', 'for another program'])
    .option('-o, --output <format>', 'json')
    .action((options: { output?: string }) => {
      if (options.output === 'json')
        io.out(`${JSON.stringify({ version: ROSTER_VERSION, apiVersion: API_VERSION, node: process.versions.node })}\n`)
      else printVersion(io)
    })
}
