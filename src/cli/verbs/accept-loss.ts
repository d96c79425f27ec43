import { acceptKeyLoss, planKeyLoss } from '../../app/keyloss.ts'
import { openRealm } from '../../app/openrealm.ts'
import type { Realm } from '../../app/realm.ts'
import { acceptRecordLoss, planRecordLoss } from '../../app/recordloss.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

/** A loss as it is told, and how it is accepted. */
interface Loss {
  lost: readonly object[]
  lines: string[]
  accept: () => Promise<void>
}

const keys = async (realm: Realm): Promise<Loss> => {
  const loss = await planKeyLoss(realm)
  return {
    lost: loss.lost,
    lines: [
      ...loss.lost.map(({ name, how }) => `${name} is ${how === 'missing' ? 'missing' : 'another key'}`),
      ...loss.dies.map(
        ({ what, count, remedy }) =>
          `- ${what}${count === undefined ? '' : ` (${count})`} will be gone for good${remedy ? `; ${remedy}` : ''}`,
      ),
    ],
    accept: () => acceptKeyLoss(realm, loss),
  }
}

const MEANING = {
  Membership: 'everybody whose record is gone and who is still declared is invited anew, within the limits',
  Account: 'their people cannot sign in until they have accepted anew',
  SeatLedger: 'seats are given anew, and licence keys that were given may be given to somebody else',
} as const

const records = async (realm: Realm): Promise<Loss> => {
  const losses = await planRecordLoss(realm)
  return {
    lost: losses,
    lines: losses.map(({ kind, noted, found }) => `${kind}: ${noted - found} of ${noted} are gone; ${MEANING[kind]}`),
    accept: () => acceptRecordLoss(realm, losses),
  }
}

const LOSSES = { keys, records } as const

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data', 'keys', 'audit'),
    ['accept-loss keys', 'says what dies with keys that are gone, and asks'],
    ['accept-loss records --yes', 'in a script'],
  )
    .argument('<what>', 'keys, records')
    .option('-y, --yes', 'do not ask')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nWhere keys that were in use or records are gone, a controller does nothing. The better way is to bring them back: keys from your own copy, since no backup holds them; records from a backup.\nExit codes: 1 not confirmed.',
    )
    .action(async (what: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      if (what !== 'keys' && what !== 'records')
        throw new UsageError(`${JSON.stringify(what)} is nothing that can be lost here; say keys or records`)
      await using realm = await openRealm(realmOptions(flags, io))
      const { lost, lines, accept } = await LOSSES[what](realm)
      for (const each of lines) io.err(line(each))
      if (lost.length > 0) {
        io.err('Where they can still be brought back, do that instead.\n')
        const go = await confirmed(io, 'Go on without them?', flags['yes'] === true)
        if (!go) throw new Exit(1)
        await accept()
      }
      if (format === 'json') io.out(jsonText({ accepted: lost }))
      else if (lost.length === 0) io.out(`Nothing is lost: all ${what} are there.\n`)
      else io.out(`Accepted: this realm goes on with the ${what} that are there now.\n`)
    })
}
