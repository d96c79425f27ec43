import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { openPlace, type Place } from '../../cli/command-line.ts'
import { newRealm } from '../../e2e/cluster.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'
import { organizationYaml, roleYaml, type TestRepository, testRepository } from '../../source/repository.ts'

const userYaml = (name: string, more: Record<string, unknown> = {}): string =>
  `apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: ${name}}\nspec: ${JSON.stringify({
    email: `${name}@acme.example`,
    memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
    ...more,
  })}\n`

describeWith('kube-apiserver', 'verbs that ask and that put back, in a cluster', () => {
  let cluster: TestCluster
  let root: string
  let repository: TestRepository
  let place: Place
  let store: ResourceStore
  let environment: NodeJS.ProcessEnv
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
    root = mkdtempSync(join(tmpdir(), 'roster-verbs-'))
    repository = testRepository(root)
    repository.commit({
      'acme.yaml': organizationYaml,
      'editor.yaml': roleYaml('editor').replace('"acme"', '"acme","allow":["documents:*"]'),
      'bea.yaml': userYaml('bea'),
    })
    const namespace = await newRealm(cluster)
    const { PATH } = process.env
    environment = {
      PATH,
      ROSTER_KUBERNETES: 'true',
      ROSTER_KUBECONFIG: cluster.kubeconfig,
      ROSTER_NAMESPACE: namespace,
    }
    store = await openKubernetesStore({ kubeconfig: cluster.kubeconfig, namespace, clock: { now: () => Date.now() } })
    place = openPlace()
    const { code, err } = await apply()
    expect(code, err).toBe(0)
  }, 120_000)
  afterAll(async () => {
    await store?.[Symbol.asyncDispose]()
    place?.[Symbol.dispose]()
    rmSync(root, { recursive: true, force: true })
    await cluster[Symbol.asyncDispose]()
  })

  const run = (...args: string[]) => place.runWith({ environment }, ...args)
  const apply = () => run('apply', `file://${repository.bare}`, '--source', 'people')
  const user = async (name: string) => (await store.get('User', name))?.spec
  const newest = async () => JSON.parse((await run('runs', '-o', 'json')).out).runs.at(-1)

  test('why, can, runs: to the commit and its author', async () => {
    const commit = repository.git('rev-parse', '--short=12', 'HEAD')
    const why = await run('why', 'bea', 'editor')
    expect(why.code, why.err).toBe(0)
    expect(why.out).toContain(`declared in bea.yaml:1@${commit} by Ada (source people)`)
    expect((await run('why', 'bea', 'email')).out).toContain(`declared in bea.yaml:1@${commit} by Ada (source people)`)
    const yes = await run('can', 'bea', 'documents:write', '--in', 'acme')
    expect([yes.code, yes.out], yes.err).toEqual([0, 'yes\n'])
    expect((await run('can', 'bea', 'users:delete', '--in', 'acme')).code).toBe(1)
    expect(await newest()).toMatchObject({ number: 1, source: 'people', author: 'Ada', committer: 'Ada', created: 3 })
  })

  test('freeze, unfreeze', async () => {
    const frozen = async () => (await store.get('Organization', 'acme'))?.spec.frozen
    expect((await run('freeze', 'acme')).code).toBe(0)
    expect(await frozen()).toBe(true)
    expect((await run('unfreeze', 'acme')).code).toBe(0)
    expect(await frozen()).not.toBe(true)
  })

  test('undo, where what was before is kept; elsewhere it names the commit to revert', async () => {
    const commit = repository.commit({ 'bea.yaml': userYaml('bea', { displayName: 'Queen' }) }, undefined, 'Mallory')
    expect((await apply()).code).toBe(0)
    expect((await user('bea'))?.displayName).toBe('Queen')
    const { number, author } = await newest()
    expect(author).toBe('Mallory')
    {
      using elsewhere = openPlace()
      const refused = await elsewhere.runWith({ environment }, 'undo', String(number), '--yes')
      expect(refused.code).toBe(2)
      expect(refused.err).toContain('is gone with a pod that was replaced')
      expect(refused.err).toContain(`git revert ${commit}`)
    }
    const undone = await run('undo', String(number), '--yes')
    expect(undone.code, undone.err).toBe(0)
    expect((await user('bea'))?.displayName).toBeUndefined()
  })

  test('offboard: what a hand wrote ends; what a source declares is named, to file and line', async () => {
    expect((await run('offboard', 'bea', '--dry-run')).err).toContain('bea.yaml:1')
    await store.create(
      {
        kind: 'User',
        metadata: { name: 'dan' },
        spec: { email: 'dan@acme.example', memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }] },
      },
      { manager: 'local/ann' },
    )
    const { code, err } = await run('offboard', 'dan', '--yes')
    expect(code, err).toBe(0)
    expect((await user('dan'))?.memberships).toEqual([
      expect.objectContaining({ organization: 'acme', state: 'Ended' }),
    ])
  })
})
