import { normalizeAddress } from '../decide/address.ts'
import { loginKey } from '../decide/found.ts'
import { endOf, startOf } from '../decide/time.ts'
import { placeOf } from './hierarchy.ts'
import type { Member, ResourceSet } from './set.ts'

/** One address, one user; periods that begin before they end; members and holders of seats who belong where they are named. */
export function judgePeople(set: ResourceSet): void {
  judgeAddresses(set)
  judgeIdentities(set)
  for (const member of set.of('User')) judgePeriods(set, member)
  for (const member of set.of('Group')) judgeMembers(set, member)
  for (const member of set.of('User')) judgeLicenses(set, member)
}

function judgeAddresses(set: ResourceSet): void {
  const owners = new Map<string, Member<'User'>>()
  for (const member of set.knownFirst('User')) {
    const { email, aliases = [] } = member.manifest.spec
    for (const [index, address] of [email, ...aliases].entries()) {
      const key = normalizeAddress(address)
      const owner = owners.get(key)
      if (!owner) {
        owners.set(key, member)
        continue
      }
      const pointer = index === 0 ? '/spec/email' : `/spec/aliases/${index - 1}`
      if (owner === member)
        member.judgement?.report(
          'duplicate-address',
          `${address} is an address of this user already`,
          pointer,
          'warning',
        )
      else
        member.judgement?.report(
          'duplicate-address',
          `${address} is an address of user ${JSON.stringify(owner.manifest.metadata.name)} already${placeOf(owner)}; one address is one person`,
          pointer,
        )
    }
  }
}

/** One entry of a directory is one user, and not somebody else at once. */
function judgeIdentities(set: ResourceSet): void {
  const owners = new Map<string, Member<'User'>>()
  for (const member of set.knownFirst('User')) {
    const { identities = [], distinctFrom = [] } = member.manifest.spec
    const others = new Set(distinctFrom.map(keyOf))
    for (const [index, one] of identities.entries()) {
      const key = keyOf(one)
      const called = `${one.id ?? one.name} of directory ${JSON.stringify(one.directory)}`
      const owner = owners.get(key)
      if (!owner) owners.set(key, member)
      else if (owner === member)
        member.judgement?.report(
          'duplicate-identity',
          `${called} is named twice`,
          `/spec/identities/${index}`,
          'warning',
        )
      else
        member.judgement?.report(
          'duplicate-identity',
          `${called} is user ${JSON.stringify(owner.manifest.metadata.name)} already${placeOf(owner)}; one account is one person`,
          `/spec/identities/${index}`,
        )
      if (others.has(key))
        member.judgement?.report(
          'duplicate-identity',
          `${called} is said to be this user, and in distinctFrom to be somebody else`,
          `/spec/identities/${index}`,
        )
    }
  }
}
const keyOf = ({ directory, id, name }: { directory: string; id?: string; name?: string }): string =>
  JSON.stringify([directory, id, name === undefined ? undefined : loginKey(name)])

/** Judged in the time zone of the organization where it is known. */
function judgePeriods(set: ResourceSet, { manifest, judgement }: Member<'User'>): void {
  if (!judgement) return
  for (const [index, { organization, from, until }] of (manifest.spec.memberships ?? []).entries()) {
    if (from === undefined || until === undefined) continue
    const zone =
      set
        .chain(organization)
        .map(name => set.get('Organization', name)?.manifest.spec.timeZone)
        .find(found => found !== undefined) ?? 'UTC'
    let valid: boolean
    try {
      valid = startOf(from, zone) < endOf(until, zone)
    } catch {
      continue // the time zone is not one, which is said at the organization
    }
    if (!valid)
      judgement.report(
        'invalid-period',
        `the membership ends (${until}) before it begins (${from})`,
        `/spec/memberships/${index}/until`,
      )
  }
}

function judgeMembers(set: ResourceSet, { manifest, judgement }: Member<'Group'>): void {
  if (!judgement) return
  const { organization, members = [] } = manifest.spec
  for (const [index, name] of members.entries()) {
    const user = set.get('User', name)
    if (!user || belongs(user, organization)) continue
    judgement.report(
      'member-without-membership',
      `user ${JSON.stringify(name)} declares no membership in organization ${JSON.stringify(organization)}, and gets nothing from the group without one`,
      `/spec/members/${index}`,
      'warning',
    )
  }
}

function judgeLicenses(set: ResourceSet, user: Member<'User'>): void {
  for (const [index, { pool }] of (user.manifest.spec.licenses ?? []).entries()) {
    const spec = set.get('LicensePool', pool)?.manifest.spec
    if (!spec || !user.judgement || belongs(user, spec.organization)) continue
    const below =
      spec.shared &&
      (user.manifest.spec.memberships ?? []).some(({ organization }) =>
        set.chain(organization).includes(spec.organization),
      )
    if (!below)
      user.judgement.report(
        'member-without-membership',
        `declares no membership in organization ${JSON.stringify(spec.organization)}, whose seats pool ${JSON.stringify(pool)} has`,
        `/spec/licenses/${index}/pool`,
        'warning',
      )
  }
}

const belongs = ({ manifest }: Member<'User'>, organization: string): boolean =>
  (manifest.spec.memberships ?? []).some(membership => membership.organization === organization)
