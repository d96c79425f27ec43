import type { AnyManifest } from '../api/kinds.ts'
import type { Reason } from '../api/names.ts'
import type { Finding } from '../manifests/finding.ts'

/** A manifest and where it stands, as `file:line` inside its source. */
export interface PlacedManifest {
  manifest: AnyManifest
  place: string
  /** What changed its file last, where that is known. */
  change?: Change
  /** What had changed it last as of an earlier revision, for an object whose document has not changed since that one. */
  earlier?: Earlier & { at: string }
}

/** A commit, and who wrote it: their own words, which prove nothing. */
export interface Change {
  commit: string
  author?: string
}

/** Who changed a file last, or since which commit at least nobody did: the history before it was not read. */
export type Earlier = Change | { since: string }

/**
 * One reading of a source. Only a `Complete` one is applied, and only by a complete and non-empty one is anything pruned:
 * `Partial` and `Failed` say why and change nothing.
 */
export type Revision =
  | {
      outcome: 'Complete'
      /** A commit id, or a hash over the folder. The same content has the same id. */
      id: string
      manifests: readonly PlacedManifest[]
      /** Warnings, and errors that stop only their own resource. */
      findings: readonly Finding[]
      /** Of a commit: who wrote it, and who committed it. */
      commit?: { author?: string; committer?: string }
      /** What people should know of how it is read. */
      notice?: string
    }
  | { outcome: 'Partial' | 'Failed'; id?: string; reason: Reason; message: string; findings: readonly Finding[] }

/** Reads one source: a folder, or a repository. */
export interface SourceReader {
  /**
   * @param options.after a commit that does not come after this one is not read
   * @param options.applied what was applied last: it was judged then, by the keys of that time
   */
  read(options: { signal: AbortSignal; after?: string | undefined; applied?: string | undefined }): Promise<Revision>
  /**
   * Who changed files last, as of a revision that was applied, where {@link read} could not tell. It is asked for after a pass, and bounded.
   * @returns by file; what is not in it had changed nowhere that can be told
   * @throws GitTrouble
   */
  history?(options: {
    revision: string
    files: ReadonlySet<string>
    signal: AbortSignal
  }): Promise<ReadonlyMap<string, Earlier>>
  /** Calls back when it may be worth reading again. @returns a function that stops it */
  watch(changed: () => void): () => void
  /** Lets go of watchers and working copies. */
  close(): Promise<void>
}
