import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { openKeys } from '../accounts/keys.ts'
import { KINDS } from '../api/names.ts'
import { takesAccess } from '../decide/membership.ts'
import type { Change } from '../effects/change.ts'
import { plannedEffects } from '../effects/planned.ts'
import { mailComposer } from '../mail/composer.ts'
import type { Clock } from '../ports/clock.ts'
import { indexes } from '../reconcilers/indexes.ts'
import { openLoop, type Rest } from '../runtime/loop.ts'
import { overlayStore } from '../store/overlay/store.ts'
import type { ResourceStore } from '../store/store.ts'
import { senderOf } from './mail.ts'
import type { Realm } from './realm.ts'
import { portalUrl } from './settings.ts'
import { reconcilersOf, worldOf } from './world.ts'

/** What would follow from a change. */
export interface Rehearsal {
  /** What people would see of it. */
  changes: Change[]
  rest: Rest
}

/**
 * Makes a change on an overlay of the store and lets the same reconcilers run on it, with effects that only note what they would do. The clock stands still,
 * randomness comes from a seed over its purpose. Nothing is written, sent or contacted.
 * @throws RestlessKeyError when a key would run for ever; what `change` throws
 */
export const rehearse = async (
  realm: Realm,
  change: (store: ResourceStore) => Promise<void>,
  options: { signal: AbortSignal; all?: boolean },
): Promise<Rehearsal> => {
  const clock = frozen(realm.clock)
  let uids = 0
  const overlay = await overlayStore(realm.store, { clock, random: size => seeded(size, 'uid', String(uids++)) })
  const { epoch: storeEpoch, binding } = await realm.store.info()
  const publicUrl = binding?.publicUrl ?? portalUrl(realm.settings)
  const fingerprint = existsSync(realm.paths.keys)
    ? openKeys(realm.paths.keys).fingerprint
    : (key: string) => seeded(32, 'fingerprint', key).toString('base64url')
  const noted: Change[] = []
  const loop = await openLoop({
    store: overlay,
    kinds: KINDS,
    indexes,
    clock,
    random: () => 0.5,
    alone: true,
    wakeInitial: options.all ?? false,
    signal: options.signal,
    reconcilers: ({ store, cache }) =>
      reconcilersOf(
        worldOf({
          cache,
          store,
          effects: plannedEffects({ overlay: store, clock, note: one => noted.push(one), takes: takesAccess }),
          clock,
          random: seeded,
          composer: mailComposer({ from: senderOf(realm.settings.mailFrom, publicUrl) }),
          links: { publicUrl, invitationUrl: () => `${publicUrl}/invitations/planned` },
          secrets: realm.secrets,
          fingerprint,
          epoch: 0,
          storeEpoch,
        }),
      ),
  })
  try {
    await change(loop.world.store)
    return { changes: noted, rest: await loop.runUntilIdle() }
  } finally {
    await loop.stop(0)
  }
}

/** Time stands still at the base; what waits for a time is listed, not run. */
const frozen = (clock: Clock): Clock => {
  const now = clock.now()
  return { now: () => now, at: () => () => undefined, suspect: clock.suspect }
}

/** Bytes that are the same in every rehearsal, and in no other place. */
const seeded = (size: number, ...key: string[]): Buffer => {
  const chunks: Buffer[] = []
  for (let block = 0; block * 32 < size; block++)
    chunks.push(
      createHash('sha256')
        .update(JSON.stringify(['plan', block, ...key]))
        .digest(),
    )
  return Buffer.concat(chunks).subarray(0, size)
}
