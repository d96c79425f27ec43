import { join, resolve } from 'node:path'
import { counted, people } from '../../api/counted.ts'
import { escapeText } from '../../api/escape.ts'
import {
  addressesOf,
  ImportError,
  importableGithub,
  importablePeribolos,
  type Manifest,
  manifestsOf,
} from '../../app/importing.ts'
import { readArguments } from '../../app/reading.ts'
import { fileSecrets } from '../../app/secrets.ts'
import { withExamples } from '../examples.ts'
import { settingsOf, withSettings } from '../options.ts'
import { line } from '../output.ts'
import { type Files, writeNew } from '../scaffold.ts'
import { UsageError, type Verb } from '../verb.ts'
import { yamlText } from '../yamltext.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'secrets', 'allow-private'),
    ['import github acme-gmbh --org acme --secrets secrets', 'people and teams of an organization on GitHub'],
    ['import peribolos config/acme --org acme --addresses people.csv', 'what peribolos declares'],
  )
    .argument('<from>', 'github, peribolos')
    .argument('<what>', 'the organization on GitHub; the folder or file of peribolos')
    .option('--org <name>', 'the organization here; named as there when absent')
    .option('--which <organization>', 'of peribolos: which one, where there are several')
    .option('--addresses <file>', 'a table with the headings login and email')
    .option('--directory <name>', 'name of the Directory; its secret NAME/token is used', 'github')
    .option('--url <url>', 'the API of GitHub Enterprise Server')
    .option('--dir <folder>', 'where to', '.')
    .addHelpText(
      'after',
      '\nNobody is mailed by what is written, and nobody gets a right. What is not taken is listed. Never overwrites a file.',
    )
    .action(async (from: string, what: string, flags: Record<string, unknown>) => {
      const directory = String(flags['directory'])
      const { settings } = settingsOf(flags, io)
      try {
        const found =
          from === 'github'
            ? await importableGithub(what, {
                directory,
                settings,
                secrets: fileSecrets(settings, io.environment),
                signal: io.signal,
                ...(flags['url'] !== undefined && { url: String(flags['url']) }),
              })
            : from === 'peribolos'
              ? await importablePeribolos(resolve(io.cwd, what), flags['which'] as string | undefined)
              : undefined
        if (!found) throw new UsageError(`${from} is not among github, peribolos`)
        const addresses =
          flags['addresses'] === undefined ? new Map() : await addressesOf(resolve(io.cwd, String(flags['addresses'])))
        const organization = String(flags['org'] ?? found.organization.toLowerCase())
        const { manifests, notTaken } = manifestsOf(found, { organization, directory, addresses })
        const files = filesOf(manifests)
        await mustBeValid(files, io.cwd)
        const folder = String(flags['dir'])
        writeNew(resolve(io.cwd, folder), files)
        for (const path of Object.keys(files)) io.out(line(join(folder, path)))
        const of = (kind: Manifest['kind']) => manifests.filter(manifest => manifest.kind === kind).length
        io.out(line(`${people(of('User'))} and ${counted(of('Group'), 'group')} of ${escapeText(found.organization)}`))
        if (notTaken.length > 0)
          io.out(['Not taken:', ...notTaken.map(text => `  ${escapeText(text)}`)].map(line).join(''))
        io.err('Check it with roster validate, and see what it would do with roster plan.\n')
      } catch (error) {
        if (error instanceof ImportError) throw new UsageError(error.message)
        throw error
      }
    })
}

const FILES = {
  Organization: 'organization.yaml',
  Directory: 'directory.yaml',
  User: 'users.yaml',
  Group: 'groups.yaml',
} as const

const filesOf = (manifests: readonly Manifest[]): Files => {
  const files: Record<string, string> = {}
  for (const [kind, path] of Object.entries(FILES)) {
    const texts = manifests.filter(manifest => manifest.kind === kind).map(manifest => yamlText(manifest))
    if (texts.length > 0) files[path] = texts.join('---\n')
  }
  return files
}

/** @throws UsageError where a name from elsewhere is none here */
const mustBeValid = async (files: Files, cwd: string): Promise<void> => {
  const stdin = async () => Object.values(files).join('---\n')
  const { findings } = await readArguments({ paths: ['-'], cwd, stdin }, { tables: [] })
  const [wrong] = findings.filter(({ severity }) => severity === 'error')
  if (wrong) throw new UsageError(`nothing was written: ${wrong.message}`)
}
