import type { Readiness } from '../api/conditions.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { isUnsettled } from '../decide/membership.ts'
import { membershipName, membershipOf } from '../decide/record-names.ts'
import type { ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import { bodyOf, isPaused, organizationsConcerned, settingsFor, type World, watch, writeStatus } from './context.ts'
import { addressesOf } from './indexes.ts'
import { barTime, obstacle } from './invitationasking.ts'
import { release, removalTime } from './invitationend.ts'
import { advance, earliest } from './invitationpass.ts'
import { type Pass, project } from './invitationstatus.ts'
import { isDeleting, ownerOf, requestsOf } from './people.ts'

/** Invites: opens series, claims attempts under the limits, projects the Membership into the status, grants what was accepted. */
export const invitationReconciler = (world: World): Reconciler<'Invitation'> => {
  const reconcile = async (name: string): Promise<ReconcileResult | undefined> => {
    const invitation = world.cache.get('Invitation', name)
    if (!invitation) return undefined
    const { organization, email } = invitation.spec
    const membership = membershipName(organization, email)
    if (isDeleting(invitation)) return release(world, invitation)

    const found = settingsFor(world, organization)
    const stop = found && !isPaused(invitation) ? obstacle(world, invitation, found) : undefined
    if (!found || isPaused(invitation) || stop) {
      if (found) world.lines.of(organization).leave(membership)
      const is: Readiness = isPaused(invitation)
        ? { is: 'ready', reason: 'Paused', message: 'reconciling is paused' }
        : (stop ?? {
            is: 'stalled',
            reason: 'ReferenceNotFound',
            message: `organization ${organization} does not exist`,
          })
      await writeStatus(world, invitation, bodyOf(invitation), is)
      return undefined
    }
    const pass: Pass = {
      world,
      invitation,
      settings: found.settings,
      requests: requestsOf(world.cache, organization, email),
      user: ownerOf(world.cache, email),
      now: world.clock.now(),
    }
    const outcome = await advance(pass)
    if (!outcome) return { again: pass.now }
    const removal = removalTime(pass, outcome)
    if (removal !== undefined && removal <= pass.now) {
      const ref = { kind: 'Invitation' as const, name, uid: invitation.metadata.uid }
      const because = `finished for 30 days: ${outcome.progress.state}`
      await world.effects.removeGenerated(ref, { actor: 'controller', because, organization })
      return undefined
    }
    await project(pass, outcome)
    const again = earliest(outcome.again, removal, barTime(pass))
    return again === undefined ? undefined : { again }
  }

  return {
    kind: 'Invitation',
    concurrency: 16,
    changed: ({ metadata, spec }) => [
      metadata.deletionTimestamp,
      metadata.annotations?.[ANNOTATIONS.pause],
      metadata.annotations?.[ANNOTATIONS.resendRequestedAt],
      spec,
    ],
    watches: [
      watch({
        kind: 'Membership',
        changed: ({ spec }) => {
          const last = spec.attempts.at(-1)
          const { joined, left, declined, ended, series, grants, settled } = spec
          return [joined, left, declined, ended, series, grants.length, last, settled !== undefined, isUnsettled(spec)]
        },
        *wakes({ spec }, cache) {
          for (const one of requestsOf(cache, spec.organization, spec.address)) yield one.metadata.name
          yield* firstInLine(world, spec.organization, spec.address)
        },
      }),
      watch({
        kind: 'Invitation',
        changed: ({ metadata }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.resendRequestedAt]],
        // Others for the same place: all drive one Membership, and the one that was asked may be unable to.
        *wakes({ spec }, cache) {
          for (const one of requestsOf(cache, spec.organization, spec.email)) yield one.metadata.name
          yield* firstInLine(world, spec.organization, spec.email)
        },
      }),
      watch({
        kind: 'User',
        changed: ({ metadata, spec }) => [
          spec.suspended,
          spec.memberships,
          addressesOf({ spec }),
          metadata.deletionTimestamp,
          metadata.annotations?.[ANNOTATIONS.going],
        ],
        *wakes(user, cache) {
          for (const address of addressesOf(user))
            for (const one of cache.by('Invitation', 'address', address)) yield one.metadata.name
        },
      }),
      watch({
        kind: 'RemovalSet',
        changed: ({ spec }) => spec.state,
        *wakes({ spec }, cache) {
          if (spec.reason !== 'Invitations') return
          for (const key of spec.removals ?? []) {
            const record = cache.get('Membership', membershipOf(key))?.spec
            if (record)
              for (const one of requestsOf(cache, record.organization, record.address)) yield one.metadata.name
          }
        },
      }),
      watch({
        kind: 'Role',
        changed: ({ spec }) => spec.organization,
        *wakes({ metadata }, cache) {
          for (const one of cache.by('Invitation', 'role', metadata.name)) yield one.metadata.name
        },
      }),
      watch({
        kind: 'Organization',
        changed: ({ metadata, spec }) => [
          spec.parent,
          spec.children,
          spec.invitations,
          spec.frozen,
          metadata.deletionTimestamp,
        ],
        *wakes({ metadata }, cache) {
          for (const below of organizationsConcerned(cache, metadata.name))
            for (const one of cache.by('Invitation', 'organization', below)) yield one.metadata.name
        },
      }),
    ],
    reconcile,
  }
}

/**
 * The Invitations of the first in each inviter's line: their time may have come nearer, and they pass that on when they have gone.
 * An address that nobody asks for any more stands in no line.
 */
const firstInLine = (world: World, organization: string, address: string): string[] => {
  const line = world.lines.known(organization)
  if (!line) return []
  if (requestsOf(world.cache, organization, address).length === 0) line.leave(membershipName(organization, address))
  return line.heads().flatMap(name => {
    const spec = world.cache.get('Membership', name)?.spec
    return spec ? requestsOf(world.cache, organization, spec.address).map(one => one.metadata.name) : []
  })
}
