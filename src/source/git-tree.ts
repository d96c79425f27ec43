import { isManifestPath } from '../manifests/files.ts'
import type { Finding, RuleId } from '../manifests/finding.ts'
import { decodeText } from '../manifests/text.ts'
import type { GitCopy } from './git-copy.ts'
import { askGit, type GitCall, runGit } from './git-process.ts'
import { CommitUnusable, CopyDamaged } from './git-trouble.ts'

export interface TreeLimits {
  /** Entries of the tree, manifests or not. A small repository can unfold to billions. */
  entries: number
  /** Bytes of one manifest, and of all together. */
  file: number
  bytes: number
}

/** What one commit holds under a path: texts by their place below it, in the order of the tree, and what cannot be one. Without a text: one that is known. */
export interface TreeContent {
  files: { file: string; id: string; text?: string }[]
  findings: Finding[]
}

interface Entry {
  mode: string
  id: string
  size: number
  file: string
}

const LINK = '120000'
const SUBMODULE = '160000'
/** First line of a file whose content lies in large file storage (git-lfs specification, "The Pointer"). */
const LFS = /^version https:\/\/git-lfs\.github\.com\/spec\/|^version https:\/\/hawser\.github\.com\/spec\//

/**
 * Reads the manifests of exactly one commit out of the object store. A link, a submodule or a pointer into large file storage where a manifest should be
 * is an error: it must never read as "nothing is declared here".
 * @param known files whose text need not be read: the id of a blob is a hash of what it holds
 * @param path folder inside the repository, '' for the whole
 * @throws GitTrouble `PathNotFound`, `NotAllowed` over the limits; CopyDamaged
 */
export const readTree = async (
  copy: GitCopy,
  at: { commit: string; path: string },
  limits: TreeLimits,
  call: GitCall,
  known: (file: string, id: string) => boolean = () => false,
): Promise<TreeContent> => {
  const tree = await treeAt(copy, at, call)
  const { entries, findings } = await listTree(copy, tree, limits, call)
  const texts = new Map<string, string>()
  const [old, fresh] = [new Set<string>(), [] as Entry[]]
  for (const entry of entries)
    if (known(entry.file, entry.id)) old.add(entry.file)
    else fresh.push(entry)
  await readBlobs(copy, fresh, call, ({ file }, bytes) => {
    const decoded = decodeText(bytes)
    if ('problem' in decoded) findings.push({ ...finding(file, 'encoding', decoded.problem), line: decoded.line })
    else if (LFS.test(decoded.text))
      findings.push(
        finding(
          file,
          'special-file',
          'is a pointer into Git LFS, and manifests are not kept there; run git lfs untrack on it',
        ),
      )
    else texts.set(file, decoded.text)
  })
  const files = entries.flatMap(({ file, id }): TreeContent['files'] => {
    const text = texts.get(file)
    return text === undefined ? (old.has(file) ? [{ file, id }] : []) : [{ file, id, text }]
  })
  return { files, findings }
}

const treeAt = async (
  copy: GitCopy,
  { commit, path }: { commit: string; path: string },
  call: GitCall,
): Promise<string> => {
  if (path === '') return `${commit}^{tree}`
  const [record] = (await askGit([...copy.at, 'ls-tree', '-z', '--full-tree', commit, '--', path], call)).split('\0')
  const found = entryOf(record ?? '')
  const where = `path ${path}`
  if (!found) throw new CommitUnusable('PathNotFound', `${where} is not in commit ${commit}; check path and ref`)
  if (found.mode === SUBMODULE)
    throw new CommitUnusable(
      'NotAllowed',
      `${where} is a submodule, which is never followed; make it a source of its own`,
    )
  if (found.mode === LINK)
    throw new CommitUnusable('NotAllowed', `${where} is a symbolic link; name the folder that it leads to`)
  if (found.type !== 'tree') throw new CommitUnusable('PathNotFound', `${where} is a file; path names a folder`)
  return found.id
}

const listTree = async (
  copy: GitCopy,
  tree: string,
  limits: TreeLimits,
  call: GitCall,
): Promise<{ entries: Entry[]; findings: Finding[] }> => {
  const entries: Entry[] = []
  const findings: Finding[] = []
  let seen = 0
  let bytes = 0
  const take = (record: string): void => {
    if (++seen > limits.entries)
      throw new CommitUnusable(
        'NotAllowed',
        `the path holds more than ${limits.entries} files; name a folder with manifests only`,
      )
    const entry = entryOf(record)
    if (!entry) throw new CopyDamaged('git lists a tree in a way that cannot be read')
    const { file, mode, size } = entry
    if (mode === SUBMODULE) {
      if (isManifestPath(`${file}/x.yaml`))
        findings.push(
          finding(file, 'special-file', 'is a submodule, which is never followed; make it a source of its own'),
        )
      return
    }
    if (mode === LINK) {
      if (isManifestPath(file))
        findings.push(
          finding(
            file,
            'symlink-outside',
            'is a symbolic link, which is not followed in a repository; put the file here instead',
          ),
        )
      // Without an extension it may lead to a folder whose manifests somebody expects.
      else if (isManifestPath(`${file}/x.yaml`) && !/\.[^/]*$/.test(file))
        findings.push({
          ...finding(file, 'symlink-folder', 'is a symbolic link and is not followed'),
          severity: 'warning',
        })
      return
    }
    if (!isManifestPath(file)) return
    if (size > limits.file) {
      findings.push(finding(file, 'too-large', `has ${size} bytes, and may have ${limits.file}; split it`))
      return
    }
    bytes += size
    if (bytes > limits.bytes)
      throw new CommitUnusable(
        'NotAllowed',
        `the manifests have more than ${Math.round(limits.bytes / 1024 / 1024)} MiB together`,
      )
    entries.push(entry)
  }
  let rest = ''
  const decoder = new TextDecoder()
  await runGit([...copy.at, 'ls-tree', '-r', '-z', '-l', '--full-tree', tree], call, chunk => {
    const records = (rest + decoder.decode(chunk, { stream: true })).split('\0')
    rest = records.pop() ?? ''
    for (const record of records) take(record)
  })
  return { entries, findings }
}

/** `<mode> <type> <id>[ <size>]\t<path>` (git-ls-tree(1), output format). */
const entryOf = (record: string): (Entry & { type: string }) | undefined => {
  const match = /^(\d{6}) (\w+) ([0-9a-f]{40,64})(?: +(\d+|-))?\t(.+)$/s.exec(record)
  if (!match) return undefined
  const [, mode = '', type = '', id = '', size = '0', file = ''] = match
  return { mode, type, id, size: size === '-' ? 0 : Number(size), file }
}

/** Feeds ids to `git cat-file --batch` and cuts its answers, `<id> blob <size>\n<content>\n`. */
const readBlobs = async (
  copy: GitCopy,
  entries: readonly Entry[],
  call: GitCall,
  take: (entry: Entry, bytes: Uint8Array) => void,
): Promise<void> => {
  if (entries.length === 0) return
  let next = 0
  let pending: Buffer[] = []
  let held = 0
  let need = 1
  await runGit(
    [...copy.at, 'cat-file', '--batch'],
    call,
    chunk => {
      pending.push(chunk)
      held += chunk.length
      if (held < need) return
      let buffer = pending.length === 1 ? chunk : Buffer.concat(pending, held)
      for (;;) {
        const end = buffer.indexOf(10)
        const entry = entries[next]
        if (end < 0 || !entry) break
        const head = buffer.toString('utf8', 0, end)
        if (head !== `${entry.id} blob ${entry.size}`) throw new CopyDamaged(`the working copy lacks ${entry.file}`)
        need = end + 1 + entry.size + 1
        if (buffer.length < need) break
        take(entry, buffer.subarray(end + 1, end + 1 + entry.size))
        buffer = buffer.subarray(need)
        need = 1
        next++
      }
      pending = [buffer]
      held = buffer.length
    },
    ids(entries),
  )
  if (next < entries.length) throw new CopyDamaged('the working copy ended before all files were read')
}

function* ids(entries: readonly Entry[]): Iterable<string> {
  for (const { id } of entries) yield `${id}\n`
}

const finding = (file: string, rule: RuleId, message: string): Finding => ({
  severity: 'error',
  rule,
  message,
  file,
  line: 1,
  column: 1,
})
