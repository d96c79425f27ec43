import { MANAGERS } from '../api/names.ts'
import type { RemovalSet, RemovalSetSpec } from '../api/removalset.ts'
import { timestamp } from '../api/timestamp.ts'
import { DEFAULT_GUARD, type GuardInForce, LOOSENING, sameGuard, settleGuard } from '../decide/guard-settings.ts'
import { isJoined } from '../decide/membership.ts'
import { milliseconds } from '../decide/time.ts'
import { settingsFor, type World } from './context.ts'
import { isAsMade } from './guardfacts.ts'

/** Brings the guards in force to what is declared, as far as that may be. @returns when a looser one comes into force */
export const settleGuards = async (world: World, now: number): Promise<number | undefined> => {
  const { cache } = world
  const pending = new Set<string>()
  for (const organization of cache.values('Membership', 'losing'))
    for (const above of settingsFor(world, organization)?.settings.chain ?? [organization]) pending.add(above)
  let again: number | undefined
  for (const { metadata } of [...cache.list('Organization')]) {
    const { name } = metadata
    const declared = settingsFor(world, name)?.settings.guard
    if (!declared) continue
    const record = cache.get('RemovalSet', name)
    const before = inForce(record)
    if (!before && sameGuard(declared, DEFAULT_GUARD)) continue
    if (before && !before.loosened && sameGuard(before.guard, declared)) continue
    // What an organization was made with was in force before anybody came, also where all of it was declared at once.
    const isOriginal = !before && isAsMade(cache, settingsFor(world, name)?.settings.chain ?? [])
    // People above who reach down to it have something to lose in it, too.
    const reaching = cache.by('Membership', 'reach', name).filter(({ spec }) => isJoined(spec))
    const members = cache.by('Membership', 'organization', name).filter(({ spec }) => isJoined(spec))
    const next = settleGuard(before, declared, {
      now,
      people: isOriginal ? 0 : members.length + reaching.length,
      pending: pending.has(name) || reaching.some(({ spec }) => spec.losing !== undefined),
    })
    // One that waited long enough comes into force when nothing is held any more.
    if (next.loosened && next.loosened.since + LOOSENING > now)
      again = Math.min(again ?? Number.POSITIVE_INFINITY, next.loosened.since + LOOSENING)
    if (before && sameState(before, next)) continue
    if (!before && !next.loosened && sameGuard(next.guard, DEFAULT_GUARD)) continue
    const spec: RemovalSetSpec = {
      organization: name,
      state: 'Open',
      guard: next.guard,
      ...(next.loosened && {
        loosened: { guard: next.loosened.guard, since: timestamp(next.loosened.since) },
      }),
      ...(record?.spec.mails && { mails: record.spec.mails }),
    }
    const because = `Organization/${name}`
    await world.effects.writeRemovalSet(
      { name, before: record, spec },
      { actor: MANAGERS.controller, because, organization: name },
    )
  }
  return again
}

const inForce = (record: RemovalSet | undefined): GuardInForce | undefined => {
  const { guard, loosened } = record?.spec ?? {}
  return (
    guard && {
      guard: { ...DEFAULT_GUARD, ...guard },
      ...(loosened && {
        loosened: { guard: { ...DEFAULT_GUARD, ...loosened.guard }, since: milliseconds(loosened.since) },
      }),
    }
  )
}

const sameState = (a: GuardInForce, b: GuardInForce): boolean =>
  sameGuard(a.guard, b.guard) &&
  a.loosened?.since === b.loosened?.since &&
  (a.loosened === undefined || b.loosened === undefined || sameGuard(a.loosened.guard, b.loosened.guard))
