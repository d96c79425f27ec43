import { openRealm } from '../../app/openrealm.ts'
import { planRevocation, revoke } from '../../app/revoking.ts'
import { confirmed } from '../confirm.ts'
import { withExamples } from '../examples.ts'
import { loopNote } from '../loop.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import { Exit, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data'), [
    'revoke carol@partner.example billing --org acme',
    'the role that her invitation granted',
  ])
    .argument('<person>', 'name of a User, or an address')
    .argument('<role...>', 'roles that an invitation granted')
    .requiredOption('--org <organization>', 'where')
    .option('-y, --yes', 'do not ask')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nFor roles that came with an accepted Invitation. A declared one is taken away where it is declared: `roster why PERSON ROLE` says where.\nExit code 1: no such grant, or not confirmed.',
    )
    .action(async (person: string, roles: string[], flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      await using realm = await openRealm(realmOptions(flags, io))
      const plan = await planRevocation(realm, { person, roles, organization: String(flags['org']) })
      for (const { role, why } of plan.not)
        io.err(line(`${role} was not granted by an invitation: ${why.join('; ') || 'they have it not'}`))
      for (const { role, invitations, stays } of plan.takes) {
        io.err(
          line(
            `${plan.person} loses ${role} in ${plan.organization}, which came with the invitation ${invitations.join(', ')}`,
          ),
        )
        for (const text of stays) io.err(line(`  but keeps it all the same: ${text}`))
      }
      const go = plan.takes.length > 0 && (await confirmed(io, 'Take it away?', flags['yes'] === true))
      if (go) await revoke(realm, plan)
      const revoked = go ? plan.takes.map(({ role }) => role) : []
      if (format === 'json')
        io.out(jsonText({ person: plan.person, organization: plan.organization, revoked, not: plan.not }))
      else if (go) {
        io.out(line(`${plan.person} in ${plan.organization}: ${revoked.join(', ')} revoked`))
        await loopNote(realm, io)
      }
      if (!go || plan.not.length > 0) throw new Exit(1)
    })
}
