import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { askGit, type GitCall } from './git-process.ts'
import { CommitUnusable, CopyDamaged, GitTrouble, IdNotServed } from './git-trouble.ts'

/** Where the commit comes from: by its id, and where the server gives none by id, under these names. */
export interface Wanted {
  url: string
  commit: string
  /** Full names, `refs/heads/main`; empty when only the id is known. */
  names: readonly string[]
}

export interface CopyLimits {
  /** Bytes of a working copy on disk. */
  bytes: number
  /** Packs after which a copy is made anew, which is cheaper than tending the old one. */
  packs: number
}

const REPOSITORY = 'repository'
const REF = 'refs/roster/current'

/**
 * One source's working copy: a bare repository with the last commit and nothing before it. Nothing is ever checked out, so neither links, filters nor
 * attributes of a tree are followed; files are read out of the object store. Every process has copies of its own: nothing is shared, nothing locked.
 */
export class GitCopy {
  /** Folder to run git in. */
  readonly folder: string
  readonly #parent: string
  readonly #limits: CopyLimits
  #ready: string | undefined
  #life = 0

  /** @param parent folder of all copies of this source */
  constructor(parent: string, limits: CopyLimits) {
    this.#parent = parent
    this.#limits = limits
    this.folder = join(parent, `${process.pid}-${randomBytes(6).toString('hex')}`)
  }

  /** Another number after everything was thrown away: until then, objects that were here are here. */
  get life(): number {
    return this.#life
  }

  /** Arguments that every call on the copy begins with. */
  get at(): readonly string[] {
    return [`--git-dir=${REPOSITORY}`]
  }

  /** Makes the folder where it is missing; then takes away what processes that have ended left. */
  async open(): Promise<void> {
    const made = await mkdir(this.folder, { recursive: true, mode: 0o700 })
    if (made === undefined) return
    this.#ready = undefined
    this.#life += 1
    await sweep(this.#parent)
  }

  /** Whether the whole of this commit is here. */
  has(commit: string): boolean {
    return this.#ready === commit
  }

  /**
   * Brings one commit, without history. What fails in the middle leaves nothing: the next fetch begins anew.
   * @throws GitTrouble `RevisionNotFound` when the repository does not have it; `NotAllowed` when it is too large
   */
  async fetch(wanted: Wanted, call: GitCall): Promise<void> {
    this.#ready = undefined
    try {
      if (!(await this.#tended())) await this.#begin(wanted.commit, call)
      await this.#bring(wanted, { ...call, check: () => this.#bounded() })
      await this.#bounded()
      this.#ready = wanted.commit
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  /**
   * Brings the history of one commit and its folders, without what files hold: for a copy of its own, which is thrown away afterwards.
   * @param depth generations; what is before them is cut off
   * @throws GitTrouble
   */
  async fetchHistory({ url, commit, names }: Wanted, depth: number, call: GitCall): Promise<void> {
    const how = ['--filter=blob:none', `--depth=${depth}`]
    const checked = { ...call, check: () => this.#bounded() }
    await this.#begin(commit, call)
    await this.#fetch(url, how, [`+${commit}:${REF}`], checked).catch(error => {
      if (!(error instanceof IdNotServed) || names.length === 0) throw error
      const specs = names.map((name, index) => `+${name}:${REF}-${index}`)
      return this.#fetch(url, how, specs, checked)
    })
    await this.#bounded()
    if (!(await this.#holds(commit, call)))
      throw new GitTrouble('RevisionNotFound', `commit ${commit} is not among the last ${depth}`)
  }

  /** Commits whose parents are not here. */
  async cut(): Promise<ReadonlySet<string>> {
    const shallow = await readFile(join(this.folder, REPOSITORY, 'shallow'), 'utf8').catch(() => '')
    return new Set(shallow.split('\n'))
  }

  /**
   * Whether one commit comes after another. Brings what lies between them, and with it the whole of the later one. An earlier commit that the repository does not
   * have any more is followed by none.
   * @throws GitTrouble
   */
  async comesAfter(earlier: string, wanted: Wanted, call: GitCall): Promise<boolean> {
    this.#ready = undefined
    try {
      if (!(await this.#tended())) await this.#begin(wanted.commit, call)
      let follows = await this.#follows(earlier, wanted, call)
      // What was brought without its history may seem to have none.
      if (!follows && existsSync(join(this.folder, REPOSITORY, 'shallow'))) {
        await this.#begin(wanted.commit, call)
        follows = await this.#follows(earlier, wanted, call)
      }
      return follows
    } catch (error) {
      await this.discard()
      throw error
    }
  }

  async #follows(earlier: string, wanted: Wanted, call: GitCall): Promise<boolean> {
    const { url, commit, names } = wanted
    const checked = { ...call, check: () => this.#bounded() }
    const everything = names.map((name, index) => `+${name}:${REF}-${index}`)
    if (!(await this.#holds(earlier, call)))
      try {
        await this.#fetch(url, ['--depth=1'], [`+${earlier}:refs/roster/before`], checked)
      } catch (error) {
        if (error instanceof IdNotServed) await this.#fetch(url, [], everything, checked)
        else if (error instanceof GitTrouble && error.reason === 'RevisionNotFound') return false
        else throw error
      }
    if (!(await this.#holds(earlier, call))) return false
    if (!(await this.#holds(commit, call)))
      await this.#fetch(url, [], [`+${commit}:${REF}`], checked).catch(error => {
        if (!(error instanceof IdNotServed)) throw error
        return this.#fetch(url, [], everything, checked)
      })
    await this.#bounded()
    if (!(await this.#holds(commit, call)))
      throw new GitTrouble('Retrying', `${names.join(', ')} moved on while it was being read; it is read again`)
    this.#ready = commit
    // What the later one does not reach of the earlier one: nothing, where it comes after it.
    const missing = await askGit([...this.at, 'rev-list', '--max-count=1', earlier, `^${commit}`], call)
    return missing.trim() === ''
  }

  async #holds(commit: string, call: GitCall): Promise<boolean> {
    return (await askGit([...this.at, 'cat-file', '-t', commit], call).catch(() => '')).trim() === 'commit'
  }

  /** Throws everything away but the folder. */
  async discard(): Promise<void> {
    this.#ready = undefined
    this.#life += 1
    await rm(join(this.folder, REPOSITORY), { recursive: true, force: true })
  }

  async close(): Promise<void> {
    this.#ready = undefined
    // What cannot be taken away now is swept when this process is gone.
    await rm(this.folder, { recursive: true, force: true }).catch(() => undefined)
  }

  async #begin(commit: string, call: GitCall): Promise<void> {
    await this.discard()
    // Ids of SHA-256 repositories are longer, and a repository holds one sort.
    const format = commit.length === 64 ? ['--object-format=sha256'] : []
    await askGit(['init', '--quiet', '--bare', '--template=', ...format, REPOSITORY], call)
  }

  async #bring({ url, commit, names }: Wanted, call: GitCall): Promise<void> {
    const fetch = (depth: readonly string[], specs: readonly string[]) => this.#fetch(url, depth, specs, call)
    const byId = await fetch(['--depth=1'], [`+${commit}:${REF}`]).then(
      () => true,
      error => {
        if (!(error instanceof IdNotServed)) throw error
        return false
      },
    )
    if (!byId && names.length > 0)
      await fetch(
        ['--depth=1'],
        names.map((name, index) => `+${name}:${REF}-${index}`),
      )
    else if (!byId) await fetch([], ['+refs/heads/*:refs/roster/heads/*', '+refs/tags/*:refs/roster/tags/*'])

    const type = (await askGit([...this.at, 'cat-file', '-t', commit], call).catch(() => '')).trim()
    if (type === 'commit') return
    if (type !== '') throw new CommitUnusable('RevisionNotFound', `${commit} is a ${type} and no commit`)
    throw names.length > 0
      ? new GitTrouble('Retrying', `${names.join(', ')} moved on while it was being read; it is read again`)
      : new GitTrouble('RevisionNotFound', `commit ${commit} is on no branch or tag of the repository`)
  }

  #fetch(url: string, depth: readonly string[], specs: readonly string[], call: GitCall): Promise<string> {
    const quiet = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--update-shallow']
    return askGit([...this.at, 'fetch', ...quiet, ...depth, '--end-of-options', url, ...specs], call)
  }

  /** Whether there is a copy that is worth fetching into. */
  async #tended(): Promise<boolean> {
    const packs = await readdir(join(this.folder, REPOSITORY, 'objects', 'pack')).catch(() => undefined)
    if (packs === undefined || packs.filter(name => name.endsWith('.pack')).length >= this.#limits.packs) return false
    return (await bytesIn(join(this.folder, REPOSITORY))) < this.#limits.bytes / 2
  }

  async #bounded(): Promise<void> {
    const { bytes } = this.#limits
    if ((await bytesIn(join(this.folder, REPOSITORY))) > bytes)
      throw new CommitUnusable(
        'NotAllowed',
        `the repository is larger than ${Math.round(bytes / 1024 / 1024)} MiB; keep manifests in a repository of their own`,
      )
  }
}

/** A call that reads the copy: what fails there means that the copy is damaged, unless it was ended on purpose. */
export const damaged = (error: unknown): unknown =>
  error instanceof GitTrouble && error.reason === 'Unreachable'
    ? new CopyDamaged(`the working copy is damaged: ${error.message}`)
    : error

const bytesIn = async (folder: string): Promise<number> => {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    // A file that git has just renamed or taken away counts at the next look.
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return bytes
}

/** A copy is named after its process. One whose process is gone, or is an earlier one with our number, is nobody's. */
const sweep = async (parent: string): Promise<void> => {
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(/^(\d+)-[0-9a-f]{12}$/.exec(name)?.[1])
    if (Number.isNaN(pid)) continue
    const changed = (await stat(join(parent, name)).catch(() => undefined))?.ctimeMs
    if (changed === undefined) continue
    const ours = pid === process.pid
    if (ours ? changed < performance.timeOrigin : !isAlive(pid))
      await rm(join(parent, name), { recursive: true, force: true })
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
