import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { RosterError } from '../api/errors.ts'
import { isCommit } from '../decide/origin.ts'
import { type FileReading, readText } from '../manifests/read.ts'
import { type JudgedSet, judgeAgain } from '../manifests/rereading.ts'
import { fileOf } from './authority.ts'
import { type FolderReaderOptions, revisionOf } from './folder.ts'
import { type Authorship, authorsOf } from './git-authors.ts'
import type { WalkLimits } from './git-changes.ts'
import { type CopyLimits, damaged, GitCopy, type Wanted } from './git-copy.ts'
import { type HistoryLimits, historyOf } from './git-history.ts'
import type { TreeLimits, TreeListing } from './git-listing.ts'
import { beginPass, type GitPass, type GitPassOptions } from './git-pass.ts'
import { askGit, type GitCall } from './git-process.ts'
import { resolveRef } from './git-ref.ts'
import { verifySignature } from './git-signature.ts'
import { readTree, type TreeContent } from './git-tree.ts'
import { CommitUnusable, CopyDamaged, GitTrouble, HistoryRewritten } from './git-trouble.ts'
import type { Revision, SourceReader } from './revision.ts'

export { parseGitUrl } from './git-url.ts'

export interface GitReaderOptions extends GitPassOptions {
  tables?: FolderReaderOptions['tables']
  limits?: Partial<GitLimits>
}

export interface GitLimits extends CopyLimits {
  tree: TreeLimits
  /** Milliseconds for asking what a ref leads to, and for bringing a commit. */
  asking: number
  bringing: number
  /** Commits between two that are applied, in which the authors of files are looked for. */
  between: WalkLimits
  /** What was before the first commit that was read. */
  history: HistoryLimits
}

/** What a file said, and the blob that it said it in. */
interface KnownReading {
  id: string
  reading: FileReading
}

/** Files between two breaths of the event loop. */
const BREATH = 50
const MIB = 1024 * 1024
const LIMITS: GitLimits = {
  bytes: 1024 * MIB,
  packs: 50,
  tree: { entries: 500_000, file: 64 * MIB, bytes: 512 * MIB },
  asking: 60_000,
  bringing: 10 * 60_000,
  between: { commits: 10_000, bytes: 256 * MIB },
  history: { depth: 1_000, commits: 10_000, bytes: 256 * MIB },
}

/**
 * Reads a repository, one commit a pass: asks what the ref leads to, brings that commit if it is not here, and reads its manifests out of the object store.
 * The same commit again costs one question. Everything that can be checked is checked before git is started, and what fails is a revision that says so.
 * A commit that does not come after the one applied last is not read: the history was rewritten, and somebody who may only push could take back what was taken away.
 */
export const gitReader = (options: GitReaderOptions): SourceReader => {
  const limits = { ...LIMITS, ...options.limits }
  const folder = join(options.folder, options.name)
  const copy = new GitCopy(folder, limits)
  let checked = false
  let kept: { commit: string; after: string | undefined; revision: Revision } | undefined

  // What was read of the commit before: work on a commit is in proportion to what changed.
  let before: { listing: TreeListing; readings: ReadonlyMap<string, KnownReading>; judged: JudgedSet } | undefined
  const readingsOf = async ({ texts, listing }: TreeContent): Promise<Map<string, KnownReading>> => {
    const now = new Map<string, KnownReading>()
    let read = 0
    for (const { file, id } of listing.entries.values()) {
      const text = texts.get(file)
      const known = before?.readings.get(file)
      if (text === undefined && known?.id === id) now.set(file, known)
      else if (text !== undefined) {
        const tables = options.tables ?? []
        now.set(file, { id, reading: readText({ file, text }, { tables }) })
        // The loop of a controller lives in the same process: let it breathe.
        if (++read % BREATH === 0) await setImmediate()
      }
    }
    return now
  }

  const readCommit = async (
    pass: GitPass,
    { commit, names }: { commit: string; names: readonly string[] },
    { after, applied }: Before,
  ): Promise<Revision> => {
    const wanted: Wanted = { url: pass.to.url, commit, names }
    if (after !== undefined && after !== commit && isCommit(after)) {
      const follows = await pass.remote(limits.bringing, call => copy.comesAfter(after, wanted, call))
      if (!follows) throw new HistoryRewritten(commit, after)
    }
    const bringAndRead = async (): Promise<TreeContent> => {
      if (!copy.has(commit)) await pass.remote(limits.bringing, call => copy.fetch(wanted, call))
      if (options.git.verify) {
        const { call, signers } = pass.verifying(limits.asking)
        // Asked again at each pass until it holds, so that a key that was added counts.
        await verifySignature(copy, { commit, signers, fresh: commit !== applied }, call)
      }
      const at = { commit, path: pass.path }
      const known = (file: string, id: string): boolean => before?.readings.get(file)?.id === id
      const earlier = { earlier: before?.listing, known }
      return readTree(copy, at, limits.tree, pass.local(limits.bringing), earlier).catch(error => {
        throw damaged(error)
      })
    }
    const content = await bringAndRead().catch(async error => {
      if (!(error instanceof CopyDamaged)) throw error
      await copy.discard()
      return bringAndRead()
    })
    const readings = await readingsOf(content)
    const files = Array.from(readings.values(), ({ reading }) => reading)
    const { result, judged } = judgeAgain(files, before?.judged)
    before = { listing: content.listing, readings, judged }
    const revision = revisionOf({ ...result, findings: [...content.findings, ...result.findings] }, commit)
    if (revision.outcome !== 'Complete') return revision
    const blobs = new Map(Array.from(readings, ([file, { id }]) => [file, id]))
    const at = { commit, after, path: pass.path, files: blobs }
    return await authorsOf(copy, at, limits.between, pass.local(limits.asking)).then(
      authorship => signed(revision, authorship),
      error => {
        // Who wrote it is told where it can be; what it says counts all the same.
        if (error instanceof GitTrouble) return revision
        throw error
      },
    )
  }

  const read = async (signal: AbortSignal, earlier: Before): Promise<Revision> => {
    const { after } = earlier
    let commit: string | undefined
    try {
      const pass = await beginPass(options, copy, signal)
      // Once read, a commit stays good: that it came after another one is a matter of the first time. One that did not may have been approved since.
      const known = (id: string): boolean =>
        kept?.commit === id && (kept.after === after || (id === after && !isRewritten(kept.revision)))
      if ('commit' in pass.ref && known(pass.ref.commit) && kept) return kept.revision
      await copy.open()
      if (!checked) await needsVersion(pass.local(limits.asking))
      checked = true
      const found = await pass.remote(limits.asking, call => resolveRef(pass.to.url, pass.ref, call))
      commit = found.commit
      if (!kept || !known(commit)) kept = { commit, after, revision: await readCommit(pass, { ...found }, earlier) }
      return kept.revision
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof RosterError)) return unkept(folder, error)
      const revision: Revision = {
        outcome: error.reason === 'Retrying' ? 'Partial' : 'Failed',
        reason: error.reason,
        message: error.message,
        findings: [],
        ...(commit === undefined ? {} : { id: commit }),
      }
      if (commit !== undefined && error instanceof CommitUnusable) kept = { commit, after, revision }
      return revision
    }
  }

  const history: NonNullable<SourceReader['history']> = async ({ revision: commit, files, signal }) => {
    // Of its own: the other one is whole, and has to stay so.
    const past = new GitCopy(folder, { ...limits, bytes: limits.history.bytes })
    try {
      await past.open()
      const pass = await beginPass(options, past, signal)
      const { names } = await pass.remote(limits.asking, call => resolveRef(pass.to.url, pass.ref, call))
      return await historyOf(
        past,
        { wanted: { url: pass.to.url, commit, names }, path: pass.path, files },
        limits.history,
        {
          remote: use => pass.remote(limits.asking, use),
          local: pass.local(limits.asking),
        },
      )
    } finally {
      await past.close()
    }
  }

  // One pass at a time: a copy is written by one git.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(does: () => Promise<T>): Promise<T> => {
    const mine = last.then(does)
    last = mine.catch(() => undefined)
    return mine
  }
  return {
    read: ({ signal, ...earlier }) => inTurn(() => read(signal, earlier)),
    history: asked => inTurn(() => history(asked)),
    // A repository does not tell; the interval of the source asks.
    watch: () => () => undefined,
    close: async () => {
      await last
      await copy.close()
    },
  }
}

const signed = (
  revision: Extract<Revision, { outcome: 'Complete' }>,
  { commit, changes }: Authorship,
): Extract<Revision, { outcome: 'Complete' }> => ({
  ...revision,
  commit,
  manifests: revision.manifests.map(placed => {
    const change = changes.get(fileOf(placed.place))
    return change ? { ...placed, change } : placed
  }),
})

const isRewritten = (revision: Revision): boolean =>
  revision.outcome !== 'Complete' && revision.reason === 'HistoryRewritten'

/** A disk that is full, or a folder that may not be written. @throws whatever is no error of the system */
const unkept = (folder: string, error: unknown): Revision => {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || syscall === undefined) throw error
  const message = `working copies cannot be kept in ${folder} (${code}); check its owner and the room on the disk`
  return { outcome: 'Failed', reason: 'Unreachable', message, findings: [] }
}

/** See {@link SourceReader.read}. */
interface Before {
  after?: string | undefined
  applied?: string | undefined
}

/** `http.curloptResolve`, which binds git to the checked address, came with 2.37; an older git would ignore it and say nothing. */
const needsVersion = async (call: GitCall): Promise<void> => {
  const answer = await askGit(['version'], call)
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(answer) ?? []
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 37)) return
  throw new GitTrouble('NotAllowed', `git 2.37 or newer is needed, here is ${major}.${minor}`)
}
