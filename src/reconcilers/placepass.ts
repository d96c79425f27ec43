import type { Readiness } from '../api/conditions.ts'
import type { MembershipSpec } from '../api/membership.ts'
import { ANNOTATIONS, LABELS, MANAGERS } from '../api/names.ts'
import type { RemovalSet } from '../api/removalset.ts'
import { timestamp } from '../api/timestamp.ts'
import type { User, UserMembership } from '../api/user.ts'
import type { Way } from '../decide/access.ts'
import type { LossCause } from '../decide/loss.ts'
import type { PlaceState, Standing } from '../decide/person.ts'
import type { OrganizationSettings, PlacementProblem } from '../decide/settings.ts'
import { declaredAt, type World } from './context.ts'
import { type Imported, noteOf } from './imports.ts'
import { isDeleting } from './people.ts'

/** Where one person stands in one organization, after a pass. */
export interface PlaceResult {
  organization: string
  state: PlaceState
  /** Roles in force. */
  roles: string[]
  /** What is still to be done or waited for; absent: nothing. */
  is?: Readiness
  again?: number
  /** A loss that is not carried out now. */
  isHeld?: boolean
  /** The set that holds it; none where it is not decided yet. */
  heldBy?: RemovalSet
  /** The person belongs under another address than the one declared. */
  provenAddress?: string
  /** How each role came. */
  via?: Record<string, Way[]>
}

/** What a pass over one place knows. */
export interface Place {
  world: World
  user: User
  organization: string
  settings: OrganizationSettings
  problem: PlacementProblem | undefined
  /** As it is meant to be. */
  entry: UserMembership | undefined
  /** What directories say of it. */
  imported: Imported | undefined
  /** Whether it is declared; else it is what directories make it. */
  isDeclared: boolean
  standing: Standing
  now: number
}

/** Where a membership comes from. */
type Origin = Pick<Place, 'user' | 'imported' | 'isDeclared'>

/** What directories say, where the membership stands on that alone. */
const directoryOf = ({ imported, isDeclared }: Origin): Imported | undefined => (isDeclared ? undefined : imported)

/** Where it is declared, or which directory it stands on: for reasons that people read. */
export const originAt = (place: Origin): string => {
  const directory = directoryOf(place)
  return directory ? `Directory/${directory.directory}` : declaredAt(place.user)
}

/** Whether the directory that the membership stands on says that the person is gone, and their time is over. */
export const isOverThere = (place: Origin): boolean => {
  const found = directoryOf(place)
  return found?.is === 'out' && found.isOver === true
}

/** Whether the person is not to get in: suspended everywhere, or by the directory that the membership stands on. */
export const isSuspended = (place: Origin): boolean =>
  place.user.spec.suspended === true || directoryOf(place)?.is === 'suspended'

/** What a pass has seen of the declaration: whose it is, and what it says. */
export const seen = (place: Place): Pick<MembershipSpec, 'user' | 'declared'> => {
  const { user, standing } = place
  const note = noteOf(place)
  const until = standing.is === 'open' && standing.until !== undefined && { until: timestamp(standing.until) }
  return { ...claimedBy(user), ...(note && { declared: { ...note, ...until } }) }
}

export const claimedBy = ({ metadata }: User) => ({ user: { name: metadata.name, uid: metadata.uid } })

export const producerOf = (place: Origin): string => {
  const directory = directoryOf(place)
  if (directory) return MANAGERS.directory(directory.directory)
  const { user } = place
  const source = user.metadata.labels?.[LABELS.source]
  return source === undefined ? MANAGERS.controller : MANAGERS.source(source)
}

/** Why and by whom this person is to lose something. What was deleted by hand was not deleted by its source, which marks who is to go. */
export const causeOf = (place: Origin, because: string): LossCause => {
  const { user } = place
  const { deletionTimestamp, annotations } = user.metadata
  const asked = annotations?.[ANNOTATIONS.removalConfirmed]
  const byHand = deletionTimestamp !== undefined && annotations?.[ANNOTATIONS.going] === undefined
  return {
    because,
    producer: byHand ? MANAGERS.controller : producerOf(place),
    urgent: byHand && asked !== undefined,
  }
}

/** How a place stands from which something is not taken now. */
export const waitingFor = (decision: { held: string; set?: RemovalSet } | { asked: string }): Partial<PlaceResult> =>
  'asked' in decision
    ? { isHeld: true, is: { is: 'reconciling', reason: 'Progressing', message: decision.asked } }
    : decision.set
      ? {
          isHeld: true,
          heldBy: decision.set,
          is: { is: 'ready', reason: 'WaitingForApproval', message: decision.held },
        }
      : { isHeld: true, is: { is: 'reconciling', reason: 'Retrying', message: decision.held } }

export const reasonOf = (place: Place): string => {
  const { user, organization, entry, standing } = place
  const directory = directoryOf(place)
  if (directory) return directory.because
  if (user.metadata.annotations?.[ANNOTATIONS.going] !== undefined) return `${declaredAt(user)} is gone`
  if (isDeleting(user)) return `${declaredAt(user)} was deleted`
  if (standing.is === 'over' && standing.why === 'Until') return `${declaredAt(user)} says until ${entry?.until}`
  if (standing.is === 'over') return `${declaredAt(user)} says Ended`
  return `${declaredAt(user)} declares no membership in ${organization}`
}

/** Who and why, with one change that people see. */
export const explained = (
  place: Origin & Pick<Place, 'organization'>,
  action: 'join' | 'end' | 'grant' | 'take' | 'create',
  target: 'membership' | 'access' | 'account',
  fields: Record<string, unknown> = {},
) => {
  const { user, organization } = place
  const because = originAt(place)
  const change = { action, target, kind: 'User', name: user.metadata.name, organization, because, fields }
  return { actor: producerOf(place), because, organization, changes: [change] }
}

export const given = ({ settled }: MembershipSpec) =>
  settled && settled.roles.length > 0 ? { roles: settled.roles } : {}

/** Who and why, for a write that only remembers. */
export const quiet = (place: Origin & Pick<Place, 'organization'>) => ({
  actor: producerOf(place),
  because: originAt(place),
  organization: place.organization,
})

export const sameSpec = (a: MembershipSpec, b: MembershipSpec): boolean =>
  a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
const sorted = (spec: MembershipSpec): unknown => Object.entries(spec).sort(([a], [b]) => (a < b ? -1 : 1))

/** Of two records of one person the better state, all roles, and what is still to be done. */
export const merged = (a: PlaceResult | undefined, b: PlaceResult): PlaceResult => {
  if (!a) return b
  const order: PlaceState[] = ['Active', 'Restricted', 'Suspended', 'Invited', 'Waiting', 'Left', 'Ended']
  const better = order.indexOf(a.state) <= order.indexOf(b.state) ? a : b
  const times = [a.again, b.again].filter(time => time !== undefined)
  return {
    ...a,
    ...b,
    state: better.state,
    roles: [...new Set([...a.roles, ...b.roles])].sort(),
    ...(times.length > 0 && { again: Math.min(...times) }),
    ...((a.isHeld || b.isHeld) && { isHeld: true }),
  }
}

export const worse = (own: PlaceResult, further: Pick<PlaceResult, 'is' | 'again'>): Partial<PlaceResult> => {
  const times = [own.again, further.again].filter(time => time !== undefined)
  return {
    ...(own.is?.is === 'stalled' ? {} : further.is && { is: further.is }),
    ...(times.length > 0 && { again: Math.min(...times) }),
  }
}
