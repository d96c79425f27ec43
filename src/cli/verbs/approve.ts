import {
  type ApprovalManifest,
  type Approved,
  approve,
  type HeldThing,
  planApprovals,
  rehearseApprovals,
} from '../../app/approving.ts'
import { openRealm } from '../../app/openrealm.ts'
import type { Plan } from '../../app/plan.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { heldLines, historyLines, restoreLines } from '../heldtext.ts'
import type { Io } from '../io.ts'
import { loopNote } from '../loop.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { document, jsonText, line } from '../output.ts'
import { renderPlan } from '../plantext.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['approve acme', 'what is held, and what would follow'],
    ['approve acme --reason "Clean-up, ticket 4711" > approval.yaml', 'what is held, and its Approval for Git'],
    ['approve acme --reason "Clean-up, ticket 4711" --apply', 'releases it now, after asking'],
    ['approve --reason "Moved to the new tenant" --for 2h', 'whatever is held, in every organization'],
  )
    .argument('[organization]', 'whose; none: whatever is held')
    .option('--reason <text>', 'why, for the audit trail; without it, only what is held is shown')
    .option('--for <duration>', 'until when it may be used: at most 7d', '24h')
    .option(
      '--set <name>',
      'only this RemovalSet, or source/NAME, by name or hash; may be given several times',
      several,
    )
    .option('--apply', 'write the Approvals into the store, after asking')
    .option('-y, --yes', 'do not ask')
    .option('-o, --output <format>', 'yaml, json')
    .addHelpText(
      'after',
      '\nSays first who loses what. Prints one Approval for each thing that is held, to be applied or kept in Git; with --apply writes it.\nAn Approval releases exactly what it names, once. Exit code 1: nothing is held, not confirmed, or not released.',
    )
    .action(async (organization: string | undefined, flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], ['yaml', 'json'] as const, 'yaml')
      const reason = flags['reason'] as string | undefined
      const writes = flags['apply'] === true
      if (writes && reason === undefined) throw new UsageError('--apply needs --reason: say why, for the audit trail')
      await using realm = await openRealm(realmOptions(flags, io))
      const { things, manifests } = await planApprovals(realm, {
        organization,
        only: flags['set'] as string[] | undefined,
        reason,
        validFor: String(flags['for']),
      })
      if (things.length === 0) {
        io.err(line(organization === undefined ? 'Nothing is held.' : `Nothing is held in ${organization}.`))
        if (format === 'json') io.out(jsonText(writes ? { approved: [] } : { held: [], approvals: [] }))
        throw new Exit(1)
      }
      // What a commit changes is told by a plan of it.
      const removals = manifests.filter(({ spec }) => spec.organization !== undefined)
      const plan = await rehearseApprovals(realm, removals, io.signal)
      say(things, plan, io)
      const unread = things.flatMap(thing => (thing.is === 'restore' ? thing.restore.unread : []))
      if (unread.length > 0) {
        // Whoever approves now cannot have seen what it would do.
        io.err(line(`Not yet: \`roster run\` has to read ${unread.join(', ')} first. Then look again.`))
        throw new Exit(1)
      }
      if (reason === undefined) {
        io.err('To release it, say why: --reason TEXT prints the Approval, and --apply writes it.\n')
        if (format === 'json') io.out(jsonText({ ...heldOf(things), changes: plan.changes, approvals: [] }))
        return
      }
      if (!writes) return print({ things, manifests, plan }, format, io)
      const question = things.length === 1 ? 'Release it?' : `Release these ${things.length}?`
      if (!(await confirmed(io, question, flags['yes'] === true))) throw new Exit(1)
      const approved = await approve(realm, manifests, io.signal)
      if (format === 'json') io.out(jsonText({ approved }))
      else for (const one of approved) io.out(line(approvedText(one)))
      await loopNote(realm, io)
      if (approved.some(({ state }) => state === 'Refused' || state === 'Expired')) throw new Exit(1)
    })
}

const several = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

/** What is held, and what follows when it is released: talk, before the data. */
const say = (things: readonly HeldThing[], plan: Plan, io: Io): void => {
  for (const thing of things) io.err(`${linesOf(thing).join('\n')}\n`)
  if (things.every(({ is }) => is === 'revision')) return
  io.err(`\nReleased, this follows:\n${renderPlan(plan, 'text', { color: io.terminal.color && io.terminal.err })}\n`)
}

const linesOf = (thing: HeldThing): string[] => {
  switch (thing.is) {
    case 'removals':
      return heldLines(thing.set)
    case 'revision':
      return historyLines(thing.history)
    case 'restore':
      return restoreLines(thing.restore)
    default:
      return thing satisfies never
  }
}

const print = async (
  { things, manifests, plan }: { things: HeldThing[]; manifests: ApprovalManifest[]; plan: Plan },
  format: 'yaml' | 'json',
  io: Io,
): Promise<void> => {
  if (format === 'json') return io.out(jsonText({ ...heldOf(things), changes: plan.changes, approvals: manifests }))
  for (const [at, manifest] of manifests.entries())
    io.out(`${at > 0 ? '---\n' : ''}${await document(manifest, 'yaml')}`)
}

/** `held`: sets of removals; `histories`: where a source's history was rewritten. */
const heldOf = (things: readonly HeldThing[]) => {
  const histories = things.flatMap(thing => (thing.is === 'revision' ? [thing.history] : []))
  const [restore] = things.flatMap(thing => (thing.is === 'restore' ? [thing.restore] : []))
  return {
    held: things.flatMap(thing => (thing.is === 'removals' ? [thing.set] : [])),
    ...(histories.length > 0 && { histories }),
    ...(restore && { restore }),
  }
}

const approvedText = ({ approval, organization, state, message }: Approved): string => {
  const tail = message === undefined ? '' : `: ${message}`
  switch (state) {
    case 'Used':
      return organization === undefined
        ? `approval/${approval} released it`
        : `approval/${approval} released what was held in ${organization}`
    case 'Waiting':
      return `approval/${approval} written`
    case 'Refused':
      return `approval/${approval} releases nothing${tail}`
    case 'Expired':
      return `approval/${approval} has expired${tail}`
    default:
      return state satisfies never
  }
}
