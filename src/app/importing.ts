import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { type Importable, type Manifest, manifestsOf } from '../decide/importing.ts'
import type { SecretReader } from '../ports/secrets.ts'
import { dialer } from './dialer.ts'
import type { Settings } from './settings.ts'
import { systemClock } from './system-clock.ts'

export type { Importable, Manifest }
export { manifestsOf }

/** What cannot be imported, and why. */
export class ImportError extends Error {}

/**
 * An organization on GitHub, read whole, with the secret that the Directory of that name would use.
 * @throws ImportError where anything of it is missing
 */
export const importableGithub = async (
  organization: string,
  options: {
    directory: string
    url?: string
    settings: Pick<Settings, 'allowPrivate'>
    secrets: SecretReader
    signal: AbortSignal
  },
): Promise<Importable> => {
  const [{ readOrganization }, { ServiceTrouble }] = await Promise.all([
    import('../directories/github/organization.ts'),
    import('../directories/trouble.ts'),
  ])
  const { directory, url, settings, secrets, signal } = options
  const tokenSecretRef = { name: directory, key: 'token' }
  const clock = systemClock()
  try {
    const { members, outsiders, invitations, teams } = await readOrganization(
      {
        spec: { organization, tokenSecretRef, ...(url !== undefined && { url }) },
        limits: {},
        dialer: dialer({ allowPrivate: settings.allowPrivate }),
        clock,
        token: () => secrets.read(tokenSecretRef, `directory/${directory}`),
      },
      signal,
    )
    const logins = new Map(members.map(({ user }) => [user.id, user.login ?? user.id]))
    const names = new Map(teams.map(({ id, name }) => [id, name]))
    const called = (ids: readonly string[]) => ids.flatMap(id => logins.get(id) ?? [])
    return {
      organization,
      ...(url !== undefined && { url }),
      people: members.map(({ user: { id, login = id, email, displayName }, owner }) => ({
        id,
        login,
        owner,
        ...(email !== undefined && { email }),
        ...(displayName !== undefined && { displayName }),
      })),
      teams: teams.map(({ name, parent, description, secret, members: inside }) => ({
        name,
        ...(parent !== undefined && names.has(parent) && { parent: names.get(parent) as string }),
        members: called(inside.map(({ id }) => id)),
        maintainers: called(inside.flatMap(({ id, maintainer }) => (maintainer ? id : []))),
        further: [...(description === undefined ? [] : ['its description']), ...(secret ? ['that it is secret'] : [])],
      })),
      notTaken: [
        ...outsiders.map(({ login }) => `${login}: an outside collaborator`),
        ...invitations.map(
          ({ login, email, id, failed }) =>
            `${login ?? email ?? id}: ${failed ? 'an invitation that failed' : 'invited, and has not joined'}`,
        ),
      ],
    }
  } catch (error) {
    if (error instanceof ServiceTrouble) throw new ImportError(error.message)
    throw error
  } finally {
    clock.stop()
  }
}

/** Files of a configuration, of which there are not more and none is larger. */
const MOST_FILES = 10_000
const MOST_BYTES = 16 * 1024 * 1024

/**
 * An organization as a configuration of peribolos declares it.
 * @param organization which, where there are several
 * @throws ImportError
 */
export const importablePeribolos = async (place: string, organization: string | undefined): Promise<Importable> => {
  const { PeribolosError, readPeribolos } = await import('../manifests/peribolos.ts')
  try {
    const all = readPeribolos(await textsAt(place))
    const named = organization === undefined ? all : all.filter(one => one.organization === organization)
    const [found, ...more] = named
    const there = all.map(one => one.organization).join(', ')
    if (!found)
      throw new ImportError(
        organization === undefined
          ? `${place} holds no organization: neither an org.yaml nor a file with orgs`
          : `${place} holds no organization ${organization}; there are ${there || 'none'}`,
      )
    if (more.length > 0) throw new ImportError(`${place} holds several organizations (${there}); say which`)
    return found
  } catch (error) {
    if (error instanceof PeribolosError) throw new ImportError(error.message)
    throw error
  }
}

const textsAt = async (place: string): Promise<Record<string, string>> => {
  const info = await stat(place).catch(() => undefined)
  if (!info) throw new ImportError(`there is no ${place}`)
  const paths = info.isDirectory()
    ? (await readdir(place, { recursive: true })).filter(path => /\.ya?ml$/.test(path)).sort()
    : ['']
  if (paths.length > MOST_FILES) throw new ImportError(`${place} holds more than ${MOST_FILES} files`)
  const texts: Record<string, string> = {}
  for (const path of paths) {
    const file = path === '' ? place : join(place, path)
    if ((await stat(file)).size > MOST_BYTES) throw new ImportError(`${file} is larger than ${MOST_BYTES} bytes`)
    // An org.yaml right there belongs to the organization that the folder is named after.
    texts[join(place, path).replaceAll('\\', '/')] = await readFile(file, 'utf8')
  }
  return texts
}

/** Addresses by login, in lower case, of a table with the headings `login` and `email`. @throws ImportError */
export const addressesOf = async (file: string): Promise<Map<string, string>> => {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new ImportError(`there is no ${file}`)
  let rows: Record<string, string>[]
  let headings: string[] = []
  try {
    const columns = (header: string[]) => {
      headings = header.map(heading => heading.trim().toLowerCase())
      return headings
    }
    rows = parse(text, { columns, bom: true, trim: true, skip_empty_lines: true })
  } catch (error) {
    throw new ImportError(`${file} is no table: ${error instanceof Error ? error.message : ''}`)
  }
  if (!headings.includes('login') || !headings.includes('email'))
    throw new ImportError(`${file} has no headings login and email`)
  return new Map(rows.map(({ login = '', email = '' }) => [login.toLowerCase(), email]))
}
