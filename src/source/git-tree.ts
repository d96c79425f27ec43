import type { Finding } from '../manifests/finding.ts'
import { decodeText } from '../manifests/text.ts'
import type { GitCopy } from './git-copy.ts'
import {
  type Entry,
  entryOf,
  finding,
  LINK,
  listChanges,
  listTree,
  SUBMODULE,
  type TreeLimits,
  type TreeListing,
} from './git-listing.ts'
import { askGit, type GitCall, runGit } from './git-process.ts'
import { CommitUnusable, CopyDamaged } from './git-trouble.ts'

/** What one commit holds under a path: the texts that have to be read, by their place below it, what cannot be one, and the tree as it was listed. */
export interface TreeContent {
  texts: ReadonlyMap<string, string>
  findings: Finding[]
  listing: TreeListing
}

/** First line of a file whose content lies in large file storage (git-lfs specification, "The Pointer"). */
const LFS = /^version https:\/\/git-lfs\.github\.com\/spec\/|^version https:\/\/hawser\.github\.com\/spec\//

/**
 * Reads the manifests of exactly one commit out of the object store. A link, a submodule or a pointer into large file storage where a manifest should be
 * is an error: it must never read as "nothing is declared here".
 * @param at.path folder inside the repository, '' for the whole
 * @param earlier what was listed before; git is asked only for what differs
 * @param known files whose text need not be read: the id of a blob is a hash of what it holds
 * @throws GitTrouble `PathNotFound`, `NotAllowed` over the limits; CopyDamaged
 */
export const readTree = async (
  copy: GitCopy,
  at: { commit: string; path: string },
  limits: TreeLimits,
  call: GitCall,
  { earlier, known }: { earlier?: TreeListing | undefined; known: (file: string, id: string) => boolean },
): Promise<TreeContent> => {
  const tree = await treeAt(copy, at, call)
  const listing =
    (earlier?.life === copy.life ? await listChanges(copy, { earlier, tree }, limits, call) : undefined) ??
    (await listTree(copy, tree, limits, call))
  const findings = [...listing.findings.values()]
  const texts = new Map<string, string>()
  const fresh = [...listing.entries.values()].filter(({ file, id }) => !known(file, id))
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
  return { texts, findings, listing }
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
