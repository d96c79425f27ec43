import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { backUp } from '../../app/backing-up.ts'
import { hasStore } from '../../app/embeddedrealm.ts'
import { NoStoreError, type RealmOptions } from '../../app/realm.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { jsonText, line } from '../output.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(withSettings(command, 'data', 'credentials-namespace', 'keys'), [
    'backup acme-2026-11-22.tar',
    'while the controller runs',
  ])
    .argument('<file>', 'a file that is not there yet')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nIn it: every resource and record, password hashes. Not in it: sessions, keys, mails, the audit trail, your secrets. Keep it as safe as the data folder.',
    )
    .action(async (file: string, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const options = realmOptions(flags, io)
      const target = resolve(io.cwd, file)
      const info = options.settings.kubernetes
        ? await backUpRealm(options, target)
        : await backUpFolder(options.settings, target)
      const { size } = statSync(target)
      if (format === 'json') io.out(jsonText({ file: target, bytes: size, ...info }))
      else {
        io.out(line(`${file}: ${bytesText(size)}, as of version ${info.resourceVersion}`))
        io.err('The audit trail and your secrets are not in it: keep those too.\n')
      }
    })
}

const backUpFolder = async (settings: RealmOptions['settings'], file: string) => {
  if (!hasStore(settings)) throw new NoStoreError(`there is no store in ${settings.data}`)
  return await backUp(settings.data, file, new Date().toISOString())
}

const backUpRealm = async (options: RealmOptions, file: string) => {
  const [{ openRealm }, { backUpCluster }, { clusterOf }] = await Promise.all([
    import('../../app/openrealm.ts'),
    import('../../app/backup/cluster.ts'),
    import('../../app/clusterrealm.ts'),
  ])
  await using realm = await openRealm(options)
  await using credentials = await realm.credentials()
  const cluster = { ...clusterOf(options.settings), clock: realm.clock, create: false }
  return await backUpCluster({ cluster, credentials, file, time: new Date().toISOString() })
}

const bytesText = (bytes: number): string =>
  bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
