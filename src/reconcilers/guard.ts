import { MANAGERS } from '../api/names.ts'
import type { RemovalSet, RemovalSetSpec } from '../api/removalset.ts'
import { timestamp } from '../api/timestamp.ts'
import { verdictOn } from '../decide/approval.ts'
import { hashOf, judge, judgeUrgent, type SetVerdict } from '../decide/guard.ts'
import { membershipName, removalKey, removalSetName } from '../decide/record-names.ts'
import { milliseconds } from '../decide/time.ts'
import type { Change } from '../effects/change.ts'
import type { Explained } from '../effects/effects.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { organizationsConcerned, recordEvent, type World, watch } from './context.ts'
import { collect, collectAsking } from './guardcollect.ts'
import { BUDGET, guardFacts, personOf } from './guardfacts.ts'
import { settleGuards } from './guardsettling.ts'
import { tellAdmins } from './heldmail.ts'
import { keptText, wantedLosses } from './wantedlosses.ts'

/** The key under which everything that is wanted is decided together; no organization has this name. */
const EVERYTHING = '*'
/** Losses that one record names; a larger set is kept in several, each with a hash of its own. */
const MOST = 15_000
/** A set that an Approval released is kept as long as that Approval could be used again. */
const APPROVED_KEPT = 8 * 24 * 3_600_000
const HOUR = 3_600_000

/**
 * The guard. Whoever finds that something is to be taken from somebody notes it in the Membership and takes nothing. When everything that was written is
 * worked out, one pass here collects these notes into sets, decides on all of them together, and writes each as a RemovalSet, released or held.
 * Only a released set gives a permit (`permits.ts`). Nothing is written while nobody is to lose anything, but for a guard that is not the default.
 */
export const guardReconciler = (world: World): Reconciler<'RemovalSet'> => ({
  kind: 'RemovalSet',
  changed: ({ spec }) => [spec.state, spec.closed],
  watches: [
    watch({
      kind: 'Membership',
      changed: ({ spec }) => [spec.losing?.digest, spec.asking?.digest],
      *wakes({ metadata, spec }, cache) {
        for (const note of [spec.losing, spec.asking]) {
          if (!note) continue
          yield EVERYTHING
          for (const set of cache.by('RemovalSet', 'removal', removalKey(metadata.name, note.digest)))
            yield set.metadata.name
        }
      },
    }),
    watch({
      kind: 'Invitation',
      changed: ({ metadata }) => [metadata.uid, metadata.deletionTimestamp],
      *wakes({ spec }, cache) {
        const name = membershipName(spec.organization, spec.email)
        const digest = cache.get('Membership', name)?.spec.asking?.digest
        if (digest === undefined) return
        for (const set of cache.by('RemovalSet', 'removal', removalKey(name, digest))) yield set.metadata.name
      },
    }),
    watch({
      kind: 'Organization',
      changed: ({ metadata, spec }) => [metadata.uid, spec.guard, spec.parent, spec.children],
      wakes: () => [EVERYTHING],
    }),
    // The mail that something is held goes when nothing stops it any more.
    watch({
      kind: 'Organization',
      changed: ({ spec }) => spec.frozen,
      *wakes({ metadata }, cache) {
        for (const organization of organizationsConcerned(cache, metadata.name))
          for (const set of cache.by('RemovalSet', 'organization', organization)) yield set.metadata.name
      },
    }),
    watch({
      kind: 'Approval',
      changed: ({ metadata }) => metadata.uid,
      wakes: ({ spec }, cache) => cache.by('RemovalSet', 'hash', spec.releases).map(set => set.metadata.name),
    }),
  ],
  reconcile: async (name, { signal }) => {
    // Looked at again when that is approved.
    if (world.restoring.current()) return undefined
    if (name === EVERYTHING) return decideAll(world, signal)
    const set = world.cache.get('RemovalSet', name)
    return set && set.spec.state !== 'Open' ? tend(world, set) : undefined
  },
})

/** Settles the guards, then decides on everything that is wanted and not decided. */
const decideAll = async (world: World, signal: AbortSignal): Promise<ReconcileResult | undefined> => {
  await world.removals.whenComplete(signal)
  const now = world.clock.now()
  const later: number[] = []
  const looser = await settleGuards(world, now)
  if (looser !== undefined) later.push(looser)
  const { sets, urgent, until } = collect(world, now)
  if (until !== undefined) later.push(until)
  const asking = collectAsking(world, now)
  if (asking.until !== undefined) later.push(asking.until)
  for (const set of asking.sets) {
    const { length } = set.losses
    const because = `${length} more ${length === 1 ? 'invitation' : 'invitations'} than the ${asking.cap(set.organization)} of one inviter that may be sent or wait in 24 hours`
    await write(world, { set, is: 'held', reason: 'Invitations', because }, now)
  }
  if (sets.length > 0 || urgent.length > 0) {
    const facts = guardFacts(world)
    const all = [...sets, ...urgent]
    let used = [...world.cache.list('RemovalSet')].filter(
      ({ spec }) => spec.urgent && spec.time !== undefined && milliseconds(spec.time) > now - HOUR,
    ).length
    const ordinary = [...sets]
    for (const set of urgent) {
      if (judgeUrgent(set, all, facts, used)) {
        await write(world, { set, is: 'released' }, now, true)
        used++
      } else ordinary.push(set)
    }
    for (const verdict of judge(ordinary, facts)) await write(world, verdict, now)
  }
  return later.length > 0 ? { again: Math.min(...later) } : undefined
}

/** Writes what was decided: from now on it is so, whoever looks. */
const write = async (world: World, verdict: SetVerdict, now: number, urgent = false): Promise<void> => {
  const { organization, producer, losses } = verdict.set
  const keys = [...new Set(losses.map(loss => loss.key))].sort()
  for (let from = 0; from < keys.length; from += MOST) {
    const removals = keys.slice(from, from + MOST)
    const named = new Set(removals)
    const hash = hashOf(organization, removals)
    const time = timestamp(now)
    const prior = world.cache.by('Approval', 'releases', hash).map(({ metadata }) => metadata.uid)
    const because = verdict.is === 'held' ? verdict.because : 'within the budget'
    const spec: RemovalSetSpec = {
      organization,
      state: verdict.is === 'held' ? 'Held' : 'Released',
      producer,
      hash,
      removals,
      people: new Set(losses.filter(loss => named.has(loss.key)).map(loss => loss.person)).size,
      ...(verdict.is === 'held' && { reason: verdict.reason }),
      because,
      time,
      ...(urgent && { urgent }),
      ...(prior.length > 0 && { prior: prior.slice(0, 100) }),
      ...(verdict.is === 'released' && { released: { time } }),
    }
    // The same may be taken twice in a moment: what was released then is no leave for now.
    let again = 0
    while (world.cache.get('RemovalSet', removalSetName(organization, hash, time, again))) again++
    const name = removalSetName(organization, hash, time, again)
    const changes = verdict.is === 'held' ? [changeOf('hold', name, spec, because)] : []
    await world.effects.writeRemovalSet(
      { name, before: undefined, spec },
      { actor: producer, because, organization, changes },
    )
    const of = world.cache.get('Organization', organization)
    if (verdict.is === 'held' && of)
      await recordEvent(
        world,
        { kind: 'Organization', name: organization, uid: of.metadata.uid },
        'Warning',
        'RemovalsHeld',
        keptText(spec),
      )
  }
}

/** What the audit trail tells of a set. */
const changeOf = (action: 'hold' | 'release', name: string, spec: RemovalSetSpec, because: string): Change => ({
  action,
  target: 'access',
  kind: 'RemovalSet',
  name,
  organization: spec.organization,
  because,
  fields: { hash: spec.hash, people: spec.people, producer: spec.producer },
})

/** One set: released by an Approval, over when nothing of it is left, gone when nothing counts it any more. */
const tend = async (world: World, set: RemovalSet): Promise<ReconcileResult | undefined> => {
  const { cache, clock } = world
  const { spec, metadata } = set
  const now = clock.now()
  const what = { actor: MANAGERS.controller, because: `RemovalSet/${metadata.name}`, organization: spec.organization }
  const change = (next: RemovalSetSpec | undefined, explained: Partial<Explained> = {}) =>
    world.effects.writeRemovalSet({ name: metadata.name, before: set, spec: next }, { ...what, ...explained })
  if (spec.state === 'Done') {
    const keeps = spec.released?.approval ? APPROVED_KEPT : BUDGET
    const until = milliseconds(spec.closed ?? spec.time ?? timestamp(now)) + keeps
    if (until > now) return { again: until }
    await change(undefined)
    return undefined
  }
  const isWanted = wantedLosses(cache, spec).next().done !== true
  if (!isWanted) {
    await change(spec.state === 'Held' ? undefined : { ...spec, state: 'Done', closed: timestamp(now) })
    return undefined
  }
  if (spec.state !== 'Held' || spec.hash === undefined) return undefined
  const alike = cache.by('RemovalSet', 'hash', spec.hash).map(one => ({ name: one.metadata.name, spec: one.spec }))
  for (const approval of cache.by('Approval', 'releases', spec.hash)) {
    if (verdictOn(approval, alike, now).is !== 'releases' || spec.prior?.includes(approval.metadata.uid)) continue
    const { name, uid } = approval.metadata
    const because = `Approval/${name}: ${approval.spec.reason}`
    // Whoever is to lose it no longer is not let go, and must not count as somebody who lost something.
    const wanted = [...wantedLosses(cache, spec)]
    const next: RemovalSetSpec = {
      ...spec,
      state: 'Released',
      removals: wanted.map(({ key }) => key),
      people: new Set(wanted.map(({ membership }) => personOf(membership.spec))).size,
      released: { time: timestamp(now), approval: { name, uid } },
    }
    await change(next, { because, changes: [changeOf('release', metadata.name, next, because)] })
    const of = cache.get('Organization', spec.organization)
    if (of)
      await recordEvent(
        world,
        { kind: 'Organization', name: spec.organization, uid: of.metadata.uid },
        'Normal',
        'RemovalsReleased',
        spec.reason === 'Invitations'
          ? `${next.people} invitations of ${spec.producer} go, in their turn: ${because}`
          : `${next.people} ${next.people === 1 ? 'person loses' : 'people lose'} what ${spec.producer} takes: ${because}`,
      )
    return undefined
  }
  const again = await tellAdmins(world, set)
  return again === undefined ? undefined : { again }
}
