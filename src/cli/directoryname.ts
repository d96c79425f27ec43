import { refOf } from './kinds.ts'
import { UsageError } from './verb.ts'

/** The name in `NAME`, `directory/NAME`, `directory NAME` or `dir/NAME`. @throws UsageError for another kind */
export const directoryOf = (words: readonly string[], verb: string): string => {
  const [only] = words
  if (words.length === 1 && only !== undefined && !only.includes('/')) return only
  const { kind, name } = refOf(words)
  if (kind === 'Directory') return name
  throw new UsageError(
    `${verb} is for a Directory, and ${words.join(' ')} is none; roster reconcile looks at anything else`,
  )
}
