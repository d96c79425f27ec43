import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Directory } from '../api/directory.ts'
import type { DirectoryRecord, DirectoryRecordSpec, RecordedUser } from '../api/directoryrecord.ts'
import { MANAGERS } from '../api/names.ts'
import { enrolmentOf } from '../decide/enrolment.ts'
import { formerLogins, isUsableId, recordedGroup } from '../decide/found.ts'
import { emptied, FoundGroups } from '../decide/foundgroups.ts'
import { userSaid } from '../decide/mapping.ts'
import {
  believed,
  believedGroups,
  type Counts,
  countingPeople,
  type People,
  type Standing,
  standingOf,
} from '../decide/reading.ts'
import { directoryRecordName } from '../decide/record-names.ts'
import type { DirectoryDriver, FoundGroup, FoundPage, FoundUser, ReadOutcome } from '../ports/directory.ts'
import { bearerOf } from './bearers.ts'
import { now, settingsFor, type World } from './context.ts'
import { declaredOwnerOf } from './people.ts'
import { personOf } from './who.ts'

/** After so many people that are looked at, everybody else gets a turn: each takes some tens of microseconds. */
const TURN = 500
/** Records that are written at once: most of it is waiting for the store. */
const TOGETHER = 64

/** What came of one read. */
export interface Reading {
  verdict: ReadOutcome
  /** What the read told of. */
  read: Counts
  created: number
  updated: number
  removed: number
  unusable: number
  requests: number
}

/**
 * Reads a directory and writes down what it says, page by page. Whoever a complete read no longer has is marked as missing, and never by another one.
 * @param options.progress told after each page
 */
export const readDirectory = async (
  world: World,
  directory: Directory,
  driver: DirectoryDriver,
  options: {
    signal: AbortSignal
    allowEmpty: boolean
    /** Names of groups of which it is noted who is in them. */
    groups: readonly string[]
    progress: (read: Counts) => Promise<void>
  },
): Promise<Reading> => {
  const { name } = directory.metadata
  const known = recordsOf(world, name)
  const there = counted(known.values())
  const seen = new Set<string>()
  const found = new FoundGroups(options.groups)
  const read: Counts = { users: 0, groups: 0 }
  const reading = { created: 0, updated: 0, removed: 0, unusable: 0 }

  const note = async (of: 'User' | 'Group', id: string, said: Said | undefined): Promise<void> => {
    const record = directoryRecordName(name, of, id)
    // Whoever comes twice counts once, as first told.
    if (seen.has(record)) return
    if (!said || said.user?.problem !== undefined) reading.unusable += 1
    if (!isUsableId(id)) return
    // There, whatever is said of them.
    seen.add(record)
    read[of === 'User' ? 'users' : 'groups'] += 1
    if (!said) return
    const before = known.get(record)
    const firstSeenTime = before?.spec.firstSeenTime ?? now(world)
    const former = formerLogins(before?.spec, said.user?.login)
    const within = before?.spec.groups && { groups: before.spec.groups }
    const spec: DirectoryRecordSpec = { directory: name, of, id, ...said, ...former, ...within, firstSeenTime }
    if (before && isDeepStrictEqual(before.spec, spec)) return
    await write(world, directory, record, before, spec)
    if (before && before.spec.missingTime === undefined) reading.updated += 1
    else reading.created += 1
  }

  const { mapping } = directory.spec.import ?? {}
  const domains = settingsFor(world, directory.spec.organization)?.settings.domains ?? []
  const taken = (found: FoundUser): Said => {
    const before = known.get(directoryRecordName(name, 'User', found.id))?.spec.user
    return userSaid(mapping, found, { domains, before })
  }

  const take = async ({ users = [], groups = [] }: FoundPage): Promise<void> => {
    await together(users, user => note('User', user.id, isUsableId(user.id) ? taken(user) : undefined))
    await together(groups, group => note('Group', group.id, groupSaid(group)))
    for (const group of groups) found.add(group)
    await options.progress(read)
  }
  const { requests, ...ended } = await driver.read({ signal: options.signal, take })
  const members = found.members()
  const wanted = new Set(options.groups)
  // Of whoever is gone themselves, the guard decides.
  const before = [...known].flatMap(([record, { spec }]) =>
    seen.has(record) ? [spec.groups?.filter(group => wanted.has(group)) ?? []] : [],
  )
  const verdict = believedGroups(
    believed(ended, read, there, options.allowEmpty),
    { emptied: emptied(before, members), ambiguous: found.ambiguous },
    options.allowEmpty,
  )
  const isComplete = verdict.outcome === 'Complete'
  reading.updated += await noteGroups(world, directory, { members, wanted, left: isComplete ? seen : new Set() })
  if (verdict.outcome === 'Complete') {
    const gone = [...known].filter(([record, { spec }]) => !seen.has(record) && spec.missingTime === undefined)
    await together(gone, ([record]) => {
      const before = world.cache.get('DirectoryRecord', record)
      return before
        ? write(world, directory, record, before, { ...before.spec, missingTime: now(world) })
        : Promise.resolve()
    })
    reading.removed = gone.length
  }
  return { verdict, read, ...reading, requests }
}

/**
 * Notes who is in which of the wanted groups. What was told is true; who was not told to be in one leaves it only where they were told of by a complete read.
 * @param options.left names of records of which everything was told
 * @returns of how many people that is another than before
 */
const noteGroups = async (
  world: World,
  directory: Directory,
  {
    members,
    wanted,
    left,
  }: { members: ReadonlyMap<string, string[]>; wanted: ReadonlySet<string>; left: ReadonlySet<string> },
): Promise<number> => {
  const changed: { record: DirectoryRecord; groups: string[] }[] = []
  for (const record of world.cache.by('DirectoryRecord', 'directory', directory.metadata.name)) {
    const { user, id, groups: before = [] } = record.spec
    if (!user) continue
    const kept = left.has(record.metadata.name) ? [] : before.filter(group => wanted.has(group))
    const groups = [...new Set([...kept, ...(members.get(id) ?? [])])].sort().slice(0, MOST_GROUPS)
    if (!isDeepStrictEqual(groups, before)) changed.push({ record, groups })
  }
  await together(changed, ({ record, groups }) => {
    const { groups: _, ...rest } = record.spec
    return write(world, directory, record.metadata.name, record, { ...rest, ...(groups.length > 0 && { groups }) })
  })
  return changed.length
}
const MOST_GROUPS = 500

/** Counts who the people of a directory are, as somebody tells of them; where it imports, also to how many it gives a membership. @returns `add` says who this one is */
export const countingPeopleOf = (
  { cache }: Pick<World, 'cache'>,
  directory: Directory,
): { people: People; add: (spec: DirectoryRecordSpec & { user: RecordedUser }) => Standing } => {
  const settings = settingsFor({ cache }, directory.spec.organization)?.settings
  const { people, add } = countingPeople()
  if (directory.spec.import) people.imported = 0
  return {
    people,
    add: spec => {
      const record = { kind: 'DirectoryRecord', spec } as DirectoryRecord
      const recognition = personOf(cache, record)
      const { is } = recognition
      // Whoever only claims the address keeps nobody from it, but of two with one address somebody has to say who is who.
      const isClaimed = is === 'unknown' && spec.user.email !== undefined && declaredOwnerOf(cache, spec.user.email)
      const standing = standingOf(spec.user, settings?.domains ?? [], isClaimed ? 'suspected' : is)
      const isIn = settings && directory.spec.import && enrolmentOf(directory, spec, settings).is === 'in'
      const isNobody = isIn && bearerOf(cache, record, recognition) === undefined
      if (isIn && !isNobody) people.imported = (people.imported ?? 0) + 1
      const shown = isNobody ? 'suspected' : standing
      add(spec.user, shown)
      return shown
    },
  }
}

/** Who the people of a directory are, by what it last said. */
export const peopleOf = async (world: Pick<World, 'cache'>, directory: Directory): Promise<People> => {
  const { people, add } = countingPeopleOf(world, directory)
  let asked = 0
  for (const { spec } of world.cache.by('DirectoryRecord', 'directory', directory.metadata.name)) {
    if (++asked % TURN === 0) await setImmediate()
    if (spec.user && spec.missingTime === undefined) add({ ...spec, user: spec.user })
  }
  return people
}

/** Forgets what a directory said of everybody. */
export const forgetDirectory = async (world: World, directory: Directory): Promise<void> => {
  const records = recordsOf(world, directory.metadata.name)
  await together([...records], ([record, before]) => write(world, directory, record, before, undefined))
}

type Said = Pick<DirectoryRecordSpec, 'user' | 'group' | 'mapping'>
const groupSaid = (found: FoundGroup): Said | undefined => {
  const group = isUsableId(found.id) ? recordedGroup(found) : undefined
  return group && { group }
}

const write = (
  world: World,
  { metadata, spec: { organization } }: Directory,
  name: string,
  before: DirectoryRecord | undefined,
  spec: DirectoryRecordSpec | undefined,
): Promise<void> =>
  world.effects.writeDirectoryRecord(
    { name, before, spec },
    { actor: MANAGERS.controller, because: `Directory/${metadata.name}`, organization },
  )

const recordsOf = ({ cache }: World, directory: string): Map<string, DirectoryRecord> =>
  new Map(cache.by('DirectoryRecord', 'directory', directory).map(record => [record.metadata.name, record]))

const counted = (records: Iterable<DirectoryRecord>): Counts => {
  const counts: Counts = { users: 0, groups: 0 }
  for (const { spec } of records)
    if (spec.missingTime === undefined) counts[spec.of === 'User' ? 'users' : 'groups'] += 1
  return counts
}

/** Runs some at a time, in order. */
const together = async <T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> => {
  for (let at = 0; at < items.length; at += TOGETHER) await Promise.all(items.slice(at, at + TOGETHER).map(act))
}
