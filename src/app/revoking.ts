import { activeGrants } from '../decide/membership.ts'
import { findPerson } from './person.ts'
import type { Realm } from './realm.ts'
import { RequestError } from './requests.ts'
import { takeSnapshot } from './snapshot.ts'
import { checkOrganization } from './why/permission.ts'
import { placeIn } from './why/place.ts'
import { roleFact } from './why/role.ts'

/** What taking roles away comes to. */
export interface Revocation {
  person: string
  organization: string
  membership: string
  /** Version that was looked at: nothing is written over what came after. */
  version: string
  /** Roles that grants give, and from which invitations. */
  takes: { role: string; invitations: string[]; stays: string[] }[]
  /** Roles that no grant gives, and why they are there or not. */
  not: { role: string; why: string[] }[]
}

/** Looks, and changes nothing. @throws UnknownPersonError, SettingsError, RequestError */
export const planRevocation = async (
  realm: Pick<Realm, 'store' | 'clock'>,
  asked: { person: string; roles: readonly string[]; organization: string },
): Promise<Revocation> => {
  const snapshot = await takeSnapshot(realm)
  const organization = checkOrganization(snapshot, asked.organization)
  const person = findPerson(snapshot, asked.person)
  const place = placeIn(snapshot, person, organization)
  const { membership } = place
  if (!membership) throw new RequestError('ReferenceNotFound', `${person.called} has no membership in ${organization}`)
  const grants = activeGrants(membership.spec)
  const revocation: Revocation = {
    person: person.called,
    organization,
    membership: membership.metadata.name,
    version: membership.metadata.resourceVersion,
    takes: [],
    not: [],
  }
  for (const role of new Set(asked.roles)) {
    const invitations = grants.filter(grant => grant.roles.includes(role)).map(grant => grant.invitation)
    const fact = roleFact(place, role)
    const others = fact.ways.filter(way => way.how !== 'Granted')
    if (invitations.length > 0) revocation.takes.push({ role, invitations, stays: others.map(way => way.text) })
    else
      revocation.not.push({
        role,
        why: others.length > 0 ? others.map(way => `${way.text}${way.change ? `: ${way.change}` : ''}`) : fact.notes,
      })
  }
  return revocation
}

/**
 * Takes the roles out of the grants of one record, by compare-and-swap. The grants themselves stay, so that no Invitation grants the same anew;
 * the access in force shrinks with the next pass, under its permit.
 * @throws ConflictError when the record changed since it was looked at
 */
export const revoke = async (
  { store, audit, actor }: Pick<Realm, 'store' | 'audit' | 'actor'>,
  { takes, membership, organization, version, person }: Revocation,
): Promise<void> => {
  const roles = takes.map(({ role }) => role)
  if (roles.length === 0) return
  const record = await store.get('Membership', membership)
  if (!record) throw new RequestError('ReferenceNotFound', `the record of ${person} in ${organization} is gone`)
  const live = new Set(activeGrants(record.spec))
  const grants = record.spec.grants.map(grant =>
    live.has(grant) ? { ...grant, roles: grant.roles.filter(role => !roles.includes(role)) } : grant,
  )
  const line = {
    actor,
    action: 'grant.revoke',
    target: `Membership/${membership}`,
    organization,
    because: `asked by ${actor}`,
  }
  await audit.append({ ...line, phase: 'intent', before: { grants: record.spec.grants }, after: { person, roles } })
  await store.replace(
    { kind: 'Membership', name: membership, spec: { ...record.spec, grants } },
    { ifVersion: version },
  )
  await audit.append({ ...line, phase: 'result', after: { person, roles } })
}
