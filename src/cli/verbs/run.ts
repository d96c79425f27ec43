import { escapeText } from '../../api/escape.ts'
import { dataPaths } from '../../app/paths.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, SENDING, withSettings } from '../options.ts'
import { serve } from '../serve.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, ...SENDING, 'directory-files', 'ops-listen', 'log'),
    ['run people/', 'a folder; an edit takes effect within a second'],
    ['run https://git.example/acme/people.git --prune', 'a repository, asked every minute'],
  )
    .argument('[path...]', 'folders, files or Git URLs to watch; none: the Sources in the store')
    .addHelpText(
      'after',
      '\nWithout --smtp every mail is a file in the data folder, and http://HOST:PORT/mail shows them (on loopback only).\nCtrl-C or SIGTERM ends it cleanly; started again it goes on where it was.',
    )
    .action(async (sources: string[], flags: Record<string, unknown>) => {
      const realm = realmOptions(flags, io, true)
      const json = realm.settings.log === 'json'
      await serve({
        realm: { ...realm, auditStream: process.stdout },
        io,
        sources,
        log: json ? { stderr: true } : { file: dataPaths(realm.settings.data).log },
        talk: !json,
        afterOverview: (running, sources) => {
          for (const { spec, status } of sources)
            if (status?.objects === 0)
              io.err(
                `! ${escapeText(spec.folder?.path ?? spec.git?.url ?? '')} holds no manifest: is it the right place?\n`,
              )
          if (sources.length === 0)
            io.err('Nothing is watched: name a folder or a Git URL, or apply a Source (roster explain source).\n')
          io.out(
            `\nPortal ${running.portalUrl}${realm.settings.smtp === undefined ? ` · mails at ${running.portalUrl}/mail` : ''}\nCtrl-C stops.\n\n`,
          )
        },
      })
    })
}
