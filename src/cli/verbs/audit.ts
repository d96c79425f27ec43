import { resolve } from 'node:path'
import { counted } from '../../api/counted.ts'
import { auditChains } from '../../app/audit-chains.ts'
import { type AuditLine, auditTrail } from '../../app/happenings.ts'
import { momentOf } from '../../app/moment.ts'
import { openRealm } from '../../app/openrealm.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { jsonLine, jsonText, table } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['audit --user alice', 'all that concerned one person'],
    ['audit --by bob --since 7d', 'all that one actor did'],
    ['audit head -o json > head.json', 'the last line of each writer, to be kept elsewhere'],
    ['audit verify --against head.json', 'whether a line was edited, dropped, moved or taken off the end'],
    ['audit --action mail.send -o jsonl', 'for another program'],
  )
    .argument('[what]', 'verify: check the chains; head: print the last line of each writer')
    .option('--against <file>', 'with verify: heads that were printed before with -o json')
    .option('--user <person>', 'about a person, by name or address')
    .option('--by <actor>', 'user/bob, source/people, local/root; the last part alone does too')
    .option('--action <action>', 'mail.send, membership.join, access.take, …; mail alone means all of mail')
    .option('--organization <name>', 'in one organization')
    .option('--since <time>', '90m, 24h, 7d, a date or a time')
    .option('--until <time>', 'the same')
    .option('--limit <number>', 'only the newest so many')
    .option('-o, --output <format>', 'table, wide, json, jsonl')
    .addHelpText('after', '\nverify: exit code 1 when something is wrong.')
    .action(async (what: string | undefined, flags: Record<string, unknown>) => {
      if (what !== undefined) return chains(what, flags, io)
      const format = formatOf(flags['output'], ['table', 'wide', 'json', 'jsonl'] as const, 'table')
      const limit = limitOf(flags['limit'])
      await using realm = await openRealm(realmOptions(flags, io))
      const now = realm.clock.now()
      const text = (key: string): string | undefined => flags[key] as string | undefined
      const moment = (key: string): string | undefined =>
        flags[key] === undefined ? undefined : momentOf(String(flags[key]), now)
      const {
        lines: all,
        unreadable,
        called,
      } = await auditTrail(realm, {
        user: text('user'),
        by: text('by'),
        action: text('action'),
        organization: text('organization'),
        since: moment('since'),
        until: moment('until'),
      })
      const lines = all.slice(-limit)
      if (format === 'jsonl') io.out(lines.map(jsonLine).join(''))
      else if (format === 'json') io.out(jsonText({ lines, unreadable }))
      else if (lines.length > 0) io.out(tableOf(lines, called, format === 'wide'))
      else io.err('Nothing of this is in the audit trail.\n')
      if (unreadable > 0)
        io.err(
          `${counted(unreadable, 'line')} in ${realm.paths.audit} cannot be read: cut off by a crash, or changed by somebody\n`,
        )
    })
}

const chains = async (what: string, flags: Record<string, unknown>, io: Io): Promise<void> => {
  if (what !== 'verify' && what !== 'head') throw new UsageError(`audit ${what} is neither verify nor head`)
  const format = formatOf(flags['output'], ['table', 'json'] as const, 'table')
  await using realm = await openRealm(realmOptions(flags, io))
  const against = flags['against'] === undefined ? undefined : resolve(io.cwd, String(flags['against']))
  const verdict = await auditChains(realm, what === 'verify' ? against : undefined)
  const { heads, breaks, lines, unchained, unreadable } = verdict
  if (what === 'head')
    io.out(
      format === 'json'
        ? jsonText({ heads })
        : table(
            ['Writer', 'Line', 'Hash'],
            heads.map(({ writer, number, hash }) => [writer, String(number), hash]),
          ),
    )
  else if (format === 'json') io.out(jsonText(verdict))
  else {
    if (breaks.length > 0)
      io.out(
        table(
          ['Problem', 'Writer', 'Line', 'Place'],
          breaks.map(({ problem, writer, number, place }) => [problem, writer, String(number), place ?? '-']),
        ),
      )
    io.err(
      `${lines} lines of ${heads.length} writers checked, ${breaks.length} problems; ${unchained} lines have no chain, ${unreadable} cannot be read\n`,
    )
  }
  if (what === 'verify' && breaks.length > 0) throw new Exit(1)
}

const limitOf = (given: unknown): number => {
  if (given === undefined) return Number.MAX_SAFE_INTEGER
  if (!/^[1-9]\d{0,8}$/.test(String(given)))
    throw new UsageError(`--limit ${String(given)} is no number of lines; write 100`)
  return Number(given)
}

const tableOf = (lines: readonly AuditLine[], called: (target: string) => string, wide: boolean): string =>
  table(
    ['Time', 'Actor', 'Action', 'Target', 'Organization', 'Because', ...(wide ? ['Phase', 'After'] : [])],
    lines
      // An intent with its result says the same twice; the wide table has both.
      .filter((one, at) => wide || one.phase !== 'intent' || !lines.slice(at + 1).some(next => isResultOf(next, one)))
      .map(one => [
        one.time,
        one.actor,
        one.action,
        called(one.target),
        one.organization ?? '',
        one.because ?? '',
        ...(wide ? [one.phase, one.after === undefined ? '' : JSON.stringify(one.after)] : []),
      ]),
  )

const isResultOf = (next: AuditLine, intent: AuditLine): boolean =>
  next.phase === 'result' && next.action === intent.action && next.target === intent.target && next.key === intent.key
