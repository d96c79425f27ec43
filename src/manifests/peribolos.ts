import type { Importable, ImportedPerson, ImportedTeam } from '../decide/importing.ts'
import { isObject } from './metadata.ts'
import { readYaml } from './yaml.ts'

/** What a configuration of peribolos cannot be read for. */
export class PeribolosError extends Error {}

interface Part {
  people: ImportedPerson[]
  teams: ImportedTeam[]
  notTaken: string[]
}

/**
 * Organizations of a configuration of peribolos: one file with `orgs`, or a folder for each with its `org.yaml`, and files with `teams` anywhere beneath it,
 * as kubernetes/org has them.
 * @param files by path, with `/` between folders
 * @throws PeribolosError naming the file
 */
export const readPeribolos = (files: Readonly<Record<string, string>>): Importable[] => {
  const found = new Map<string, Part>()
  const folders = new Map<string, string>()
  const partOf = (organization: string): Part => {
    const part = found.get(organization) ?? { people: [], teams: [], notTaken: [] }
    found.set(organization, part)
    return part
  }
  const texts = Object.entries(files).map(([path, text]) => ({ path, value: mappingOf(path, text) }))
  for (const { path, value } of texts) {
    if (isObject(value['orgs']))
      for (const [organization, config] of Object.entries(value['orgs'])) take(partOf(organization), config, path)
    const folder = /^(?:.*\/)?([^/]+)\/org\.ya?ml$/.exec(path)?.[1]
    if (folder === undefined) continue
    folders.set(path.replace(/[^/]+$/, ''), folder)
    take(partOf(folder), value, path)
  }
  for (const { path, value } of texts) {
    if (isObject(value['orgs']) || /(^|\/)org\.ya?ml$/.test(path) || !isObject(value['teams'])) continue
    const above = [...folders].find(([folder]) => path.startsWith(folder))
    if (!above) throw new PeribolosError(`${path} has teams, and no org.yaml above it says of which organization`)
    takeTeams(partOf(above[1]), value['teams'], path, undefined)
  }
  return [...found].map(([organization, part]) => ({ organization, ...part }))
}

const mappingOf = (path: string, text: string): Record<string, unknown> => {
  const [document, ...more] = readYaml(text)
  const [problem] = document?.problems.filter(({ severity }) => severity === 'error') ?? []
  if (problem) throw new PeribolosError(`${path}: ${problem.message}`)
  if (more.length > 0) throw new PeribolosError(`${path} holds several documents; peribolos reads one`)
  return isObject(document?.value) ? document.value : {}
}

const TAKEN = new Set(['members', 'admins', 'teams'])

const take = (part: Part, config: unknown, path: string): void => {
  if (!isObject(config)) throw new PeribolosError(`${path} holds an organization that is no mapping`)
  const admins = new Set(loginsOf(config['admins'], `${path}: admins`))
  for (const login of admins) part.people.push({ login, owner: true })
  for (const login of loginsOf(config['members'], `${path}: members`))
    if (!admins.has(login)) part.people.push({ login, owner: false })
  const further = Object.keys(config).filter(key => !TAKEN.has(key))
  if (further.length > 0) part.notTaken.push(`of the organization: ${further.sort().join(', ')}`)
  if (config['teams'] !== undefined) takeTeams(part, config['teams'], path, undefined)
}

const takeTeams = (part: Part, teams: unknown, path: string, parent: string | undefined): void => {
  if (!isObject(teams)) throw new PeribolosError(`${path}: teams are no mapping`)
  for (const [name, team] of Object.entries(teams)) {
    if (team !== null && !isObject(team)) throw new PeribolosError(`${path}: team ${name} is no mapping`)
    const said = team ?? {}
    const maintainers = loginsOf(said['maintainers'], `${path}: maintainers of ${name}`)
    const members = [...new Set([...maintainers, ...loginsOf(said['members'], `${path}: members of ${name}`)])]
    const previously = loginsOf(said['previously'], `${path}: previously of ${name}`)
    const further = [
      ...(typeof said['description'] === 'string' && said['description'] !== '' ? ['its description'] : []),
      ...(said['privacy'] === 'secret' ? ['that it is secret'] : []),
      ...(previously.length > 0 ? [`its former names ${previously.join(', ')}`] : []),
      ...(isObject(said['repos']) ? ['what it may do in repositories'] : []),
    ]
    part.teams.push({ name, members, maintainers, further, ...(parent !== undefined && { parent }) })
    if (said['teams'] !== undefined) takeTeams(part, said['teams'], path, name)
  }
}

const loginsOf = (value: unknown, where: string): string[] => {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new PeribolosError(`${where} are no list`)
  // YAML reads a login of digits as a number.
  return value.map(login => {
    if (typeof login !== 'string' && typeof login !== 'number' && typeof login !== 'bigint')
      throw new PeribolosError(`${where} hold something that is no login`)
    return String(login)
  })
}
