import { existsSync, statSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { type Retry, RosterError } from '../api/errors.ts'
import { MANAGERS, type Reason } from '../api/names.ts'
import type { AuditEntry, AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { SecretReader } from '../ports/secrets.ts'
import { openEmbeddedStore } from '../store/embedded/store.ts'
import { StoreUnusableError } from '../store/errors.ts'
import type { ResourceStore } from '../store/store.ts'
import { fileAuditLog, noAuditLog } from '../telemetry/audit.ts'
import { type DataPaths, dataPaths } from './paths.ts'
import { secretReader } from './secrets.ts'
import type { Settings } from './settings.ts'
import { systemClock } from './system-clock.ts'

/** There is no store where one is expected. */
export class NoStoreError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason = 'ReferenceNotFound'
  readonly remedy = 'Name it with --data, or make one with roster run or roster apply'
}

/** What every verb that works on a store has in hand. */
export interface Realm extends AsyncDisposable {
  readonly settings: Settings
  readonly paths: DataPaths
  readonly clock: Clock
  readonly store: ResourceStore
  readonly audit: AuditLog
  readonly secrets: SecretReader
  /** `local/<os user>`: the field manager and actor of who typed the command. */
  readonly actor: string
  /** Host and process, as the lease shows its holder. */
  readonly holder: string
}

export interface RealmOptions {
  settings: Settings
  environment: NodeJS.ProcessEnv
  /** Makes the store where there is none. */
  create: boolean
  /** Told of each audit line that was written. */
  onAudit?: (entry: AuditEntry) => void
}

/** A store in memory: for a plan where there is no store yet. */
export const emptyRealm = async ({
  settings,
  environment,
}: Pick<RealmOptions, 'settings' | 'environment'>): Promise<Realm> => {
  const clock = systemClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  return {
    settings,
    paths: dataPaths(settings.data),
    clock,
    store,
    audit: noAuditLog(),
    secrets: secretsOf(settings, environment),
    actor: MANAGERS.local(osUser()),
    holder: `${hostname()}/${process.pid}`,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      clock.stop()
    },
  }
}

const secretsOf = (settings: Settings, environment: NodeJS.ProcessEnv): SecretReader =>
  secretReader({
    environment,
    own: ['smtp'],
    ...(settings.secrets === undefined ? {} : { folder: settings.secrets }),
  })

/** Whether the data folder of the settings holds a store. */
export const hasStore = (settings: Settings): boolean => existsSync(join(settings.data, 'roster.sqlite'))

/** Opens the data folder. @throws NoStoreError, StoreUnusableError */
export const openRealm = async ({ settings, environment, create, onAudit }: RealmOptions): Promise<Realm> => {
  const paths = dataPaths(settings.data)
  if (!create && !hasStore(settings)) throw new NoStoreError(`there is no store in ${paths.folder}`)
  refuseEmptied(paths)
  // The lease remembers the highest time that was ever shown, so that a clock put back revives no link.
  const first = systemClock()
  const store = await openEmbeddedStore({ folder: paths.folder, clock: first })
  const mark = (await store.lease.read())?.clockMark
  const clock = mark === undefined ? first : systemClock({ mark: Date.parse(mark) })
  const file = fileAuditLog({ folder: paths.audit, clock })
  const audit: AuditLog = {
    append: async entry => {
      await file.append(entry)
      onAudit?.(entry)
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
  return {
    settings,
    paths,
    clock,
    store,
    audit,
    secrets: secretsOf(settings, environment),
    actor: MANAGERS.local(osUser()),
    holder: `${hostname()}/${process.pid}`,
    [Symbol.asyncDispose]: async () => {
      await audit[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      first.stop()
      if ('stop' in clock) (clock as ReturnType<typeof systemClock>).stop()
    },
  }
}

/**
 * A store that is being made is empty for a moment, but then nothing of ours lies beside it. Emptied later, it would read as a new one, and everybody would be invited again.
 * @throws StoreUnusableError
 */
const refuseEmptied = ({ folder, keys }: DataPaths): void => {
  const file = join(folder, 'roster.sqlite')
  const size = statSync(file, { throwIfNoEntry: false })?.size
  // The first page, of 4096 bytes, holds no table of ours. What a running store has not moved into its file yet lies in the log.
  if (size === undefined || size > 4096 || existsSync(`${file}-wal`) || !existsSync(keys)) return
  throw new StoreUnusableError(
    `${file} is empty, and the folder was in use before`,
    'If it was copied, copy its -wal file too; else restore the last backup into a new folder (`roster restore`). To begin anew, name another folder with --data',
  )
}

const osUser = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
