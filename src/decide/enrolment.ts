import type { Directory } from '../api/directory.ts'
import type { DirectoryRecordSpec, RecordedUser } from '../api/directoryrecord.ts'
import { timestamp } from '../api/timestamp.ts'
import { isExternal } from './address.ts'
import { compileFilter, type FoundFacts } from './cel.ts'
import { matchesGlob } from './glob.ts'
import { isOnlyInvited } from './reading.ts'
import { mappingDigest } from './record-names.ts'
import type { OrganizationSettings } from './settings.ts'
import { durationMilliseconds, milliseconds } from './time.ts'

/** Whether somebody belongs to an organization by what a directory says. */
export type Enrolment =
  | { is: 'in' }
  /** There, and the account is not in use. */
  | { is: 'disabled'; because: string }
  /** Not there, or not among those who are wanted. `since`: where the directory says so itself; `ends`: nothing is imported any more, so nobody is waited for. */
  | { is: 'gone'; because: string; since?: string; ends?: true }
  /** It cannot be said: as it was. */
  | { is: 'unclear'; because: string }

/** @param record what the directory last said of a person */
export const enrolmentOf = (
  { metadata, spec }: Pick<Directory, 'metadata' | 'spec'>,
  record: DirectoryRecordSpec,
  { domains, users }: Pick<OrganizationSettings, 'domains' | 'users'>,
): Enrolment => {
  const directory = `Directory/${metadata.name}`
  const { user } = record
  const gone = (because: string): Enrolment => ({ is: 'gone', because: `${directory} ${because}` })
  if (!spec.import || metadata.deletionTimestamp !== undefined)
    return { is: 'gone', because: `${directory} no longer imports`, ends: true }
  if (record.missingTime !== undefined || !user)
    return { ...gone('no longer has them'), ...(record.missingTime !== undefined && { since: record.missingTime }) }
  const disabled: Enrolment | undefined = user.active
    ? undefined
    : { is: 'disabled', because: `their account is disabled in ${directory}` }
  const unclear = (because: string): Enrolment => disabled ?? { is: 'unclear', because }
  if ((record.mapping ?? '') !== (spec.import.mapping ? mappingDigest(spec.import.mapping) : ''))
    return unclear(`${directory} was not read yet with its import.mapping`)
  if (user.email === undefined) return unclear(`${directory} says no usable address of them`)
  if (isOnlyInvited(user)) return gone('has invited them, and they have not joined there')
  const facts = factsOf(record.id, user, domains)
  const called = [user.email, user.login].filter(one => one !== undefined)
  const skipped = users.skip.find(pattern => called.some(one => matchesGlob(pattern.toLowerCase(), one.toLowerCase())))
  if (skipped !== undefined) return gone(`has them as somebody whom users.skip names (${skipped})`)
  if (facts.external && users.external === 'Exclude') return gone(`says ${user.email}, which is external`)
  const verdict = spec.import.filter === undefined ? { ok: true } : compileFilter(spec.import.filter).evaluate(facts)
  if ('error' in verdict) return unclear(`import.filter of ${directory} fails: ${verdict.error}`)
  if (!verdict.ok) return gone('says what import.filter does not take')
  return disabled ?? { is: 'in' }
}

/** How somebody stands by a directory. */
export interface Stand {
  is: 'in' | 'suspended' | 'out'
  /** Why not `in`. */
  because: string
  /** When a suspension turns into an end; milliseconds. */
  until?: number
  /** Since when they are gone. */
  goneTime?: string
  /** Out for being gone, and not because nothing is imported any more: whatever else they were given here. */
  isOver?: true
}

/**
 * What an enrolment means for somebody. Who is not in yet comes only by being in: nothing is given to be taken at once.
 * @param stands what their membership says of the same directory, undefined where it does not stand on it
 */
export const standOf = (
  enrolment: Enrolment,
  { spec }: Pick<Directory, 'spec'>,
  stands: { goneTime?: string } | undefined,
  now: number,
): Stand | undefined => {
  if (enrolment.is === 'in') return { is: 'in', because: '' }
  if (!stands) return undefined
  const { because } = enrolment
  if (enrolment.is === 'disabled') return { is: 'suspended', because }
  const gone = (since: string): Stand => {
    const { onRemoved = 'Suspend', removeAfter = '720h' } = spec.import ?? {}
    if (onRemoved === 'Keep') return { is: 'in', because }
    const until = milliseconds(since) + durationMilliseconds(removeAfter)
    if (onRemoved === 'Remove' || until <= now) return { is: 'out', because, goneTime: since, isOver: true }
    return { is: 'suspended', because, until, goneTime: since }
  }
  if (enrolment.is === 'gone' && enrolment.ends) return { is: 'out', because }
  if (enrolment.is === 'gone') return gone(enrolment.since ?? stands.goneTime ?? timestamp(now))
  return stands.goneTime === undefined ? { is: 'in', because } : gone(stands.goneTime)
}

/** Somebody as expressions see them. */
export const factsOf = (id: string, user: Omit<RecordedUser, 'problem'>, domains: readonly string[]): FoundFacts => {
  const { login, email, aliases, givenName, familyName, displayName, locale, relation, active } = user
  const external = email === undefined || isExternal(email, domains)
  return { id, login, email, aliases, external, givenName, familyName, displayName, locale, relation, active }
}
