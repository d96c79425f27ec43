import { type Invited, invite, invitedState } from '../../app/inviting.ts'
import { openRealm } from '../../app/openrealm.ts'
import type { Realm } from '../../app/realm.ts'
import { waitWhile } from '../../app/waiting.ts'
import { when } from '../../app/when.ts'
import { withExamples } from '../examples.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

/** How long sending is watched. What is slower goes on by itself. */
const PATIENCE = 30_000

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['invite carol@partner.example --org acme --roles viewer', 'one person'],
    ['invite a@x.example b@x.example --org acme -m "Welcome!"', 'two, with a word'],
  )
    .argument('<address...>', 'whom to invite')
    .requiredOption('--org <organization>', 'where to')
    .option('--roles <roles>', 'roles from the moment of joining, separated by commas; none: restricted access')
    .option('-m, --message <text>', 'your words, shown as a quotation')
    .option('--given-name <name>', 'for the greeting; with one address')
    .option('--locale <tag>', 'language of the mail: de, en-GB')
    .option('--valid-for <duration>', 'how long the link works: 24h, 72h')
    .option('--no-wait', 'do not watch the mail being sent')
    .option('-o, --output <format>', 'text, json')
    .addHelpText('after', '\nExit code 1: a mail was refused, or somebody is invited already.')
    .action(async (addresses: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      if (addresses.length > 1 && flags['givenName'] !== undefined)
        throw new UsageError('--given-name is for one address; invite them one by one')
      const text = (key: string): string | undefined => flags[key] as string | undefined
      await using realm = await openRealm(realmOptions(flags, io))
      const { invited, quota, timeZone } = await invite(realm, {
        addresses,
        organization: String(flags['org']),
        roles: (text('roles') ?? '')
          .split(',')
          .map(role => role.trim())
          .filter(role => role !== ''),
        message: text('message'),
        givenName: text('givenName'),
        locale: text('locale'),
        validFor: text('validFor'),
      })
      const say = (words: string): void => (format === 'text' ? io.err(line(words)) : undefined)
      const made = invited.filter(one => one.is === 'made')
      for (const one of invited) if (one.is === 'refused') say(`${one.address} ${one.why}`)
      const runs =
        made.length === 0 || format === 'json'
          ? (await realm.store.lease.read())?.held === true
          : await loopNote(realm, io)
      const wait = runs && flags['wait'] !== false
      const results = await Promise.all(made.map(one => follow(realm, one, { wait, timeZone, signal: io.signal, say })))
      io.signal.throwIfAborted()
      if (format === 'json')
        io.out(jsonText({ invited: [...results, ...invited.filter(one => one.is === 'refused')], quota }))
      else {
        for (const result of results) io.out(line(textOf(result, timeZone)))
        if (made.length > 0)
          say(`${Math.max(0, quota.left - made.length)} of ${quota.limit} invitations left in these 24 hours`)
      }
      if (results.some(({ state }) => state === 'failed') || invited.some(one => one.is === 'refused'))
        throw new Exit(1)
    })
}

interface Result {
  address: string
  invitation: string
  state: 'sent' | 'queued' | 'failed' | 'joined' | 'written'
  until?: string
  message?: string
}

/** Watches one mail on its way. */
const follow = async (
  realm: Realm,
  { address, invitation, at }: Extract<Invited, { is: 'made' }>,
  {
    wait,
    timeZone,
    signal,
    say,
  }: { wait: boolean; timeZone: string; signal: AbortSignal; say: (text: string) => void },
): Promise<Result> => {
  const result = { address, invitation }
  if (!wait)
    return {
      ...result,
      state: 'written',
      ...(at !== undefined && { message: `goes ${when(at, timeZone)} by the limits` }),
    }
  say(`Sending to ${address} …`)
  const seen = await waitWhile(
    realm,
    { kind: 'Invitation', name: invitation },
    object => {
      const state = invitedState(object)
      return state.is === 'waiting' ? undefined : state
    },
    AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
  )
  if (!seen) return { ...result, state: 'written', message: 'not sent yet; the controller goes on with it' }
  switch (seen.is) {
    case 'sent':
      return {
        ...result,
        state: 'sent',
        until: seen.until,
        ...(seen.delivery !== undefined && { message: seen.delivery }),
      }
    case 'queued':
      return { ...result, state: 'queued', message: seen.why }
    case 'joined':
      return { ...result, state: 'joined', message: 'was a member already; the roles are there' }
    case 'failed':
      return { ...result, state: 'failed', message: seen.why }
    default:
      return { ...result, state: 'written' }
  }
}

const textOf = ({ address, invitation, state, until, message }: Result, timeZone: string): string => {
  const tail = message === undefined ? '' : `: ${message}`
  switch (state) {
    case 'sent':
      return `${address}: sent; the link works until ${until === undefined ? 'it expires' : when(until, timeZone)}${message === undefined ? '' : ` (${message})`}`
    case 'queued':
      return `${address}: queued${tail}`
    case 'joined':
      return `${address}: ${message ?? 'joined'}`
    case 'failed':
      return `${address}: failed${tail}`
    case 'written':
      return `${address}: written as invitation/${invitation}${tail}`
    default:
      return state satisfies never
  }
}
