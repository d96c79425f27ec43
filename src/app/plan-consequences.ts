import type { Membership } from '../api/membership.ts'
import type { SeatLedger } from '../api/seatledger.ts'
import { isJoined } from '../decide/membership.ts'
import type { ResourceStore } from '../store/store.ts'
import type { WorkedOut } from './plan.ts'

/** Something that follows from a plan and came out otherwise. */
export interface Differing {
  /** Name of the User, else the address. */
  name: string
  organization?: string
  /** `invitation`, `membership`, `roles`, `seats of suite`, … */
  what: string
  planned: string
  is: string
}

/**
 * Compares what was to follow with what did: mails, memberships, access and seats of everybody whose records the plan would have written.
 * Only what the writes of the source lead to is guaranteed by nobody: a mail server refuses, somebody accepts meanwhile, another edit comes.
 */
export const differingConsequences = async (
  { stage, cache }: Pick<WorkedOut, 'stage' | 'cache'>,
  store: Pick<ResourceStore, 'get' | 'list'>,
): Promise<Differing[]> => {
  const differing: Differing[] = []
  for (const planned of cache.list('Membership')) {
    if (isBelow(stage, planned)) continue
    const { organization, address, user } = planned.spec
    const found = await store.get('Membership', planned.metadata.name)
    const [wanted, is] = [factsOf(planned), found ? factsOf(found) : new Map<string, string>()]
    for (const what of new Set([...wanted.keys(), ...is.keys()])) {
      const [before, now] = [wanted.get(what) ?? 'none', is.get(what) ?? 'none']
      if (before !== now) differing.push({ name: user?.name ?? address, organization, what, planned: before, is: now })
    }
  }
  const pools = new Set(
    [...cache.list('SeatLedger')].filter(ledger => !isBelow(stage, ledger)).map(({ spec }) => spec.pool),
  )
  if (pools.size === 0) return differing
  const [wanted, is] = [
    seatsOf(cache.list('SeatLedger'), cache.list('Membership')),
    seatsOf((await store.list('SeatLedger')).items, (await store.list('Membership')).items),
  ]
  for (const pool of pools)
    for (const name of new Set([...(wanted.get(pool)?.keys() ?? []), ...(is.get(pool)?.keys() ?? [])])) {
      const [before, now] = [wanted.get(pool)?.get(name) ?? 0, is.get(pool)?.get(name) ?? 0]
      if (before !== now) differing.push({ name, what: `seats of ${pool}`, planned: String(before), is: String(now) })
    }
  return differing
}

/** Whether the plan left a record as it was. */
const isBelow = ({ snapshot }: WorkedOut['stage'], { kind, metadata }: Membership | SeatLedger): boolean =>
  snapshot.objects.get(kind)?.get(metadata.name)?.metadata.resourceVersion === metadata.resourceVersion

/** What people would notice of a membership, in words. What stands there only when it is so is left out otherwise. */
const factsOf = ({ spec }: Membership): Map<string, string> => {
  const facts = new Map<string, string>()
  const last = spec.attempts.at(-1)
  if (last) {
    const { number, outcome = 'Claimed', response } = last
    const how = outcome === 'Sent' || !response ? outcome : `${outcome} (${response})`
    facts.set(last.purpose === 'SetUp' ? 'mail how to sign in' : 'invitation', `number ${number}, ${how}`)
  }
  for (const { key, outcome = 'Claimed' } of spec.mails) facts.set(`mail ${key}`, outcome)
  if (isJoined(spec)) facts.set('membership', 'member')
  else if (spec.ended) facts.set('membership', 'ended')
  const { roles = [], groups = [], permissions = [], reach = [], suspended } = spec.settled ?? {}
  if (roles.length > 0) facts.set('roles', [...roles].sort().join(', '))
  if (groups.length > 0) facts.set('groups', [...groups].sort().join(', '))
  if (permissions.length > 0) facts.set('permissions', [...permissions].sort().join(', '))
  if (reach.length > 0) facts.set('reaches', [...reach].sort().join(', '))
  if (suspended) facts.set('suspended', 'yes')
  if (spec.losing) facts.set('losses', 'held')
  return facts
}

/** Pool → person → seats that they have. */
const seatsOf = (
  ledgers: Iterable<SeatLedger>,
  memberships: Iterable<Membership>,
): Map<string, Map<string, number>> => {
  const names = new Map<string, string>()
  for (const { spec } of memberships) if (spec.user) names.set(`user/${spec.user.uid}`, spec.user.name)
  const seats = new Map<string, Map<string, number>>()
  for (const { spec } of ledgers) {
    const of = seats.get(spec.pool) ?? new Map<string, number>()
    seats.set(spec.pool, of)
    for (const { holder, state } of spec.slots) {
      const name = names.get(holder) ?? holder.slice(holder.indexOf('/') + 1)
      if (state !== 'Releasing') of.set(name, (of.get(name) ?? 0) + 1)
    }
  }
  return seats
}
