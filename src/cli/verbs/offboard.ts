import { isTable, type MembershipEdit, type Offboarding, offboard, planOffboarding } from '../../app/offboarding.ts'
import { openRealm } from '../../app/openrealm.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { document, jsonText, line } from '../output.ts'
import { renderPlan } from '../plantext.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['offboard alice', 'ends every membership of hers, after saying what that takes away'],
    ['offboard alice --on 2026-12-31', 'at the end of that day in the time zone of each organization'],
    ['offboard carol@partner.example --dry-run', 'only says what it would take'],
  )
    .argument('<person>', 'name of a User, or an address')
    .option('--on <date>', 'the last day')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only say what it takes away')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nIn every organization at once. What a Source declares is ended there: this names file and line, and prints the edit.\nIt goes through the guard like every other edit.\nExit code 1: not confirmed, nothing to end, held, or something is left to be edited in a file.',
    )
    .action(async (called: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const found = await planOffboarding(realm, { person: called, on: flags['on'] as string | undefined }, io.signal)
      const { person, on, edits, invitations, remainders, plan } = found
      const dry = flags['dryRun'] === true
      const own =
        edits.filter(({ by }) => by === 'hand').length +
        (on === undefined ? invitations.filter(({ by }) => by === 'hand').length : 0)
      const inFiles = edits.filter(({ by }) => by === 'manifest')
      if (format === 'text') await say(found, io)
      if (edits.length + invitations.length === 0) {
        if (format === 'json') io.out(jsonText({ person, edits, invitations, remainders, changes: [], done: [] }))
        else io.err(line(`${person} has nothing that could be ended${on === undefined ? '' : ` after ${on}`}`))
        throw new Exit(1)
      }
      const question = on === undefined ? `Offboard ${person}?` : `Offboard ${person} at the end of ${on}?`
      const go = !dry && own > 0 && (await confirmed(io, question, flags['yes'] === true))
      const result = go ? await offboard(realm, found, io.signal) : { done: [] }
      if (format === 'json')
        io.out(
          jsonText({
            person,
            ...(on !== undefined && { on }),
            edits,
            invitations,
            remainders,
            changes: plan.changes,
            held: plan.held,
            ...result,
          }),
        )
      else {
        if (inFiles.length > 0) {
          io.err('\n')
          io.err(line(`A Source declares ${person}; nothing is changed here. Write it there:`))
          io.out(await editText(inFiles))
        }
        if (go) {
          const when = on === undefined ? 'is offboarded in' : `is offboarded at the end of ${on} in`
          if (result.done.length > 0) io.out(line(`${person} ${when} ${result.done.join(', ')}`))
          else io.out(line(`${person}: written`))
          if ((await loopNote(realm, io)) && 'waiting' in result) io.err(line(`! not over yet: ${result.waiting}`))
        }
      }
      const isOver = go && (!('waiting' in result) || (await realm.store.lease.read())?.held !== true)
      if (!dry && (!isOver || inFiles.length > 0)) throw new Exit(1)
    })
}

/** What it takes away, and what is left: talk, before the question. */
const say = async ({ on, edits, invitations, remainders, plan, person }: Offboarding, io: Io): Promise<void> => {
  if (edits.length + invitations.length === 0) return
  if (on !== undefined) io.err(line(`At the end of ${on} this follows for ${person}:\n`))
  io.err(renderPlan(plan, 'text', { color: io.terminal.color && io.terminal.err }))
  for (const { name, email, organization, by, place } of invitations)
    io.err(
      line(
        by === 'manifest'
          ? `! the invitation of ${email} to ${organization} is declared in ${place}: take it out there`
          : on === undefined
            ? `! the open invitation ${name} of ${email} to ${organization} is deleted: its link stops working`
            : `! the open invitation ${name} of ${email} to ${organization} stays until then`,
      ),
    )
  for (const { by, place, organization } of edits)
    if (by === 'hand' && place !== undefined)
      io.err(
        line(`! ${place} declares ${organization}, and \`roster apply\` of that brings it back: write it there too`),
      )
  for (const { what, place } of remainders) io.err(line(`! still ${what}: ${place}`))
}

/** The edits as they are to be written, file by file. */
const editText = async (edits: readonly MembershipEdit[]): Promise<string> => {
  const places = Map.groupBy(edits, ({ place = '' }) => place)
  let text = ''
  for (const [place, here] of places) {
    text += `# ${place}\n`
    if (here[0] && isTable(here[0])) {
      const until = here.map(({ entry }) => entry.until).find(one => one !== undefined)
      text += until === undefined ? '# take this row out\n' : `# write ${until} into the column until of this row\n`
    } else text += await document({ memberships: here.map(({ entry }) => entry) }, 'yaml')
  }
  return text
}
