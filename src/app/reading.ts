import { resolve } from 'node:path'
import type { AnyManifest } from '../api/kinds.ts'
import { type ManifestInput, type ReadOptions, type ReadResult, readManifests } from '../manifests/read.ts'
import { type Settings, SettingsError } from './settings.ts'

/** What a command line names: paths, `-` for standard input, or one Git URL. */
export interface Arguments {
  paths: readonly string[]
  cwd: string
  stdin: () => Promise<string>
}

/** Reads and judges paths and standard input, as `validate` does. @throws SettingsError for a URL */
export const readArguments = async (
  { paths, cwd, stdin }: Arguments,
  settings: Pick<Settings, 'tables'>,
  options: Omit<ReadOptions, 'tables' | 'relativeTo' | 'checkTemplate'> = {},
): Promise<ReadResult> => {
  const inputs: ManifestInput[] = []
  for (const path of paths) {
    if (/^([a-z][a-z0-9+.-]*:\/\/|[^/]+@[^/]+:)/i.test(path))
      throw new SettingsError(
        `${path} is a URL; check it out and name the folder, or give it alone to plan, apply or run`,
      )
    inputs.push(path === '-' ? { file: '-', text: await stdin() } : { path: resolve(cwd, path) })
  }
  const given = { relativeTo: cwd, tables: settings.tables, ...options }
  const result = await readManifests(inputs, given)
  if (result.findings.length === 0 && !result.resources.some(({ manifest }) => hasOwnTexts(manifest))) return result
  // The language of mail texts costs as long to load as a small repository to read: only where there may be some.
  const { checkTemplate } = await import('../mail/liquid.ts')
  return readManifests(inputs, { ...given, checkTemplate })
}

const hasOwnTexts = (manifest: AnyManifest): boolean =>
  manifest.kind === 'Organization' && manifest.spec.mail?.templates !== undefined
