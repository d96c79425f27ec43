import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from './verb.ts'

/** Files to write, by path in a folder. */
export type Files = Readonly<Record<string, string>>

/** Writes all files, or none where one is there already. @throws UsageError naming those that are */
export const writeNew = (folder: string, files: Files): void => {
  const there = Object.keys(files).filter(path => existsSync(join(folder, path)))
  if (there.length > 0)
    throw new UsageError(
      `${listed(there)} ${there.length === 1 ? 'is' : 'are'} there already; nothing was written, because nothing is ever overwritten`,
    )
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    // Exclusive: what came meanwhile is not overwritten either.
    writeFileSync(join(folder, path), text, { flag: 'wx' })
  }
}

/** The line by which editors find the schema of a manifest. */
export const modeline = (kind: string, up: string): string =>
  `# yaml-language-server: $schema=${up}.schemas/${kind.toLowerCase()}.json\n`

const listed = (paths: readonly string[]): string =>
  paths.length > 3 ? `${paths.slice(0, 3).join(', ')} and ${paths.length - 3} more` : paths.join(', ')
