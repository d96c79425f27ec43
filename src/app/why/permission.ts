import { canDo, rolesThatSay, suspensionOf } from '../../decide/can.ts'
import { permissionProblem } from '../../decide/permissions.ts'
import { settingsFor } from '../../reconcilers/context.ts'
import type { Person } from '../person.ts'
import { SettingsError } from '../settings.ts'
import type { Snapshot } from '../snapshot.ts'
import { didYouMean } from '../suggest.ts'
import { placeText, whenceOf } from '../whence.ts'
import type { Fact, Way } from './answer.ts'
import { placeIn, placesOf } from './place.ts'
import { notInForce, roleFact } from './role.ts'

const SHAPE = /^[a-z][A-Za-z0-9.-]*:[a-z][A-Za-z0-9.-]*$/

/** @throws SettingsError for what is no single permission */
export const checkPermission = (permission: string): string => {
  if (!SHAPE.test(permission))
    throw new SettingsError(
      `${JSON.stringify(permission)} is not one permission; write area:verb, such as users:update or documents:read`,
    )
  const problem = permissionProblem(permission)
  if (problem !== undefined) throw new SettingsError(problem)
  return permission
}

/** @throws SettingsError with a suggestion */
export const checkOrganization = ({ cache }: Snapshot, name: string): string => {
  if (cache.get('Organization', name)) return name
  const known = [...cache.list('Organization')].map(one => one.metadata.name)
  throw new SettingsError(
    `there is no organization ${JSON.stringify(name)}${didYouMean(name, known) || `; there are ${known.slice(0, 20).join(', ') || 'none'}`}`,
  )
}

/** Whether a person may do something in an organization, by which memberships and roles, there and above. */
export const permissionFact = (snapshot: Snapshot, person: Person, permission: string, organization: string): Fact => {
  const chain = settingsFor(snapshot, organization)?.settings.chain ?? [organization]
  const { may, because, ways } = canDo({
    permission,
    chain,
    memberships: person.memberships.map(({ spec }) => spec),
    suspended: suspensionOf(person.user),
    now: snapshot.now,
  })
  const told: Way[] = []
  const notes: string[] = []
  for (const way of ways) {
    const place = placeIn(snapshot, person, way.organization)
    const settled = (place.membership?.spec.settled?.roles ?? []).flatMap(
      name => snapshot.cache.get('Role', name) ?? [],
    )
    const above = way.where === 'below' ? ` in ${way.organization}, with scope Descendants` : ''
    for (const { role, says } of rolesThatSay(permission, way.where, settled)) {
      const found = snapshot.cache.get('Role', role)
      const [came] = roleFact(place, role).ways
      const at = found ? whenceOf(found).place : `Role/${role}`
      const stands = found ? placeText(whenceOf(found)) : at
      if (says === 'allowed')
        told.push({
          how: 'Role',
          at,
          text: `role ${role}${above} allows it (${stands})${came ? `; the role: ${came.text}` : ''}`,
          ...(came?.change !== undefined && { change: came.change }),
        })
      else
        notes.push(
          `role ${role}${above} denies it (${stands}), and a denial beats everything${came ? `; the role: ${came.text}` : ''}`,
        )
    }
    if (way.says !== 'silent' && way.standing !== 'Active' && way.standing !== 'Restricted')
      notes.push(...notInForce(place))
  }
  if (!may && because !== 'Denied' && told.length === 0)
    notes.push(...missing(snapshot, person, permission, chain, because))
  return { thing: 'permission', name: permission, organization, has: may, ways: told, notes }
}

/** In every organization the person belongs to, or in one. */
export const permissionFacts = (
  snapshot: Snapshot,
  person: Person,
  permission: string,
  organization?: string,
): Fact[] =>
  (organization === undefined ? placesOf(snapshot, person).map(place => place.organization) : [organization]).map(one =>
    permissionFact(snapshot, person, permission, one),
  )

const missing = (
  snapshot: Snapshot,
  person: Person,
  permission: string,
  chain: readonly string[],
  because: string,
): string[] => {
  const [organization = ''] = chain
  if (because === 'NoMembership') return [`${person.called} has no membership in ${chain.join(', nor in ')}`]
  const place = placeIn(snapshot, person, organization)
  const coming = place.inForce
    ? []
    : rolesThatSay(
        permission,
        'here',
        place.derived.roles.flatMap(name => snapshot.cache.get('Role', name) ?? []),
      )
  if (coming.some(({ says }) => says === 'allowed') && !coming.some(({ says }) => says === 'denied'))
    return [`role ${coming.map(({ role }) => role).join(', ')} allows it`, ...notInForce(place)]
  const giving = chain.flatMap((name, height) =>
    rolesThatSay(permission, height === 0 ? 'here' : 'below', snapshot.cache.by('Role', 'organization', name)).flatMap(
      ({ role, says }) => (says === 'allowed' ? [role] : []),
    ),
  )
  return [
    'no role in force allows it',
    giving.length > 0
      ? `roles that do: ${[...new Set(giving)].join(', ')}; \`roster why ${person.called} ${giving[0]}\` says how one comes`
      : `no role of ${organization} allows it; write it into the allow of one`,
    ...notInForce(place),
  ]
}
