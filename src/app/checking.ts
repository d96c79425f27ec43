import type { Directory } from '../api/directory.ts'
import type { RecordedUser } from '../api/directoryrecord.ts'
import { isUsableId } from '../decide/found.ts'
import { userSaid } from '../decide/mapping.ts'
import type { Counts, People, Standing } from '../decide/reading.ts'
import type { Capabilities, DirectoryCheck, ReadOutcome } from '../ports/directory.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { countingPeopleOf } from '../reconcilers/directoryread.ts'
import { directoryDriver } from './directories.ts'
import type { Realm } from './realm.ts'
import { declaredObject } from './requests.ts'
import { takeSnapshot } from './snapshot.ts'

/** People that are shown. */
const SAMPLES = 3

/** What a directory holds, seen from here. */
export interface Checked {
  directory: Directory
  capabilities: Capabilities
  /** What the connection is good for; where there is none, why. */
  connection: DirectoryCheck | Exclude<ReadOutcome, { outcome: 'Complete' }>
  /** How reading all of it ended, where it could be connected to. */
  read?: ReadOutcome & Counts & { requests: number }
  people: People
  samples: readonly (RecordedUser & { id: string; standing: Standing })[]
}

/**
 * Connects to a directory from this process, with its secrets, and reads everything once. Nothing is written anywhere.
 * @param progress told after each page
 * @throws RequestError when there is no such directory
 */
export const checkDirectory = async (
  realm: Pick<Realm, 'store' | 'settings' | 'secrets' | 'clock'>,
  name: string,
  { signal, progress }: { signal: AbortSignal; progress: (read: Counts) => void },
): Promise<Checked> => {
  const directory = (await declaredObject(realm, { kind: 'Directory', name })) as Directory
  const snapshot = await takeSnapshot(realm)
  const { people, add } = countingPeopleOf(snapshot, directory)
  const { mapping } = directory.spec.import ?? {}
  const domains = settingsFor(snapshot, directory.spec.organization)?.settings.domains ?? []
  const samples: (RecordedUser & { id: string; standing: Standing })[] = []
  const driver = await directoryDriver(realm, directory)
  try {
    const connection = await driver.check({ signal })
    const checked = { directory, capabilities: driver.capabilities, connection, people, samples }
    if ('outcome' in connection) return checked
    const counts: Counts = { users: 0, groups: 0 }
    const ended = await driver.read({
      signal,
      take: ({ users = [], groups = [] }) => {
        for (const found of users) {
          if (!isUsableId(found.id)) continue
          const said = userSaid(mapping, found, { domains, before: undefined })
          const standing = add({ directory: name, of: 'User', id: found.id, ...said, firstSeenTime: '' })
          counts.users += 1
          if (samples.length < SAMPLES) samples.push({ id: found.id, ...said.user, standing })
        }
        counts.groups += groups.length
        progress(counts)
      },
    })
    return { ...checked, read: { ...ended, ...counts } }
  } finally {
    await driver.close()
  }
}
