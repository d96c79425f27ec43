import { resolve } from 'node:path'
import { restoreBackup } from '../../app/backing-up.ts'
import type { RealmOptions } from '../../app/realm.ts'
import { when } from '../../app/when.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data', 'credentials-namespace', 'keys'), [
    'restore acme-2026-11-22.tar --data restored',
    'into a new folder',
  ])
    .argument('<file>', 'what `roster backup` wrote')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nOnly into a folder that is empty or not there yet, or a namespace without resources of ours. A backup of either home can be restored into either.',
    )
    .action(async (file: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const options = realmOptions(flags, io, true)
      const { place, time, keysMailed, ...info } = options.settings.kubernetes
        ? await restoreRealm(options, resolve(io.cwd, file), io)
        : await restoreFolder(options, resolve(io.cwd, file))
      if (format === 'json') io.out(jsonText({ place, time, keysMailed, ...info }))
      else {
        io.out(line(`Restored into ${place}: as it was ${when(time)}.`))
        io.err(
          `It is a new realm with new keys: every link in a mail and every session of before is dead, and people sign in again with their passwords.
Whoever was invited after the backup is not known here, and whoever left after it is back: run \`roster plan\` on your sources before \`roster run\`.
Where mails go now may be another place than then: \`roster run --rebind\` says that this is meant.
Until somebody approves it, no mail leaves and nothing is taken from anybody: once your sources were read, \`roster approve --reason …\` shows what would happen, and with --apply lets it.
`,
        )
        if (keysMailed)
          io.err(
            'Licence keys that were mailed before cannot be recognized with new keys: take them out of the lists of keys before `roster run`, or somebody else gets them.\n',
          )
      }
    })
}

const restoreFolder = async ({ settings }: RealmOptions, file: string) => ({
  place: settings.data,
  ...(await restoreBackup(file, settings.data)),
})

const restoreRealm = async (options: RealmOptions, file: string, io: Io) => {
  const [{ openRealm }, { restoreCluster }, { clusterOf }] = await Promise.all([
    import('../../app/openrealm.ts'),
    import('../../app/backup/cluster.ts'),
    import('../../app/clusterrealm.ts'),
  ])
  await using realm = await openRealm({ ...options, restoring: true })
  await using credentials = await realm.credentials()
  const cluster = { ...clusterOf(options.settings), clock: realm.clock }
  const { resumed: _, ...restored } = await restoreCluster({
    cluster,
    credentials,
    file,
    holder: realm.holder,
    signal: io.signal,
  })
  return { place: realm.place, ...restored }
}
