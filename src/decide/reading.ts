import type { RecordedUser } from '../api/directoryrecord.ts'
import type { ReadOutcome } from '../api/found.ts'
import type { Reason } from '../api/names.ts'
import { isExternal } from './address.ts'

/** People and groups of one directory, counted. */
export interface Counts {
  users: number
  groups: number
}

/**
 * Whether a read that says it is complete may be believed: one that tells of nobody where there were people, or of no group where there were some, is a mistake until somebody says otherwise.
 * @param known how many were there by the reads before
 */
export const believed = (verdict: ReadOutcome, read: Counts, known: Counts, allowEmpty: boolean): ReadOutcome => {
  if (verdict.outcome !== 'Complete' || allowEmpty) return verdict
  const emptied = (['users', 'groups'] as const).filter(what => read[what] === 0 && known[what] > 0)
  if (emptied.length === 0) return verdict
  const there = emptied.map(what => `${known[what]} ${what === 'users' ? 'people' : 'groups'}`).join(' and ')
  return {
    outcome: 'Partial',
    reason: 'EmptyDirectory',
    message: `it told of none where there were ${there} before; nobody is taken for gone. If that is right, say so with \`roster sync --allow-empty\``,
  }
}

/**
 * The same for single groups whose members get something here: one in which nobody is any more, or whose name another one has too, is a mistake until somebody says otherwise.
 */
export const believedGroups = (
  verdict: ReadOutcome,
  { emptied, ambiguous }: { emptied: readonly string[]; ambiguous: readonly string[] },
  allowEmpty: boolean,
): ReadOutcome => {
  if (verdict.outcome !== 'Complete') return verdict
  const named = (names: readonly string[]) => names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '')
  if (ambiguous.length > 0)
    return {
      outcome: 'Partial',
      reason: 'InvalidSpec',
      message: `several groups there are called ${named(ambiguous)}, which a Group imports by that name; give each one of its own`,
    }
  if (allowEmpty || emptied.length === 0) return verdict
  return {
    outcome: 'Partial',
    reason: 'EmptyDirectory',
    message: `nobody is in ${named(emptied)} any more, or there is no such group; nobody is taken for gone. If that is right, say so with \`roster sync --allow-empty\``,
  }
}

/** Reasons of a read that ended badly and that pass by themselves. */
const PASSING: ReadonlySet<Reason> = new Set<Reason>(['Unreachable', 'Retrying', 'Incomplete'])
export const passesByItself = (reason: Reason): boolean => PASSING.has(reason)

const SOONEST = 30_000
const LATEST = 15 * 60_000

/**
 * When a directory is read again, in milliseconds from the end of the read.
 * @param failures reads in a row that were not complete
 */
export const pauseAfter = (verdict: ReadOutcome, interval: number, failures: number): number => {
  if (verdict.outcome === 'Complete') return interval
  const pause = passesByItself(verdict.reason) ? SOONEST * 2 ** Math.min(failures - 1, 10) : LATEST
  return Math.min(interval, pause, LATEST)
}

/** After so many intervals without a complete read, what is known of a directory is old. */
const INTERVALS = 2
/** @param lastComplete milliseconds since 1970; when the directory was declared, where nothing was ever read */
export const staleAt = (lastComplete: number, interval: number): number => lastComplete + INTERVALS * interval

/** Who a person in a directory is to Roster. `suspected`: they look like somebody declared, and nobody has decided yet. */
export type Standing = 'declared' | 'suspected' | 'unknown' | 'external' | 'withoutAddress'

/** A directory knows its own domains; of an address outside of them it only claims that somebody has it. */
export const standingOf = (
  { email }: Pick<RecordedUser, 'email'>,
  domains: readonly string[],
  recognized: 'declared' | 'suspected' | 'unknown',
): Standing => {
  if (recognized !== 'unknown') return recognized
  if (email === undefined) return 'withoutAddress'
  return isExternal(email, domains) ? 'external' : 'unknown'
}

/** So many people are so and so; those who are disabled, or only invited, or to whom the directory gives a membership, are counted twice. */
export type People = Record<Exclude<Standing, 'suspected'> | 'disabled', number> & {
  suspected?: number
  invited?: number
  imported?: number
}

/** Counts who people are, one after the other. */
export const countingPeople = (): { people: People; add: (user: RecordedUser, standing: Standing) => void } => {
  const people: People = { declared: 0, unknown: 0, external: 0, withoutAddress: 0, disabled: 0 }
  return {
    people,
    add: (user, standing) => {
      people[standing] = (people[standing] ?? 0) + 1
      if (isOnlyInvited(user)) people.invited = (people.invited ?? 0) + 1
      else if (!user.active) people.disabled += 1
    },
  }
}

/** Whether somebody has not joined the service yet. */
export const isOnlyInvited = ({ relation }: Pick<RecordedUser, 'relation'>): boolean =>
  relation === 'Invited' || relation === 'InvitationFailed'
