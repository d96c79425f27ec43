import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Workplace } from '../../e2e/process.ts'
import { GITHUB_TOKEN, githubPeer } from '../../peers/github.ts'

const manifests = (url: string) => `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ann}
spec: {email: ann@acme.example, memberships: [{organization: acme, join: None}]}
---
apiVersion: roster.dev/v1alpha1
kind: Directory
metadata: {name: github}
spec:
  organization: acme
  type: GitHub
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
  await using place = await Workplace.make()
  await mkdir(join(place.folder, 'acme'))
  await writeFile(join(place.folder, 'acme', 'acme.yaml'), manifests(peer.url))
  const secret = async (name: string, text: string) => {
    await mkdir(join(place.folder, 'secrets', 'github'), { recursive: true })
    await writeFile(join(place.folder, 'secrets', 'github', name), text)
  }
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
