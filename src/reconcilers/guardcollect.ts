import type { Membership } from '../api/membership.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { normalizeAddress } from '../decide/address.ts'
import type { WantedLoss, WantedSet } from '../decide/guard.ts'
import { takenBelow, takesAdminBelow } from '../decide/loss.ts'
import { isJoined } from '../decide/membership.ts'
import { removalKey } from '../decide/record-names.ts'
import { milliseconds } from '../decide/time.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { organizationsUnder, settingsFor, type World } from './context.ts'
import { personOf } from './guardfacts.ts'
import { capOf, isAsking } from './mailcap.ts'

/** So long is waited for whoever failed and is tried again: a lost race, or a store that was away for a moment. */
const RETRIED = 10_000
const LOOK_AGAIN = 1_000
/** Who goes on making edits by hand for longer than this has the first of them decided. */
const COLLECTED_AT_MOST = 300_000

/** A loss that was noted, and when. */
interface Found {
  user: User | undefined
  producer: string
  since: number
}

/**
 * Whether a loss is the doing of the revision that its source has applied: the person's own document changed in it, or is gone from it.
 * All of a revision is worked out before anything is decided. What came otherwise, by a role or a group for one, may be one of several edits by hand.
 */
const isOfRevision = (cache: Cache, { user, producer }: Found): boolean => {
  const source = producer.startsWith('source/') ? cache.get('Source', producer.slice('source/'.length)) : undefined
  const { revision, going } = ANNOTATIONS
  const { annotations } = user?.metadata ?? {}
  const applied = source?.status?.lastAttemptedRevision
  return applied !== undefined && (annotations?.[going] ?? annotations?.[revision]) === applied
}

/** What is wanted and not decided, by producer and organization. What comes by hand waits until nothing more came for a while. */
export const collect = (
  { cache, removals }: World,
  now: number,
): { sets: WantedSet[]; urgent: WantedSet[]; until: number | undefined } => {
  const found: (Found & { loss: WantedLoss; organization: string })[] = []
  const urgent: WantedSet[] = []
  const known = new Map<string, string[]>()
  const below = (organization: string): string[] => {
    const all = known.get(organization) ?? organizationsUnder(cache, organization)
    known.set(organization, all)
    return all
  }
  for (const organization of [...cache.values('Membership', 'losing')].sort())
    for (const record of cache.by('Membership', 'losing', organization)) {
      const { losing } = record.spec
      if (!losing || !isJoined(record.spec)) continue
      const key = removalKey(record.metadata.name, losing.digest)
      if (cache.by('RemovalSet', 'removal', key).length > 0) continue
      const user = record.spec.user && cache.get('User', record.spec.user.name)
      const addresses = [
        record.spec.address,
        ...(user ? [user.spec.email, ...(user.spec.aliases ?? [])].map(normalizeAddress) : []),
      ]
      const adminBelow = (record.spec.settled?.reach ?? below(organization)).filter(one =>
        takesAdminBelow(record.spec, one),
      )
      const takes = takenBelow(record.spec, () => below(organization))
      const loss = {
        key,
        person: personOf(record.spec),
        addresses,
        admin: losing.admin === true,
        ...(takes.length > 0 && { below: takes }),
        ...(adminBelow.length > 0 && { adminBelow }),
      }
      const { producer } = losing
      if (losing.urgent) urgent.push({ organization, producer, losses: [loss] })
      else found.push({ user, loss, organization, producer, since: milliseconds(losing.time) })
    }
  // Who could not be worked out yet may belong to what is decided on.
  const fails = removals.retriesBefore(now + RETRIED)
  let until: number | undefined
  const sets: WantedSet[] = []
  for (const [producer, of] of Map.groupBy(found, one => one.producer)) {
    const byHand = fails ? of : of.filter(one => !isOfRevision(cache, one))
    const times = byHand.map(one => one.since)
    const quiet = Math.max(Math.max(...times) + removals.collectFor, fails ? now + LOOK_AGAIN : now)
    const closes = times.length === 0 ? now : Math.min(quiet, Math.min(...times) + COLLECTED_AT_MOST)
    if (closes > now) {
      until = Math.min(until ?? closes, closes)
      continue
    }
    for (const [organization, there] of Map.groupBy(of, one => one.organization))
      sets.push({ organization, producer, losses: there.map(one => one.loss) })
  }
  return { sets, urgent, until }
}

/** Invitations beyond the cap that no set names yet, by inviter and organization. */
export const collectAsking = (
  world: World,
  now: number,
): { sets: WantedSet[]; until: number | undefined; cap: (organization: string) => number } => {
  const { cache, removals } = world
  const cap = (organization: string) => {
    const settings = settingsFor(world, organization)?.settings
    return settings ? capOf(cache, settings) : 0
  }
  const found = [...cache.values('Membership', 'asking')]
    .flatMap(organization => cache.by('Membership', 'asking', organization))
    .filter(record => isAsking(cache, record) && cache.by('RemovalSet', 'removal', askingKey(record)).length === 0)
  const times = found.map(({ spec }) => milliseconds(spec.asking?.time ?? ''))
  const closes = Math.min(Math.max(...times) + removals.collectFor, Math.min(...times) + COLLECTED_AT_MOST)
  if (found.length === 0 || closes > now) return { sets: [], until: found.length === 0 ? undefined : closes, cap }
  const sets = Map.groupBy(found, ({ spec }) => JSON.stringify([spec.organization, spec.asking?.producer]))
  return {
    until: undefined,
    cap,
    sets: [...sets.values()].map(records => ({
      organization: records[0]?.spec.organization ?? '',
      producer: records[0]?.spec.asking?.producer ?? '',
      losses: records.map(record => ({
        key: askingKey(record),
        person: personOf(record.spec),
        addresses: [record.spec.address],
        admin: false,
      })),
    })),
  }
}

const askingKey = ({ metadata, spec }: Membership): string => removalKey(metadata.name, spec.asking?.digest ?? '')
