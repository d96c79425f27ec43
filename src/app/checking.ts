import type { Directory } from '../api/directory.ts'
import type { RecordedUser } from '../api/directoryrecord.ts'
import { isUsableId, recordedUser } from '../decide/found.ts'
import { type Counts, type Standing, standingOf } from '../decide/reading.ts'
import { placement, settingsOf } from '../decide/settings.ts'
import type { Capabilities, DirectoryCheck, ReadOutcome } from '../ports/directory.ts'
import { isGenerated, ownerOf } from '../reconcilers/people.ts'
import { directoryDriver } from './directories.ts'
import type { Realm } from './realm.ts'
import { RequestError } from './requests.ts'
import { takeSnapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'

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
  people: Record<Standing | 'disabled', number>
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
  const { cache } = await takeSnapshot(realm)
  const directory = cache.get('Directory', name)
  if (!directory) {
    const names = [...cache.list('Directory')].map(({ metadata }) => metadata.name)
    throw new RequestError(
      'ReferenceNotFound',
      `directory ${JSON.stringify(name)} does not exist${didYouMean(name, names)}`,
    )
  }
  const { chain } = placement(directory.spec.organization, one => cache.get('Organization', one))
  const { domains } = settingsOf(chain)
  const isDeclared = (address: string): boolean => {
    const owner = ownerOf(cache, address)
    return owner !== undefined && !isGenerated(owner)
  }
  const people = { declared: 0, unknown: 0, external: 0, withoutAddress: 0, disabled: 0 }
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
          const user = recordedUser(found)
          const standing = standingOf(user, domains, isDeclared)
          counts.users += 1
          people[standing] += 1
          if (!user.active) people.disabled += 1
          if (samples.length < SAMPLES) samples.push({ id: found.id, ...user, standing })
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
