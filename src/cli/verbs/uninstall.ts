import { counted } from '../../api/counted.ts'
import { openRealm } from '../../app/openrealm.ts'
import { failureText, planUninstall, refuseRunning, uninstallUnderLease } from '../../app/uninstalling.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

const SHOWN = 10

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['uninstall', 'says what it does, and asks'],
    ['uninstall --yes', 'in a script'],
  )
    .option('-y, --yes', 'do not ask')
    .option('--beside-controller', 'although a controller runs, which puts the finalizers back')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nLets go of Roster’s finalizers, and does nothing else: nobody loses access, nothing is mailed, nothing is deleted.\nExit codes: 1 not confirmed, 2 some objects could not be changed; run it again.',
    )
    .action(async (flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm({ ...realmOptions(flags, io), restoring: true })
      const { store, holder } = realm
      const plan = await planUninstall(store)
      const beside = flags['besideController'] === true
      if (!beside) refuseRunning(plan)
      const { held, going } = plan
      io.err(
        `${counted(held.length, 'object')} without Roster from now on: they can be deleted, and nothing follows from it.\n`,
      )
      for (const { kind, name } of going.slice(0, SHOWN))
        io.err(`! ${kind}/${name} was deleted already and goes at once; nobody's access is ended by it\n`)
      if (going.length > SHOWN) io.err(`! and ${going.length - SHOWN} more that were deleted already\n`)
      io.err('Resources, records, passwords, keys and definitions stay until you delete them.\n')
      if (held.length > 0 && !(await confirmed(io, 'Let go of them?', flags['yes'] === true))) throw new Exit(1)
      const { released, failures } = await uninstallUnderLease({ store, plan, holder, beside, signal: io.signal })
      for (const failure of failures) io.err(line(failureText(failure)))
      if (format === 'json')
        io.out(
          jsonText({
            released,
            gone: going.length,
            failed: failures.map(({ ref, error }) => ({ ...ref, error: error.message })),
          }),
        )
      else
        io.out(line(`${counted(released, 'object')} let go of${failures.length > 0 ? `, ${failures.length} not` : ''}`))
      if (failures.length > 0) throw new Exit(2)
    })
}
