import type { GithubDirectory } from '../../../src/api/services/github.ts'
import { dialer } from '../../../src/app/dialer.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { githubDriver } from '../../../src/directories/github/driver.ts'
import type { GithubOptions } from '../../../src/directories/github/session.ts'
import type { DirectoryDriver } from '../../../src/ports/directory.ts'
import type { ContractGroup, ContractPerson } from '../../contract/directory.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { GITHUB_TOKEN, type GithubPeer } from '../../peers/github.ts'

/** A driver for the organization of a peer; each part may be another. It waits for nothing that it need not wait for. */
export const driverFor = (
  { url }: Pick<GithubPeer, 'url'>,
  more: Partial<GithubOptions> & { organization?: string; secret?: string; hosts?: string[]; place?: string } = {},
): DirectoryDriver => {
  const spec: GithubDirectory = {
    organization: more.organization ?? 'acme',
    url: more.place ?? url,
    tokenSecretRef: { name: 'github', key: 'token' },
  }
  return githubDriver({
    spec,
    limits: {},
    dialer: dialer({ allowPrivate: ['localhost'] }),
    clock: systemClock(),
    token: async () => ({ value: more.secret ?? GITHUB_TOKEN, hosts: more.hosts ?? ['localhost'] }),
    ca: async () => ({ value: LOCALHOST_CERTIFICATE, hosts: [] }),
    random: () => 0,
    ...more,
  })
}

/** Puts people and teams there, as they would be by hand. */
export const fillWith = (
  { fill }: GithubPeer,
  people: readonly ContractPerson[],
  groups: readonly ContractGroup[],
): void => {
  const ids = new Map<string, number>()
  for (const { login, email, givenName, familyName, displayName } of people) {
    const name = displayName ?? [givenName, familyName].filter(Boolean).join(' ')
    ids.set(login, fill.member({ login, name, ...(email !== undefined && { email }) }).id)
  }
  const teams = new Map(groups.map(({ name }) => [name, fill.team({ name })]))
  for (const { name, users, groups: beneath } of groups) {
    const team = teams.get(name)
    for (const login of users) {
      const id = ids.get(login)
      if (id !== undefined) team?.members.set(id, 'member')
    }
    for (const child of beneath) {
      const below = teams.get(child)
      if (below && team) below.parent = team.id
    }
  }
}
