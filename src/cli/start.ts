import { cpSync, existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { EXIT } from '../api/names.ts'
import { hasStore } from '../app/embeddedrealm.ts'
import { dataPaths } from '../app/paths.ts'
import { readArguments } from '../app/reading.ts'
import { type Io, processIo } from './io.ts'
import { settingsOf } from './options.ts'
import { serve } from './serve.ts'
import { Exit } from './verb.ts'
import { ROSTER_VERSION } from './version.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')

/** `npm start`: the controller on a copy of the example, with mail in a folder and the portal on loopback. @returns the exit code */
export const start = async (args: readonly string[], io: Io): Promise<number> => {
  try {
    if (args.length > 0) {
      io.err('npm start takes no arguments; for your own manifests: npm run -s roster -- run PATH\n')
      return EXIT.trouble
    }
    await startExample(io)
    return EXIT.yes
  } catch (error) {
    if (error instanceof Exit) return error.code
    return (await import('./trouble.ts')).report(error, args, io)
  }
}

const startExample = async (io: Io): Promise<void> => {
  const { settings } = settingsOf({}, io)
  // A first start was announced by the set-up, which ran just before.
  const hello = hasStore(settings) ? `Roster ${ROSTER_VERSION}. ` : ''
  const paths = dataPaths(settings.data)
  const copy = join(settings.data, 'acme')
  if (!existsSync(copy)) cpSync(EXAMPLE, copy, { recursive: true })
  const here = (path: string): string => relative(io.cwd, path) || '.'

  const read = await readArguments({ paths: [copy], cwd: io.cwd, stdin: io.stdin }, settings)
  const errors = read.findings.filter(({ severity }) => severity === 'error').length
  io.out(
    `${hello}Reading ${here(copy)}: ${read.resources.length} resources in ${read.files} files, ${errors === 0 ? 'all valid' : `${errors} ${errors === 1 ? 'error' : 'errors'} (npm run -s roster -- validate ${here(copy)})`}.\n\n`,
  )

  await serve({
    // A file that is deleted is to show what follows; the guard protects as everywhere.
    realm: { settings: { ...settings, prune: true }, environment: io.environment, create: true },
    io,
    sources: [copy],
    log: { file: paths.log },
    talk: true,
    afterOverview: running => {
      if (settings.smtp === undefined)
        io.out(
          `No mail server is set, so no mail leaves this computer: it is in ${here(settings.mailDir ?? paths.mail)}\n`,
        )
      io.out(`
Try it
  1 Read Alice's mail          ${running.portalUrl}/mail/alice
  2 Accept as Alice            press the button in it, choose a password
  3 Change something           give priya a role in ${here(join(copy, 'users', 'priya.yaml'))} and save
  4 Ask why                    npm run -s roster -- why alice
Watching ${here(copy)}. Ctrl-C stops; start again any time and it goes on from here.

`)
    },
  })
}

if (import.meta.main) {
  process.exitCode = EXIT.trouble
  process.exitCode = await start(process.argv.slice(2), processIo())
}
