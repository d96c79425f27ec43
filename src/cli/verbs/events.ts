import { eventsOf } from '../../app/happenings.ts'
import { momentOf } from '../../app/moment.ts'
import { openRealm } from '../../app/openrealm.ts'
import { withExamples } from '../examples.ts'
import { refOf } from '../kinds.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { age, document, table } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['events', 'what happened lately, newest last'],
    ['events --user alice --since 24h', 'about one person'],
    ['events invitation/carol', 'about one resource'],
  )
    .argument('[resource...]', 'KIND NAME, or KIND/NAME; none: everything')
    .option('--user <person>', 'about a person, by name or address')
    .option('--since <time>', '90m, 24h, 7d, a date or a time')
    .option('--type <type>', 'Normal or Warning')
    .option('-o, --output <format>', 'table, json, yaml')
    .addHelpText('after', '\nEvents are for people and are forgotten in time; `roster audit` keeps who did what.')
    .action(async (words: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['table', 'json', 'yaml'] as const, 'table')
      const ref = words.length > 0 ? refOf(words) : undefined
      const type =
        flags['type'] === undefined ? undefined : formatOf(flags['type'], ['Normal', 'Warning'] as const, 'Normal')
      await using realm = await openRealm(realmOptions(flags, io))
      const now = realm.clock.now()
      const since = flags['since'] === undefined ? undefined : momentOf(String(flags['since']), now)
      const found = await eventsOf(realm, { ref, user: flags['user'] as string | undefined, since })
      const events = found.filter(event => type === undefined || event.type === type)
      if (format !== 'table') io.out(await document({ events }, format))
      else if (events.length === 0) io.err('No events.\n')
      else
        io.out(
          table(
            ['Last', 'Type', 'Reason', 'Object', 'Count', 'Message'],
            events.map(({ ref: about, lastTime, reason, message, count, type: kind }) => [
              age(lastTime, now),
              kind,
              reason,
              `${about.kind.toLowerCase()}/${about.name}`,
              String(count),
              message,
            ]),
          ),
        )
    })
}
