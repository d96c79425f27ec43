import type { Cache } from '../runtime/reconciler.ts'

/** What keeps an organization from going, in words: `3 users, 1 group`. Records of what is over do not. */
export const leftIn = (cache: Cache, name: string): string[] => {
  const users = new Set(
    cache
      .by('User', 'organization', name)
      .filter(user => user.spec.memberships?.some(one => one.organization === name && one.state !== 'Ended'))
      .map(user => user.metadata.name),
  )
  for (const { spec } of cache.by('Membership', 'organization', name))
    if (spec.joined && !spec.ended && !(spec.left && !spec.left.released)) users.add(spec.user?.name ?? spec.address)
  const rest = [
    ['organization below', 'organizations below', cache.by('Organization', 'parent', name)],
    ['group', 'groups', cache.by('Group', 'organization', name)],
    ['role', 'roles', cache.by('Role', 'organization', name)],
    ['license pool', 'license pools', cache.by('LicensePool', 'organization', name)],
    ['directory', 'directories', cache.by('Directory', 'organization', name)],
    ['invitation', 'invitations', cache.by('Invitation', 'organization', name)],
  ] as const
  return [
    ...named('user', 'users', [...users]),
    ...rest.flatMap(([one, several, all]) =>
      named(
        one,
        several,
        all.map(object => object.metadata.name),
      ),
    ),
  ]
}

const named = (one: string, several: string, names: readonly string[]): string[] => {
  const [first] = names
  if (first === undefined) return []
  return names.length === 1 ? [`${one} ${first}`] : [`${names.length} ${several} (${first}, …)`]
}
