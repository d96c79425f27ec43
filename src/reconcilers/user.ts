import type { Readiness, Verdict } from '../api/conditions.ts'
import { ANNOTATIONS } from '../api/names.ts'
import type { User } from '../api/user.ts'
import { hasLeft, isJoined } from '../decide/membership.ts'
import type { Cache, ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { foundOf, organizationOf } from './bearers.ts'
import { bodyOf, declaredAt, isPaused, type World, writeStatus } from './context.ts'
import { addFinalizer, dropFinalizer } from './finalizer.ts'
import { addressesOf } from './indexes.ts'
import { keeperOf } from './keeper.ts'
import { declaredOwnerOf, isDeleting, isGenerated, rivalOf } from './people.ts'
import { reconcilePlace } from './place.ts'
import type { PlaceResult } from './placepass.ts'
import { reconcileUndeclared } from './undeclared.ts'
import { heldVerdicts, projectUser } from './userstatus.ts'
import { wakingUsers } from './userwakes.ts'

/** One person: every membership that is declared for them or that they have, one after the other; one that fails stops no other. */
export const userReconciler = (world: World): Reconciler<'User'> => ({
  kind: 'User',
  concurrency: 16,
  changed: ({ metadata, spec }) => [
    metadata.deletionTimestamp,
    metadata.labels,
    metadata.annotations?.[ANNOTATIONS.pause],
    metadata.annotations?.[ANNOTATIONS.going],
    metadata.annotations?.[ANNOTATIONS.removalConfirmed],
    spec,
  ],
  watches: wakingUsers,
  reconcile: name => reconcileUser(world, name),
})

const reconcileUser = async (world: World, name: string): Promise<ReconcileResult | undefined> => {
  const user = world.cache.get('User', name)
  if (!user || isGenerated(user)) {
    const goesOn = await reconcileUndeclared(world, name, user)
    if (!user || !goesOn) return undefined
  }
  if (isPaused(user)) {
    await writeStatus(world, user, bodyOf(user), {
      is: 'ready',
      reason: 'Paused',
      message: 'reconciling is paused',
    })
    return undefined
  }
  const rival = isDeleting(user) ? undefined : rivalOf(world.cache, user)
  if (rival) {
    // The address is disputed; what this person has under another one is not, and may be taken like anybody's.
    const again: number[] = []
    for (const organization of undisputed(world.cache, user)) {
      const result = await reconcilePlace(world, user, organization)
      if (result.again !== undefined) again.push(result.again)
    }
    const message = `${rival.address} belongs to User/${rival.user.metadata.name} (${declaredAt(rival.user)}), which is older; remove one of the two, or name the other in previousNames`
    const verdict: Verdict = { type: 'DuplicateDeclared', status: 'True', reason: 'DuplicateDeclared', message }
    await writeStatus(world, user, {}, { is: 'stalled', reason: 'DuplicateDeclared', message }, [verdict])
    return again.length > 0 ? { again: Math.min(...again) } : undefined
  }

  const results: PlaceResult[] = []
  for (const organization of placesOf(world.cache, user)) results.push(await reconcilePlace(world, user, organization))
  const again = earliest(results)
  if (isDeleting(user)) {
    const held = results.find(result => result.isHeld)
    if (!held) return leave(world, user)
    const is: Readiness =
      held.is?.reason === 'WaitingForApproval'
        ? held.is
        : { is: 'reconciling', reason: 'Deleting', message: held.is?.message ?? 'losses are held' }
    await writeStatus(world, user, bodyOf(user), is, heldVerdicts(results))
    return again
  }
  // Nobody goes without what they have being ended: they may have joined, or be in groups, without a membership of their own.
  if (!isGenerated(user)) await addFinalizer(world.store, user)
  await projectUser(world, user, results)
  return again
}

/** Organizations that are declared, or in which there is a record of this person. */
const placesOf = (cache: Cache, user: User): string[] => {
  const places = new Set((user.spec.memberships ?? []).map(entry => entry.organization))
  for (const address of addressesOf(user))
    for (const { spec } of cache.by('Membership', 'address', address)) places.add(spec.organization)
  for (const record of foundOf(cache, user)) {
    const organization = organizationOf(cache, record)
    if (organization !== undefined) places.add(organization)
  }
  for (const { spec } of cache.by('Membership', 'userUid', user.metadata.uid)) places.add(spec.organization)
  for (const name of user.spec.previousNames ?? [])
    for (const record of cache.by('Membership', 'user', name))
      if (keeperOf(cache, record)?.metadata.uid === user.metadata.uid) places.add(record.spec.organization)
  return [...places].sort()
}

/** Organizations in which this User has something under an address that is nobody else's. */
const undisputed = (cache: Cache, user: User): string[] => {
  const records = cache.by('Membership', 'userUid', user.metadata.uid).filter(({ spec }) => {
    const owner = declaredOwnerOf(cache, spec.address)
    const theirs = owner !== undefined && owner.metadata.uid !== user.metadata.uid
    return !theirs && (isJoined(spec) || (hasLeft(spec) && spec.settled !== undefined && spec.settled.roles.length > 0))
  })
  return [...new Set(records.map(({ spec }) => spec.organization))].sort()
}

const leave = async (world: World, { metadata }: User): Promise<undefined> => {
  // The version may have moved by what was just written to it.
  const current = world.cache.get('User', metadata.name)
  if (current?.metadata.uid !== metadata.uid) return undefined
  if (current.metadata.deletionTimestamp === undefined) {
    // Their source no longer declares them, and nothing of theirs is left.
    await world.store.delete({ kind: 'User', name: metadata.name }, { ifUid: metadata.uid })
    return undefined
  }
  await dropFinalizer(world.store, current)
  return undefined
}

const earliest = (results: readonly PlaceResult[]): ReconcileResult | undefined => {
  const times = results.flatMap(result => (result.again === undefined ? [] : [result.again]))
  return times.length > 0 ? { again: Math.min(...times) } : undefined
}
