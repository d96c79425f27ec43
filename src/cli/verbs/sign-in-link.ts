import { openRealm } from '../../app/openrealm.ts'
import { signInLink } from '../../app/sign-in.ts'
import { when } from '../../app/when.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data', 'public-url', 'listen'), [
    'sign-in-link bob',
    'for when mail does not work',
  ])
    .argument('<person>', 'name of a User, or an address; somebody who has joined')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nThe link works once and for ten minutes. Whoever has it signs in as that person: hand it over by a safe way. It is in the audit trail, without the link.',
    )
    .action(async (person: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const { url, expirationTime, address, served } = await signInLink(realm, person)
      if (format === 'json') io.out(jsonText({ url, expirationTime, address }))
      else {
        io.out(`${url}\n`)
        io.err(
          line(
            `Signs in as ${address}, once, until ${when(expirationTime)}. Whoever has it is ${address}: hand it over safely.`,
          ),
        )
      }
      if (!served)
        io.err('No controller runs on this store, so nothing answers at that link now: start one with roster run.\n')
    })
}
