import { join } from 'node:path'

/** Where things lie in a data folder. All of it is 0700 and 0600. */
export interface DataPaths {
  /** Holds the store's own files. */
  folder: string
  credentials: string
  keys: string
  audit: string
  mail: string
  sources: string
  /** What was before each run of a source. */
  runs: string
  log: string
}

export const dataPaths = (folder: string): DataPaths => ({
  folder,
  credentials: join(folder, 'credentials.sqlite'),
  keys: join(folder, 'keys'),
  audit: join(folder, 'audit'),
  mail: join(folder, 'mail'),
  sources: join(folder, 'sources'),
  runs: join(folder, 'runs'),
  log: join(folder, 'log', 'roster.jsonl'),
})
