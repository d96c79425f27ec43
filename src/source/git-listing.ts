import { isManifestPath } from '../manifests/files.ts'
import type { Finding, RuleId } from '../manifests/finding.ts'
import type { GitCopy } from './git-copy.ts'
import { askGit, eachRecord, type GitCall } from './git-process.ts'
import { CommitUnusable, CopyDamaged, GitTrouble } from './git-trouble.ts'

export interface TreeLimits {
  /** Entries of the tree, manifests or not. A small repository can unfold to billions. */
  entries: number
  /** Bytes of one manifest, and of all together. */
  file: number
  bytes: number
}

/** A tree as it was listed. Against it, a later one costs what changed. */
export interface TreeListing {
  /** Of the working copy, which has to hold the objects of both. */
  life: number
  /** The tree, as git names it. */
  tree: string
  /** Files that may be manifests, in the order of the tree. */
  entries: ReadonlyMap<string, Entry>
  /** Why a file is none, by file. */
  findings: ReadonlyMap<string, Finding>
  /** Entries of the tree, manifests or not. */
  seen: number
}

export interface Entry {
  mode: string
  id: string
  size: number
  file: string
}

export const LINK = '120000'
export const SUBMODULE = '160000'

/** Lists a whole tree. @throws CommitUnusable over the limits; CopyDamaged */
export const listTree = async (
  copy: GitCopy,
  tree: string,
  limits: TreeLimits,
  call: GitCall,
): Promise<TreeListing> => {
  const entries = new Map<string, Entry>()
  const findings = new Map<string, Finding>()
  let seen = 0
  let bytes = 0
  await eachRecord([...copy.at, 'ls-tree', '-r', '-z', '-l', '--full-tree', tree], call, record => {
    if (++seen > limits.entries) throw tooMany(limits)
    const entry = entryOf(record)
    if (!entry) throw new CopyDamaged('git lists a tree in a way that cannot be read')
    const is = judged(entry, limits)
    if (is === 'manifest') {
      bytes += entry.size
      if (bytes > limits.bytes) throw tooLarge(limits)
      entries.set(entry.file, entry)
    } else if (is !== undefined) findings.set(entry.file, is)
  })
  return { life: copy.life, tree, entries, findings, seen }
}

/** So many files may differ before the whole is listed instead. */
const MOST_CHANGES = 2_000

/**
 * The same by what differs from a tree that was listed before: git leaves out whole folders that are the same.
 * @returns undefined where too much differs, or the earlier tree is not there any more
 */
export const listChanges = async (
  copy: GitCopy,
  { earlier, tree }: { earlier: TreeListing; tree: string },
  limits: TreeLimits,
  call: GitCall,
): Promise<TreeListing | undefined> => {
  const changes = await changesBetween(copy, earlier.tree, tree, call)
  if (!changes) return undefined
  const sizes = await sizesOf(copy, changes, call)
  const entries = new Map(earlier.entries)
  const findings = new Map(earlier.findings)
  const added: string[] = []
  let { seen } = earlier
  for (const { was, mode, id, file } of changes) {
    findings.delete(file)
    const known = entries.has(file)
    if (was !== ABSENT) seen -= 1
    if (mode !== ABSENT) seen += 1
    const entry = { mode, id, file, size: sizes.get(id) ?? 0 }
    const is = mode === ABSENT ? undefined : judged(entry, limits)
    if (is === 'manifest') {
      entries.set(file, entry)
      if (!known) added.push(file)
    } else entries.delete(file)
    if (typeof is === 'object') findings.set(file, is)
  }
  if (seen > limits.entries) throw tooMany(limits)
  let bytes = 0
  for (const { size } of entries.values()) bytes += size
  if (bytes > limits.bytes) throw tooLarge(limits)
  return {
    life: copy.life,
    tree,
    entries: added.length > 0 ? inOrder(entries, added) : entries,
    // The first one is told of the revision, and is to be the same as in a whole listing.
    findings: new Map([...findings].sort(([a], [b]) => byBytes(a, b))),
    seen,
  }
}

interface TreeChange {
  /** Mode before and now; {@link ABSENT} where it was not, or is not. */
  was: string
  mode: string
  id: string
  file: string
}
const ABSENT = '000000'

/** `:<mode> <mode> <id> <id> <status>`, then the path, each ended by NUL (git-diff-tree(1), raw output format). */
const changesBetween = async (
  copy: GitCopy,
  before: string,
  now: string,
  call: GitCall,
): Promise<TreeChange[] | undefined> => {
  const changes: TreeChange[] = []
  let head: RegExpExecArray | null = null
  const most = new Error('too much differs')
  try {
    const diff = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', before, now]
    await eachRecord([...copy.at, ...diff], call, record => {
      if (!head) {
        head = /^:(\d{6}) (\d{6}) [0-9a-f]{40,64} ([0-9a-f]{40,64}) [A-Z]\d*$/.exec(record)
        if (!head) throw new CopyDamaged('git compares trees in a way that cannot be read')
        return
      }
      const [, was = '', mode = '', id = ''] = head
      head = null
      changes.push({ was, mode, id, file: record })
      if (changes.length > MOST_CHANGES) throw most
    })
    return changes
  } catch (error) {
    call.signal.throwIfAborted()
    if (error === most || error instanceof GitTrouble) return undefined
    throw error
  }
}

/** Bytes of what is new, without reading it. */
const sizesOf = async (
  copy: GitCopy,
  changes: readonly TreeChange[],
  call: GitCall,
): Promise<ReadonlyMap<string, number>> => {
  const ids = changes.filter(({ mode }) => mode !== ABSENT && mode !== SUBMODULE).map(({ id }) => id)
  if (ids.length === 0) return new Map()
  const answer = await askGit(
    [...copy.at, 'cat-file', '--batch-check=%(objectname) %(objectsize)'],
    call,
    undefined,
    Buffer.from(`${ids.join('\n')}\n`),
  )
  return new Map(
    answer.split('\n').flatMap(line => {
      const [id = '', size] = line.split(' ')
      return /^\d+$/.test(size ?? '') ? [[id, Number(size)] as const] : []
    }),
  )
}

/** Puts what was added where it stands in the tree: by the bytes of its whole path (gitdatamodel(7): folders sort as if they ended in a slash). */
const inOrder = (entries: ReadonlyMap<string, Entry>, added: readonly string[]): Map<string, Entry> => {
  const isAdded = new Set(added)
  const late = added.toSorted(byBytes)
  const sorted = new Map<string, Entry>()
  let at = 0
  const put = (file: string): void => {
    const entry = entries.get(file)
    if (entry) sorted.set(file, entry)
  }
  for (const file of entries.keys()) {
    if (isAdded.has(file)) continue
    for (; late[at] !== undefined && byBytes(late[at] ?? '', file) < 0; at++) put(late[at] ?? '')
    put(file)
  }
  for (; at < late.length; at++) put(late[at] ?? '')
  return sorted
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Whether a file of the tree may be a manifest; a finding where one should be and cannot; undefined for what is of no concern. */
const judged = ({ file, mode, size }: Entry, limits: TreeLimits): 'manifest' | Finding | undefined => {
  if (mode === SUBMODULE)
    return isManifestPath(`${file}/x.yaml`)
      ? finding(file, 'special-file', 'is a submodule, which is never followed; make it a source of its own')
      : undefined
  if (mode === LINK) {
    if (isManifestPath(file))
      return finding(
        file,
        'symlink-outside',
        'is a symbolic link, which is not followed in a repository; put the file here instead',
      )
    // Without an extension it may lead to a folder whose manifests somebody expects.
    return isManifestPath(`${file}/x.yaml`) && !/\.[^/]*$/.test(file)
      ? { ...finding(file, 'symlink-folder', 'is a symbolic link and is not followed'), severity: 'warning' }
      : undefined
  }
  if (!isManifestPath(file)) return undefined
  return size > limits.file
    ? finding(file, 'too-large', `has ${size} bytes, and may have ${limits.file}; split it`)
    : 'manifest'
}

const tooMany = ({ entries }: TreeLimits): CommitUnusable =>
  new CommitUnusable('NotAllowed', `the path holds more than ${entries} files; name a folder with manifests only`)
const tooLarge = ({ bytes }: TreeLimits): CommitUnusable =>
  new CommitUnusable('NotAllowed', `the manifests have more than ${Math.round(bytes / 1024 / 1024)} MiB together`)

/** `<mode> <type> <id>[ <size>]\t<path>` (git-ls-tree(1), output format). */
export const entryOf = (record: string): (Entry & { type: string }) | undefined => {
  const match = /^(\d{6}) (\w+) ([0-9a-f]{40,64})(?: +(\d+|-))?\t(.+)$/s.exec(record)
  if (!match) return undefined
  const [, mode = '', type = '', id = '', size = '0', file = ''] = match
  return { mode, type, id, size: size === '-' ? 0 : Number(size), file }
}

export const finding = (file: string, rule: RuleId, message: string): Finding => ({
  severity: 'error',
  rule,
  message,
  file,
  line: 1,
  column: 1,
})
