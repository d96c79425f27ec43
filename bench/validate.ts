import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import { User } from '../src/api/generated/validators.js'
import { readManifests } from '../src/manifests/read.ts'
import type { Bench, Row } from './bench.ts'

const DOCUMENTS = 10_000
const ROUNDS = 5
const run = promisify(execFile)

const header = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: editor}
spec: {organization: acme, allow: ["documents:*"]}
---
apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: CloudHub, seats: 10}
`
const user = (number: number, role = 'editor'): string => `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: user-${number}, labels: {team: platform}}
spec:
  email: user-${number}@acme.example
  givenName: Alice
  familyName: Smith
  locale: de
  memberships:
    - {organization: acme, roles: [${role}]}
  licenses: [{pool: suite, quantity: 2}]
`
const numbers = Array.from({ length: DOCUMENTS }, (_, number) => number)
const stream = (role?: string): string => numbers.map(number => user(number, role)).join('---\n')

/** Reading and judging 10,000 manifests against what cannot be left out: parsing the YAML and running the bare validator. And how fast `validate` starts. */
export const validate: Bench = {
  name: 'validate',
  async run() {
    const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
    try {
      return [...(await documents(folder)), ...(await start(folder))]
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

async function documents(folder: string): Promise<Row[]> {
  await mkdir(join(folder, 'users'))
  await writeFile(join(folder, 'organization.yaml'), header)
  for (const number of numbers) await writeFile(join(folder, 'users', `${number}.yaml`), user(number))
  const good = `${header}---\n${stream()}`
  const bad = `${header}---\n${stream('editr')}`
  const read = async (input: { path: string } | { file: string; text: string }, findings: number): Promise<void> => {
    const result = await readManifests([input])
    if (result.findings.length !== findings)
      throw new Error(`${result.findings.length} findings instead of ${findings}`)
  }
  const floor = await best(() => {
    const specs = (loadAll(stream()) as { spec: unknown }[]).map(({ spec }) => User(spec))
    if (specs.includes(false)) throw new Error('the documents of the bench are not valid')
  })
  const against = 'js-yaml and the validator'
  const unit = `ms for ${DOCUMENTS}`
  return [
    { name: 'one text', figure: await best(() => read({ file: '-', text: good }, 0)), floor, unit, against, aim: 3 },
    {
      name: 'one text, each document with a finding',
      figure: await best(() => read({ file: '-', text: bad }, DOCUMENTS)),
      floor,
      unit,
      against,
      aim: 6,
    },
    { name: 'a file a document', figure: await best(() => read({ path: folder }, 0)), floor, unit, against, aim: 10 },
  ]
}

/** The packaged program, built when it is not there. */
async function start(folder: string): Promise<Row[]> {
  const root = join(import.meta.dirname, '..')
  const program = join(root, 'dist/roster.js')
  if (!existsSync(program)) await run(process.execPath, [join(root, 'scripts/build.ts')])
  const file = join(folder, 'organization.yaml')
  const figure = await best(() => run(process.execPath, [program, 'validate', file]))
  const floor = await best(() => run(process.execPath, ['-e', '0']))
  return [{ name: 'start-up with one file', figure, floor, unit: 'ms', against: 'node -e 0', aim: 3 }]
}

/** Milliseconds of the fastest round. */
async function best(round: () => unknown): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY
  for (let index = 0; index < ROUNDS; index++) {
    const before = performance.now()
    await round()
    fastest = Math.min(fastest, performance.now() - before)
  }
  return fastest
}
