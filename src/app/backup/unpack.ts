import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { openCredentials } from '../../accounts/credentials.ts'
import { KINDS } from '../../api/names.ts'
import { byAge } from '../../decide/age.ts'
import { openEmbeddedStore } from '../../store/embedded/store.ts'
import { type OwnedObject, snapshotOf } from '../../store/snapshot.ts'
import type { Binding } from '../../store/store.ts'
import { ArchiveError, readArchive } from '../archive.ts'
import { systemClock } from '../system-clock.ts'
import { readCredentials, readObjects, type StoredCredential } from './portable.ts'
import { ABOUT } from './whole.ts'

/** What a backup says of itself. `/1` is a copy of the files of an embedded store, `/2` says the same line by line. */
export interface Manifest {
  format: 'roster-backup/1' | 'roster-backup/2'
  /** RFC 3339. */
  time: string
  realm: string
  epoch: number
  resourceVersion: string
  /** Of `/2`. */
  lease?: { epoch: number; clockMark?: string }
  binding?: Binding
  /** SHA-256 of each file, in hexadecimal. */
  files: Record<string, string>
}

export const FILES = {
  store: 'roster.sqlite',
  credentials: 'credentials.sqlite',
  objects: 'resources.jsonl',
  passwords: 'credentials.jsonl',
} as const

const MAIN = { 'roster-backup/1': FILES.store, 'roster-backup/2': FILES.objects } as const
const ALL: readonly string[] = Object.values(FILES)

/** Unpacks a backup into a folder that is empty. @throws ArchiveError no backup, cut off, damaged, or of a newer Roster */
export const unpack = async (file: string, work: string): Promise<Manifest> => {
  const found = await readArchive(file, (name, size) =>
    ALL.includes(name) || (name === ABOUT && size < 65_536) ? join(work, name) : undefined,
  )
  const about = await readAbout(join(work, ABOUT), file)
  for (const [name, hash] of Object.entries(about.files))
    if (found.get(name) !== hash)
      throw new ArchiveError(`${name} in ${file} is not what was backed up: it is damaged; use another backup`)
  return about
}

/** Which backup this is. */
export const identity = ({ files }: Manifest): string =>
  createHash('sha256')
    .update(JSON.stringify(Object.entries(files).sort()))
    .digest('hex')

/** What is in a backup that was unpacked, whichever its format. */
export interface Unpacked extends AsyncDisposable {
  objects(): AsyncIterable<OwnedObject>
  passwords(): AsyncIterable<StoredCredential>
  /** Bound mail server and URL. */
  binding: Binding | undefined
  lease: { epoch: number; clockMark?: string | undefined }
}

export const openUnpacked = async (about: Manifest, work: string): Promise<Unpacked> => {
  if (about.format === 'roster-backup/2')
    return {
      objects: () => readObjects(join(work, FILES.objects)),
      passwords: () => readCredentials(join(work, FILES.passwords)),
      binding: about.binding,
      lease: about.lease ?? { epoch: 0 },
      [Symbol.asyncDispose]: async () => undefined,
    }
  const clock = systemClock()
  const store = await openEmbeddedStore({ folder: work, clock, create: false })
  const credentials = openCredentials(join(work, FILES.credentials))
  const snapshot = await snapshotOf(store)
  return {
    async *objects() {
      for (const kind of KINDS) {
        const all: OwnedObject[] = []
        for await (const owned of snapshot.objects(kind)) all.push(owned)
        yield* all.sort((a, b) => byAge(a.object, b.object))
      }
    },
    async *passwords() {
      for (const { metadata } of (await store.list('Account')).items) {
        const password = await credentials.passwordHash(metadata.name)
        if (password !== undefined) yield { account: metadata.name, password }
      }
    },
    binding: snapshot.info.binding,
    lease: snapshot.lease,
    [Symbol.asyncDispose]: async () => {
      await credentials[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      clock.stop()
    },
  }
}

const readAbout = async (path: string, file: string): Promise<Manifest> => {
  const about = parsed(await readFile(path, 'utf8').catch(() => ''))
  const { format, files } = about
  const main = format && Object.hasOwn(MAIN, format) ? MAIN[format] : undefined
  if (main && files?.[main] !== undefined && (main !== FILES.objects || files[FILES.passwords] !== undefined))
    return about as Manifest
  if (typeof format === 'string' && format.startsWith('roster-backup/') && main === undefined)
    throw new ArchiveError(`${file} was written by a newer Roster (${format}); restore it with that one`)
  throw new ArchiveError(`${basename(file)} is no backup of Roster; name the file that \`roster backup\` made`)
}

/** Nothing where it is no object: whoever made the file need not have been Roster. */
const parsed = (text: string): Partial<Manifest> => {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
