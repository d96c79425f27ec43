import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Retry, RosterError } from '../api/errors.ts'
import { DECLARED_KINDS, type Reason } from '../api/names.ts'
import type { Change } from '../effects/change.ts'
import { planHash } from './plan-hash.ts'
import type { ManifestTree } from './plan-tree.ts'
import type { PlannedWrite } from './plan-writes.ts'

/** The format that this program writes and reads. Fields may be added; another meaning is another number. */
export const PLAN_FORMAT = 'roster-plan/1'

/** What `plan --out` writes: all that `apply --plan` needs to tell whether it would do just that. No secret is in it, but names and addresses are. */
export interface PlanFile {
  format: typeof PLAN_FORMAT
  /** Version of the program that made it. */
  program: string
  /** RFC 3339. */
  time: string
  /** Random id of the realm and its epoch: a restored one is another. Null where there was no store yet. */
  realm: { id: string; epoch: number } | null
  source: string
  /** Paths as they were given, and the folder from which; absent in files of earlier programs. */
  from?: { cwd: string; paths: readonly string[] }
  options: { prune: boolean; allowEmpty: boolean; all: boolean }
  tree: ManifestTree
  writes: readonly PlannedWrite[]
  /** As `plan -o json` prints it. */
  plan: { hash: string; changes: readonly Change[] } & Readonly<Record<string, unknown>>
}

/** A file is no plan, or one that this program cannot carry out. */
export class PlanFileError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'InvalidSpec'
  readonly remedy = 'Plan again, with --out'
}

/** Takes the place of what is there, in one step. 0600, because it names people and addresses. */
export const writePlanFile = async (file: string, plan: PlanFile): Promise<void> => {
  const target = resolve(file)
  const draft = join(dirname(target), `.roster-plan-${randomBytes(6).toString('hex')}`)
  try {
    await using handle = await open(draft, 'wx', 0o600)
    await handle.writeFile(`${JSON.stringify(plan, undefined, 1)}\n`)
    await handle.sync()
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** A plan for a hundred thousand people is half of it. */
const MOST_BYTES = 256 * 1024 * 1024

/** Reads a plan that anybody may have written. @throws PlanFileError; what the file system says */
export const readPlanFile = async (file: string): Promise<PlanFile> => {
  const { size } = await stat(file)
  if (size > MOST_BYTES) throw new PlanFileError(`${file} is larger than any plan`)
  await using handle = await open(file)
  const text = (await handle.readFile()).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new PlanFileError(`${file} is no plan: it is not JSON`)
  }
  return judged(file, value)
}

const judged = (file: string, value: unknown): PlanFile => {
  const refuse = (why: string): never => {
    throw new PlanFileError(`${file} ${why}`)
  }
  if (!isRecord(value) || typeof value['format'] !== 'string' || !value['format'].startsWith('roster-plan/'))
    return refuse('is no plan of roster plan --out')
  if (value['format'] !== PLAN_FORMAT)
    return refuse(`is a plan in the format ${value['format'].slice(0, 40)}; this program reads ${PLAN_FORMAT}`)
  const { program, time, realm, source, from, options, tree, writes, plan } = value
  const whole =
    [program, time, source].every(one => typeof one === 'string') &&
    (realm === null || (isRecord(realm) && typeof realm['id'] === 'string' && typeof realm['epoch'] === 'number')) &&
    (from === undefined ||
      (isRecord(from) && isText(from['cwd']) && Array.isArray(from['paths']) && from['paths'].every(isText))) &&
    isRecord(options) &&
    ['prune', 'allowEmpty', 'all'].every(name => typeof options[name] === 'boolean') &&
    isTexts(tree) &&
    Array.isArray(writes) &&
    writes.every(isWrite) &&
    isRecord(plan) &&
    typeof plan['hash'] === 'string' &&
    Array.isArray(plan['changes']) &&
    plan['changes'].every(isChange)
  if (!whole) return refuse(`is no whole plan: something in it is missing or is not what ${PLAN_FORMAT} has there`)
  const known = value as unknown as PlanFile
  if (planHash(known.plan.changes) !== known.plan.hash)
    return refuse('was edited: its changes do not have the hash that it names')
  return known
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every(one => typeof one === 'string')

const isText = (value: unknown): boolean => typeof value === 'string'
const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string'

const isWrite = (value: unknown): boolean =>
  isRecord(value) &&
  ['create', 'update', 'delete'].some(one => one === value['action']) &&
  DECLARED_KINDS.some(kind => kind === value['kind']) &&
  isText(value['name']) &&
  isTextOrAbsent(value['uid']) &&
  isTextOrAbsent(value['version']) &&
  isTexts(value['fields'])

const isChange = (value: unknown): boolean =>
  isRecord(value) &&
  ['action', 'target', 'kind', 'name', 'because'].every(name => isText(value[name])) &&
  isTextOrAbsent(value['organization']) &&
  isRecord(value['fields'])
