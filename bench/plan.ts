import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { loadAll } from 'js-yaml'
import { Group, Organization, Role, User } from '../src/api/generated/validators.js'
import { material } from '../test/material/organization.ts'
import type { Bench, Row } from './bench.ts'

const ROOT = join(import.meta.dirname, '..')
const BUNDLE = join(ROOT, 'dist', 'roster.js')
const ROUNDS = 3
const SIZES = [1_500, 10_000, 100_000] as const
/** People in one file of the made-up realms. */
const IN_A_FILE = 50

/**
 * `roster plan` in a process of its own, the package as people run it: the first plan of an organization of a real shape, and in realms of three sizes in which one of ten
 * has joined, the others are known from a later day, a plan that finds nothing and one that finds one change. Against what cannot be left out: parsing the manifests, running the bare validators, and reading and
 * parsing what the store holds.
 */
export const plan: Bench = {
  name: 'plan',
  async run() {
    const built = spawnSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { encoding: 'utf8' })
    if (built.status !== 0) throw new Error(`the bundle could not be built: ${built.stderr}`)
    const rows: Row[] = realShape()
    const nothing = new Map<number, Took>()
    for (const size of SIZES) nothing.set(size, realm(size, rows))
    return [...rows, ...growth(nothing), ...limits()]
  },
}

interface Took {
  seconds: number
  /** MiB, the most that it had. */
  rss: number
}

const realShape = (): Row[] =>
  within(folder => {
    const people = join(folder, 'people')
    for (const [path, text] of material().files) write(join(people, path), text)
    const figure = planned(folder, 1)
    return [
      row('1,500 people in 770 groups, first plan', figure.seconds, scan(folder), 10),
      limit('1,500 people in 770 groups, first plan', figure.seconds, 2),
    ]
  })

/** Makes a realm with so many people, one of so many of whom has joined, and measures the plan that finds nothing. */
const atRest = (folder: string, size: number, joined: number): Took => {
  for (const [path, text] of declared(size, joined)) write(join(folder, 'people', path), text)
  roster(folder, ['apply', 'people', '--no-progress'], 0)
  return planned(folder, 0)
}

const realm = (size: number, rows: Row[]): Took =>
  within(folder => {
    const nothing = atRest(folder, size, 10)
    const floor = scan(folder)
    rows.push(row(`${size.toLocaleString('en')} people, nothing to do`, nothing.seconds, floor, 5))
    const file = join(folder, 'people', 'users-0.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('roles: [viewer]', 'roles: [editor]'))
    rows.push(row(`${size.toLocaleString('en')} people, one change`, planned(folder, 1).seconds, floor, 8))
    return nothing
  })

const growth = (nothing: ReadonlyMap<number, Took>): Row[] => {
  const [middle, large] = [nothing.get(10_000), nothing.get(100_000)]
  if (!middle || !large) throw new Error('two sizes are to be compared')
  const against = '10,000'
  return [
    {
      name: '100,000 people, nothing to do',
      figure: large.seconds,
      floor: middle.seconds,
      unit: 's',
      against,
      aim: 12,
    },
    { name: '100,000 people, memory', figure: large.rss, floor: middle.rss, unit: 'MiB', against, aim: 10 },
  ]
}

const limits = (): Row[] =>
  within(folder => {
    const { seconds, rss } = atRest(folder, 10_000, 1)
    return [
      limit('10,000 people, all joined, nothing to do', seconds, 3),
      limit('10,000 people, all joined, memory', rss, 300, 'MiB'),
    ]
  })

const row = (name: string, figure: number, floor: number, aim: number): Row => ({
  name,
  figure,
  floor,
  unit: 's',
  against: 'parse, validate, scan',
  aim,
})
const limit = (name: string, figure: number, most: number, unit = 's'): Row => ({
  name,
  figure,
  floor: most,
  unit,
  against: 'limit',
  aim: 1,
})

const within = <T>(work: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-bench-plan-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Tells, as the last line of what is said, the most memory that the process had. */
const METER = `data:text/javascript,process.on('exit',()=>process.stderr.write('\\n'+process.resourceUsage().maxRSS))`

const roster = (folder: string, args: readonly string[], code: number): Took => {
  const begin = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--import', METER, BUNDLE, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1024 * 1024 * 1024,
  })
  const seconds = (performance.now() - begin) / 1000
  if (status !== code) throw new Error(`roster ${args.join(' ')} ended with ${status}: ${stderr}`)
  return { seconds, rss: Number(stderr.split('\n').at(-1)) / 1024 }
}

/** The fastest round, and the memory of that one. */
const planned = (folder: string, code: 0 | 1): Took => {
  const rounds = Array.from({ length: ROUNDS }, () => roster(folder, ['plan', 'people', '-o', 'json'], code))
  return rounds.reduce((best, one) => (one.seconds < best.seconds ? one : best))
}

/** The floor, in a process of its own, too: every manifest parsed and judged by the bare validator, every row of the store read and parsed. The fastest round. */
const scan = (folder: string): number => {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [import.meta.filename, folder], { encoding: 'utf8' })
    best = Math.min(best, performance.now() - begin)
    if (status !== 0) throw new Error(stderr)
  }
  return best / 1000
}

const scanHere = (folder: string): void => {
  for (const entry of readdirSync(join(folder, 'people'), { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      for (const { kind, spec } of loadAll(readFileSync(join(entry.parentPath, entry.name), 'utf8')) as Manifest[])
        if (!VALIDATORS[kind](spec)) throw new Error(`a ${kind} of the bench is not valid`)
  scanStore(join(folder, '.roster', 'roster.sqlite'))
}

const VALIDATORS = { Organization, Role, Group, User }
interface Manifest {
  kind: keyof typeof VALIDATORS
  spec: unknown
}

const scanStore = (file: string): void => {
  let db: DatabaseSync
  try {
    db = new DatabaseSync(file, { readOnly: true })
  } catch {
    // A first plan has no store.
    return
  }
  for (const found of db.prepare('SELECT spec, status, meta FROM objects').iterate())
    for (const text of Object.values(found)) if (typeof text === 'string') JSON.parse(text)
  db.close()
}

/** An organization in which one of `joined` people is a member, with a group for each hundred people and one by an expression. */
function* declared(size: number, joined: number): Generator<[path: string, text: string]> {
  yield ['acme.yaml', manifest('Organization', 'acme', '{domains: [acme.example], onboarding: {welcomeMail: false}}')]
  for (const role of ['viewer', 'editor'])
    yield [`role-${role}.yaml`, manifest('Role', role, `{organization: acme, allow: ["documents:${role}"]}`)]
  yield [
    'groups.yaml',
    [
      manifest(
        'Group',
        'platform',
        `{organization: acme, membersWhere: 'user.labels.team == "platform"', roles: [editor]}`,
      ),
      ...Array.from({ length: size / 100 }, (_, group) => {
        const members = Array.from({ length: 100 }, (_, member) => `person-${group * 100 + member}`)
        return manifest('Group', `team-${group}`, `{organization: acme, members: [${members.join(', ')}]}`)
      }),
    ].join('---\n'),
  ]
  for (let file = 0; file < size / IN_A_FILE; file++)
    yield [
      `users-${file}.yaml`,
      Array.from({ length: IN_A_FILE }, (_, at) => person(file * IN_A_FILE + at, joined)).join('---\n'),
    ]
}

const manifest = (kind: string, name: string, spec: string, labels = ''): string =>
  `apiVersion: roster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}${labels}}\nspec: ${spec}\n`

const person = (number: number, joined: number): string =>
  manifest(
    'User',
    `person-${number}`,
    `{email: person-${number}@acme.example, givenName: Person, familyName: Number ${number}, memberships: [{organization: acme, roles: [viewer], join: None${number % joined === 0 ? '' : ', from: 2999-01-01'}}]}`,
    number % 7 === 0 ? ', labels: {team: platform}' : '',
  )

if (import.meta.main) scanHere(process.argv[2] ?? '.')
