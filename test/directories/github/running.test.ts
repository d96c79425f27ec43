import { expect, it } from 'vitest'
import { GITHUB_TOKEN, githubPeer } from '../../peers/github.ts'
import { openOffice } from '../office.ts'

const specOf = (url: string) => `  type: GitHub
  github:
    organization: acme
    url: ${url}
    tokenSecretRef: {name: github, key: token}
  requests: {perSecond: 100, concurrency: 2}
  policy: Observe
`

it('a controller beside GitHub reads its people and teams within its limits, and shows the token to nobody', async () => {
  await using peer = await githubPeer()
  const ann = peer.fill.member({ login: 'ann', name: 'Ann', domainEmails: ['ann@acme.example'] }, 'admin')
  peer.fill.invitation({ email: 'ben@acme.example' })
  peer.fill.team({ name: 'Red', members: new Map([[ann.id, 'maintainer']]) })
  await using office = await openOffice('github', specOf(peer.url))
  const { place, secret } = office
  await secret('token', GITHUB_TOKEN)
  await secret('.used-by', 'directory/github')
  await secret('.hosts', 'localhost')

  const running = await place.run('acme', '--secrets', 'secrets', '--allow-private', 'localhost')
  const read = await place.roster('sync', 'github')
  expect([read.code, read.err]).toEqual([0, ''])
  expect(read.out).toContain('2 people, 1 group')
  expect(read.out).toContain('1 declared, 1 not declared, 1 invited who have not joined')
  const checked = await place.roster('check', 'github', '--secrets', 'secrets', '--allow-private', 'localhost')
  expect([checked.code, checked.err]).toEqual([0, ''])
  expect(checked.out).toContain('Ann, ann@acme.example (declared, owner)')
  expect(checked.out).toContain('ben@acme.example (not declared, invited, has not joined)')
  expect(peer.concurrent).toBeLessThanOrEqual(2)

  await secret('token', 'ghp_wrong')
  expect((await place.roster('sync', 'github')).code).toBe(1)
  const { items } = await place.json<{ items: { spec: { missingTime?: string } }[] }>('get', 'directoryrecords')
  expect(items.map(({ spec }) => spec.missingTime)).toEqual([undefined, undefined, undefined])
  const { out, err } = await running.stop()
  for (const text of [out, err, read.out, checked.out])
    for (const word of [GITHUB_TOKEN, 'ghp_wrong']) expect(text).not.toContain(word)
}, 120_000)
