import type { SpecOf } from '../src/api/kinds.ts'
import { MANAGERS } from '../src/api/names.ts'
import type { ResourceStore } from '../src/store/store.ts'

/** How the people of a made-up organization stand. */
export type Standing =
  /** Declared from a day far ahead: known, not invited. */
  | 'known'
  /** Declared, invited by mail. */
  | 'invited'
  /** Declared with `join: None`: members at once. */
  | 'joined'

/** How many people are written at once. */
const AT_ONCE = 16

/** One organization with a few roles and groups and so many people, written as a source would. */
export const makeOrganization = async (
  store: ResourceStore,
  people: number,
  standingOf: (index: number) => Standing,
): Promise<void> => {
  const manager = MANAGERS.source('bench')
  const labels = { 'roster.dev/source': 'bench', 'app.kubernetes.io/managed-by': 'roster' }
  await store.create(
    {
      kind: 'Organization',
      metadata: { name: 'acme', labels },
      spec: {
        domains: ['acme.example'],
        invitations: { dailyLimit: 1_000_000, dailyLimitPerInviter: 100_000 },
        onboarding: { welcomeMail: false },
      },
    },
    { manager },
  )
  for (const name of ['editor', 'viewer', 'billing', 'admin'])
    await store.create(
      {
        kind: 'Role',
        metadata: { name, labels },
        spec: { organization: 'acme', allow: [`${name}:read`, `${name}:write`] },
      },
      { manager },
    )
  await store.create(
    {
      kind: 'Group',
      metadata: { name: 'platform', labels },
      spec: { organization: 'acme', membersWhere: 'user.labels.team == "platform"', roles: ['editor'] },
    },
    { manager },
  )
  const person = async (index: number): Promise<void> => {
    const standing = standingOf(index)
    const membership: NonNullable<SpecOf<'User'>['memberships']>[number] = {
      organization: 'acme',
      roles: index % 10 === 0 ? ['viewer', 'billing'] : ['viewer'],
      ...(standing === 'known' && { from: '2999-01-01' }),
      ...(standing === 'joined' && { join: 'None' as const }),
    }
    await store.create(
      {
        kind: 'User',
        metadata: {
          name: `person-${index}`,
          labels: { ...labels, ...(index % 7 === 0 && { team: 'platform' }) },
          annotations: { 'roster.dev/source-path': `people.csv:${index + 2}` },
        },
        spec: {
          email: `person-${index}@acme.example`,
          givenName: 'Person',
          familyName: `Number ${index}`,
          memberships: [membership],
        },
      },
      { manager },
    )
  }
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < people) await person(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}
