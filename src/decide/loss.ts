import { listed } from '../api/counted.ts'
import type { Losing, MembershipSpec } from '../api/membership.ts'
import { ADMIN_PERMISSIONS } from '../api/names.ts'
import type { AccessDifference } from './losses.ts'
import { allows, reachesDown } from './permissions.ts'
import { lossDigest } from './record-names.ts'
import { milliseconds } from './time.ts'

/** What one person is to lose in one organization. */
export type Loss =
  /** The membership, and with it everything. */
  { is: 'membership' } | { is: 'access'; losses: AccessDifference; until?: string }

/** Told apart by what is lost, not by why or by whom: what was approved is this and nothing else. */
export const digestOf = (loss: Loss): string =>
  loss.is === 'membership'
    ? lossDigest(['membership'])
    : lossDigest([
        'access',
        ...(['roles', 'groups', 'permissions'] as const).flatMap(part => [part, ...loss.losses[part].toSorted()]),
        ...(loss.losses.reach?.length ? ['reach', ...loss.losses.reach.toSorted()] : []),
        ...(loss.losses.suspended ? ['suspended'] : []),
        ...(loss.until === undefined ? [] : ['until', loss.until]),
      ])

/** Why and by whom something is to be lost. */
export interface LossCause {
  because: string
  producer: string
  /** One named person, asked and answered. */
  urgent: boolean
}

/** The note in a Membership of what is to be lost and is still in force. Its time stays as long as the loss is the same. */
export const losingOf = (
  before: MembershipSpec,
  loss: Loss,
  { because, producer, urgent }: LossCause,
  options: { now: string; admin: boolean },
): Losing => {
  const digest = digestOf(loss)
  const known = before.losing
  const { roles = [], groups = [], permissions = [] } = loss.is === 'membership' ? (before.settled ?? {}) : loss.losses
  return {
    digest,
    ...(loss.is === 'membership' && { organization: true }),
    roles: [...roles].sort(),
    groups: [...groups].sort(),
    permissions: [...permissions].sort().slice(0, NAMED),
    ...(loss.is === 'access' && loss.losses.reach?.length && { reach: loss.losses.reach.toSorted().slice(0, NAMED) }),
    ...(loss.is === 'access' && loss.losses.suspended && { suspended: true }),
    ...(loss.is === 'access' && loss.until !== undefined && { until: loss.until }),
    ...(options.admin && { admin: true }),
    producer,
    ...(urgent && { urgent: true }),
    because: [...because].slice(0, 500).join(''),
    time: known?.digest === digest ? known.time : options.now,
  }
}
const NAMED = 20

/** The record without the note. */
export const withoutLosing = (spec: MembershipSpec): MembershipSpec => {
  if (!spec.losing) return spec
  const { losing: _, ...rest } = spec
  return rest
}

/** Whether flat permissions make somebody an admin where their membership is. */
export const makesAdmin = (permissions: readonly string[]): boolean =>
  ADMIN_PERMISSIONS.some(one => allows(permissions, one, 'here'))

/** Whether somebody is an admin of an organization below their membership by what they lose. Where not all of it is named: as if it were. */
export const takesAdminBelow = (
  { settled, losing }: Pick<MembershipSpec, 'settled' | 'losing'>,
  organization: string,
): boolean => {
  if (!losing || !reachesAsAdmin(settled?.permissions ?? [])) return false
  if (losing.organization || losing.suspended || losing.until !== undefined) return true
  const { permissions, reach = [] } = losing
  return (
    permissions.length >= NAMED || reachesAsAdmin(permissions) || reach.length >= NAMED || reach.includes(organization)
  )
}

/**
 * Organizations below in which somebody loses something by what they lose. Where not all of it is named: in all.
 * @param below all that are declared below, where it was not written down what they reach
 */
export const takenBelow = (
  { settled, losing }: Pick<MembershipSpec, 'settled' | 'losing'>,
  below: () => readonly string[],
): readonly string[] => {
  if (!losing) return []
  const { permissions, reach = [] } = losing
  const whole = losing.organization || losing.suspended || losing.until !== undefined
  const isCut = permissions.length >= NAMED || reach.length >= NAMED || permissions.some(one => /^!?>/.test(one))
  const denied = reach.flatMap(one => (one.startsWith('!') ? [one.slice(1)] : []))
  if (isCut || (whole && reachesDown(settled?.permissions ?? []))) {
    const all = settled?.reach ?? below()
    return denied.length === 0 ? all : [...all, ...denied]
  }
  return reach.map(one => (one.startsWith('!') ? one.slice(1) : one))
}

const reachesAsAdmin = (permissions: readonly string[]): boolean =>
  ADMIN_PERMISSIONS.some(one => allows(permissions, one, 'below'))

/** An end brought forward to less than this from now takes something now. */
const SOON = 24 * 3_600_000

/**
 * Whether a declared end is brought forward so near that it takes something: somebody's time running out as it was declared is no loss,
 * but writing the end of today behind everybody's name is.
 */
export const isBroughtForward = (before: string | undefined, after: string | undefined, now: number): boolean =>
  after !== undefined &&
  milliseconds(after) < now + SOON &&
  (before === undefined || milliseconds(after) < milliseconds(before))

/** What is lost, in a few words: `editor, billing`, `the membership`. */
export const lossText = ({ organization, roles, groups, permissions, reach, suspended, until }: Losing): string => {
  if (organization) return roles.length > 0 ? `the membership (${listed(roles)})` : 'the membership'
  const parts = [
    ...(suspended ? ['everything, by suspension'] : []),
    ...(roles.length > 0
      ? [listed(roles)]
      : groups.length > 0
        ? [`group ${listed(groups)}`]
        : permissions.length > 0
          ? [listed(permissions)]
          : []),
    ...(reach ? [reachText(reach)] : []),
    ...(until === undefined ? [] : [`what lies after ${until}`]),
  ]
  return parts.join('; ')
}

/** Organizations below that are lost, in words; `!` in front: from now on something is denied there. */
export const reachText = (reach: readonly string[]): string => {
  const [gone, denied] = [
    reach.filter(one => !one.startsWith('!')),
    reach.flatMap(one => (one.startsWith('!') ? [one.slice(1)] : [])),
  ]
  return [
    ...(gone.length > 0 ? [`what reaches down to ${listed(gone)}`] : []),
    ...(denied.length > 0 ? [`what is denied in ${listed(denied)} from above`] : []),
  ].join('; ')
}
