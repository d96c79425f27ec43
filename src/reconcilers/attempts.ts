import type { Attempt, Membership, MembershipSpec } from '../api/membership.ts'
import { timestamp } from '../api/timestamp.ts'
import { openClaim, reopenClaim } from '../decide/claim.ts'
import { addressTime } from '../decide/limits.ts'
import { currentSeries } from '../decide/membership.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import type { OutgoingMail } from '../ports/mailer.ts'
import type { World } from './context.ts'
import { type Stop, stopFor } from './frozen.ts'
import { lineLimits } from './lines.ts'
import { isOverCap, withoutAsking } from './mailcap.ts'

const MOST_ATTEMPTS = 32

/** One mail with a link, to be claimed or tried again. */
export interface AttemptAct {
  membership: Membership
  /** The record as it is to be with the claim: a series just opened, for instance. */
  spec: MembershipSpec
  settings: OrganizationSettings
  purpose: Attempt['purpose']
  /** As `inviterOf` gives it. */
  inviter: string
  roles: readonly string[]
  /** Milliseconds that the link lives. */
  validFor: number
  /** Where the mail goes, as written. */
  to: string
  because: string
  compose: (attempt: Attempt, url: string) => OutgoingMail
}

export type AttemptResult =
  /** The record says what came of it. */
  | { is: 'done'; record: Membership }
  /** Another write was first: look again. */
  | { is: 'lost' }
  /** A limit is reached, the mail server is out of reach, or the guard holds it; `until` undefined: it lets nothing go by itself, ever. Nothing was written. */
  | { is: 'waiting'; until: number | undefined; limit: 'inviter' | 'address' | 'server' | 'approval' }
  /** Nothing leaves there now. Nothing was written. */
  | { is: 'waiting'; until: undefined; limit: 'stopped'; stop: Stop }

type Turn = { is: 'now' } | (AttemptResult & { is: 'waiting' })

/** Whether the limits let a new attempt go now; who has to wait for one of them takes a place in line. */
export const turnOf = (
  world: World,
  of: { name: string; spec: MembershipSpec; settings: OrganizationSettings; inviter: string },
  automatic: boolean,
): Turn => {
  const { name, spec, settings } = of
  const line = world.lines.of(settings.name)
  const time = world.clock.now()
  const place = { name, since: spec.since, address: spec.address, actor: automatic ? undefined : of.inviter }
  const stop = stopFor(world, settings.frozen)
  if (stop) {
    // Their places in line are kept, so that it goes on in the same order; who is held has none.
    if (!spec.asking) line.enter(place)
    return { is: 'waiting', until: undefined, limit: 'stopped', stop }
  }
  const held = world.effects.mailHeldUntil()
  if (held > time) return { is: 'waiting', until: held, limit: 'server' }
  const addressFree = addressTime(world.lines.sentTo(spec.address), time)
  if (addressFree > time) {
    line.leave(name)
    return { is: 'waiting', until: addressFree, limit: 'address' }
  }
  if (!automatic && isOverCap(world, of)) {
    line.leave(name)
    return { is: 'waiting', until: undefined, limit: 'approval' }
  }
  line.enter(place)
  const turn = line.turn(name, lineLimits(settings), time)
  if (turn.is === 'now') return turn
  return { is: 'waiting', until: turn.is === 'later' ? turn.at : undefined, limit: 'inviter' }
}

/** Claims a new attempt, if the limits let it go now, and hands its mail over. */
export const claimAttempt = async (world: World, act: AttemptAct, automatic: boolean): Promise<AttemptResult> => {
  const { membership, settings } = act
  const { name } = membership.metadata
  const turn = turnOf(world, { name, spec: act.spec, settings, inviter: act.inviter }, automatic)
  if (turn.is !== 'now') return turn
  const spec = withoutAsking(act.spec)
  const line = world.lines.of(settings.name)
  const time = world.clock.now()
  const actor = automatic ? undefined : act.inviter
  const attempt: Attempt = {
    number: (spec.attempts.at(-1)?.number ?? 0) + 1,
    series: currentSeries(spec),
    purpose: act.purpose,
    actor: act.inviter,
    automatic,
    roles: [...act.roles],
    ...openClaim({ now: time, epoch: world.epoch }),
    expirationTime: timestamp(time + act.validFor),
  }
  const attempts = bounded([...spec.attempts, attempt])
  // Counted before the first await: whoever decides meanwhile sees it.
  const sent = { time, actor }
  line.leave(name)
  line.count(sent)
  const claimed = world.lines.claim(spec.address, { membership: name, attempt: attempt.number, time })
  try {
    const result = await hand(world, act, { ...spec, attempts }, attempt)
    if (result.is === 'lost') line.uncount(sent)
    // An attempt that certainly never went, and is given up for this one, counts no more.
    else uncountUnsent(line, spec)
    return result
  } catch (error) {
    const known = world.cache.get('Membership', name)?.spec.attempts.some(one => one.number === attempt.number)
    if (!known) line.uncount(sent)
    throw error
  } finally {
    claimed()
  }
}

/** Hands the mail of an attempt over once more: same number, same link, same expiry. */
export const retryAttempt = async (world: World, act: AttemptAct, attempt: Attempt): Promise<AttemptResult> => {
  const stop = stopFor(world, act.settings.frozen)
  if (stop) return { is: 'waiting', until: undefined, limit: 'stopped', stop }
  const held = world.effects.mailHeldUntil()
  if (held > world.clock.now()) return { is: 'waiting', until: held, limit: 'server' }
  const again = reopenClaim(attempt, { now: world.clock.now(), epoch: world.epoch })
  const attempts = act.spec.attempts.map(one => (one.number === attempt.number ? again : one))
  return hand(world, act, { ...act.spec, attempts }, again)
}

const hand = (world: World, act: AttemptAct, claimed: MembershipSpec, attempt: Attempt): Promise<AttemptResult> => {
  const { membership, settings, because } = act
  const { name } = membership.metadata
  const url = world.links.invitationUrl({
    membership: name,
    attempt: attempt.number,
    nonce: claimed.nonce,
    address: claimed.address,
    expirationTime: attempt.expirationTime,
  })
  return world.effects.mail({
    record: membership,
    claimed,
    slot: { in: 'attempts', number: attempt.number },
    compose: async () => act.compose(attempt, url),
    explained: {
      actor: attempt.actor,
      because,
      organization: settings.name,
      changes: [
        {
          action: 'send',
          target: 'mail',
          kind: 'Membership',
          name,
          organization: settings.name,
          because,
          fields: {
            template: attempt.purpose === 'SetUp' ? 'accountCreated' : 'invitation',
            to: act.to,
            ...(attempt.roles.length > 0 && { roles: attempt.roles }),
          },
        },
      ],
    },
  })
}

/** The newest; the first to go are those that certainly never left, since no limit counts them. */
const bounded = (attempts: Attempt[]): Attempt[] => {
  const kept = [...attempts]
  while (kept.length > MOST_ATTEMPTS)
    kept.splice(
      Math.max(
        kept.findIndex(one => one.outcome === 'NotSent'),
        0,
      ),
      1,
    )
  return kept
}

const uncountUnsent = (
  line: { uncount(sent: { time: number; actor: string | undefined }): void },
  before: MembershipSpec,
) => {
  const last = before.attempts.at(-1)
  if (last?.outcome === 'NotSent')
    line.uncount({ time: Date.parse(last.claimedTime), actor: last.automatic ? undefined : last.actor })
}
