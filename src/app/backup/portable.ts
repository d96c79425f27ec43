import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { AnyResource } from '../../api/kinds.ts'
import { KINDS, type Kind } from '../../api/names.ts'
import { byAge } from '../../decide/age.ts'
import type { CredentialStore } from '../../ports/credentials.ts'
import type { OwnedObject, StoreSnapshot } from '../../store/snapshot.ts'
import { ArchiveError } from '../archive.ts'

/** What somebody signs in with. */
export interface StoredCredential {
  account: string
  /** Hash of the password. */
  password: string
}

/**
 * Writes all objects, one a line, kind by kind in the order in which they are made again, and of each kind the older first. Statuses are left out: the next pass writes them.
 * @returns how many of each kind, and the names of the Accounts
 */
export const writeObjects = async (
  file: string,
  snapshot: StoreSnapshot,
): Promise<{ counts: Record<string, number>; accounts: string[] }> => {
  const counts: Record<string, number> = {}
  const accounts: string[] = []
  const lines = async function* () {
    for (const kind of KINDS) {
      const all: OwnedObject[] = []
      for await (const owned of snapshot.objects(kind)) all.push(owned)
      counts[kind] = all.length
      if (kind === 'Account') accounts.push(...all.map(({ object }) => object.metadata.name))
      for (const owned of all.sort((a, b) => byAge(a.object, b.object))) yield lineOf(owned)
    }
  }
  await writeLines(file, lines())
  return { counts, accounts }
}

/** Of Accounts that are in the backup: read after them, so that each is at least as new. @returns how many */
export const writeCredentials = async (
  file: string,
  credentials: Pick<CredentialStore, 'passwordHash'>,
  accounts: readonly string[],
): Promise<number> => {
  let count = 0
  const lines = async function* () {
    for (const account of accounts) {
      const password = await credentials.passwordHash(account)
      if (password === undefined) continue
      count += 1
      yield `${JSON.stringify({ account, password } satisfies StoredCredential)}\n`
    }
  }
  await writeLines(file, lines())
  return count
}

/** @throws ArchiveError with the line that is no object */
export async function* readObjects(file: string): AsyncGenerator<OwnedObject> {
  let line = 0
  for await (const text of linesOf(file)) {
    line += 1
    const { object, owners } = (parsed(text) ?? {}) as Partial<OwnedObject>
    const isObject =
      (KINDS as readonly unknown[]).includes(object?.kind) &&
      typeof object?.metadata?.name === 'string' &&
      typeof object.metadata.uid === 'string' &&
      typeof object.spec === 'object' &&
      Array.isArray(owners)
    if (!isObject) throw new ArchiveError(`line ${line} of the resources in this backup is no object of Roster`)
    yield { object: object as AnyResource, owners: owners as OwnedObject['owners'] }
  }
}

/** @throws ArchiveError with the line that is no credential */
export async function* readCredentials(file: string): AsyncGenerator<StoredCredential> {
  let line = 0
  for await (const text of linesOf(file)) {
    line += 1
    const { account, password } = (parsed(text) ?? {}) as Partial<StoredCredential>
    if (typeof account !== 'string' || typeof password !== 'string')
      throw new ArchiveError(`line ${line} of the credentials in this backup is none`)
    yield { account, password }
  }
}

const lineOf = ({ object, owners }: OwnedObject): string => {
  const { status: _status, metadata, ...rest } = object
  const { resourceVersion: _version, generation: _generation, ...kept } = metadata
  return `${JSON.stringify({ object: { ...rest, metadata: kept }, owners })}\n`
}

const writeLines = (file: string, lines: AsyncIterable<string>): Promise<void> =>
  pipeline(Readable.from(lines), createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))

async function* linesOf(file: string): AsyncGenerator<string> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY }))
    if (line !== '') yield line
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The objects of a file, kind by kind. */
export async function* byKind(objects: AsyncIterable<OwnedObject>): AsyncGenerator<[Kind, OwnedObject[]]> {
  let kind: Kind | undefined
  let all: OwnedObject[] = []
  for await (const owned of objects) {
    if (owned.object.kind !== kind) {
      if (kind) yield [kind, all]
      kind = owned.object.kind
      all = []
    }
    all.push(owned)
  }
  if (kind) yield [kind, all]
}
