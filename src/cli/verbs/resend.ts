import { openRealm } from '../../app/openrealm.ts'
import { requestResend } from '../../app/requests.ts'
import { withExamples } from '../examples.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['resend carol@partner.example', 'a new link; the old one is dead'],
    ['resend --expired --org acme', 'to everybody whose link ran out'],
  )
    .argument('[person]', 'a person by name or address, or the name of an invitation')
    .option('--expired', 'everybody whose link has expired')
    .option('--org <organization>', 'only there')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nThe limits of invitations hold. Exit code 1: nothing was sent again.')
    .action(async (person: string | undefined, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      if ((person === undefined) === (flags['expired'] !== true))
        throw new UsageError('name one person, or say --expired')
      await using realm = await openRealm(realmOptions(flags, io))
      const asked = await requestResend(
        realm,
        person === undefined ? { expired: true } : { person },
        flags['org'] as string | undefined,
      )
      const done = asked.filter(({ refused }) => refused === undefined)
      if (format === 'json') io.out(jsonText({ invitations: asked }))
      else {
        for (const { email, organization } of done)
          io.out(line(`${email}: a new link to ${organization} is on its way; the old one is dead`))
        for (const { email, organization, refused } of asked)
          if (refused !== undefined) io.err(line(`${email} in ${organization}: ${refused}`))
        if (asked.length === 0)
          io.err(person === undefined ? 'No link has expired.\n' : line(`${person} has no open invitation`))
        if (done.length > 0) await loopNote(realm, io)
      }
      // Asked for all expired ones, none is a fine answer.
      if (done.length === 0 && !(person === undefined && asked.length === 0)) throw new Exit(1)
    })
}
