import { execFile } from 'node:child_process'
import { appendFile, cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../../scripts/setup/kubectl.mjs'
import { FINALIZER } from '../../../src/api/names.ts'
import { newRealm, replicaOf } from '../../e2e/cluster.ts'
import { eventually } from '../../e2e/process.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const EXAMPLE = join(root, 'examples', 'acme')

describeWith('kubectl', 'kubectl', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** The real one, on one namespace. */
  const kubectlOf =
    (namespace: string, folder?: string) =>
    (...args: string[]) =>
      new Promise<{ code: number; text: string }>(resolve => {
        const env = {
          ...process.env,
          KUBECONFIG: cluster.kubeconfig,
          ROSTER_NAMESPACE: namespace,
          PATH: `${folder ?? ''}:${process.env.PATH}`,
        }
        // A plugin comes first and takes the namespace from the environment: kubectl allows no flag before its name.
        const all = args[0] === 'roster' ? args : [...args, '-n', namespace]
        execFile(kubectlPath('kubectl') ?? 'kubectl', all, { env, cwd: root }, (error, out, err) =>
          resolve({ code: error ? Number(error.code ?? 1) : 0, text: out + err }),
        )
      })

  it.each([
    ['the client', []],
    ['the server', ['--server-side']],
  ])(
    'applies a realm on the side of %s, waits for it, shows it, and deletes from it',
    async (_, side) => {
      const namespace = await newRealm(cluster)
      await using place = await replicaOf(cluster, namespace)
      const kubectl = kubectlOf(namespace)
      const applied = await kubectl('apply', '-R', '-f', EXAMPLE, ...side)
      expect(applied.code, applied.text).toBe(0)
      const again = await kubectl('apply', '-R', '-f', EXAMPLE, ...side)
      expect(again.code, again.text).toBe(0)

      const running = await place.run()
      const waited = await kubectl('wait', '--for=condition=Ready', 'user/alice', 'organization/acme', '--timeout=60s')
      expect(waited.code, waited.text).toBe(0)
      const all = await kubectl('get', 'roster')
      for (const one of ['user.roster.dev/alice', 'organization.roster.dev/acme', 'membership.roster.dev/m-'])
        expect(all.text).toContain(one)
      expect((await kubectl('get', 'inv,usr')).text).toMatch(/user\.roster\.dev\/alice\s.*alice@acme\.example/)
      expect((await kubectl('explain', 'invitation.spec')).text).toContain('validFor')
      await eventually(
        async () => (await kubectl('describe', 'invitation', 'carol')).text.match(/Normal\s+Sent\s/) ?? undefined,
        'describe shows what happened',
      )

      expect((await running.stop()).code).toBe(0)
      expect((await kubectl('delete', 'user', 'alice', '--wait=false')).text).toContain('deleted')
      const held = await kubectl('get', 'user', 'alice', '-o', 'jsonpath={.metadata.finalizers}')
      expect(held.text).toBe(JSON.stringify([FINALIZER]))
      const resumed = await place.run()
      expect((await kubectl('wait', '--for=delete', 'user/alice', '--timeout=60s')).code).toBe(0)
      await resumed.stop()
    },
    180_000,
  )

  it('loses a field that a source declares, and an Event says to whom', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const kubectl = kubectlOf(namespace)
    await cp(EXAMPLE, join(place.folder, 'acme'), { recursive: true })
    const running = await place.run('acme')
    const before = await kubectl('get', 'user', 'alice', '-o', 'jsonpath={.spec.email}')
    expect(before.text).toBe('alice@acme.example')
    const patch = '{"spec":{"email":"mallory@acme.example"}}'
    expect((await kubectl('patch', 'user', 'alice', '--type=merge', '-p', patch)).code).toBe(0)
    // At the next look at the source: here, when something in it changes.
    await appendFile(join(place.folder, 'acme', 'users', 'alice.yaml'), '# seen\n')
    const told = await eventually(
      async () => (await kubectl('describe', 'user', 'alice')).text.match(/TakenBack.*/)?.[0],
      'the Event',
      15_000,
    )
    expect(told).toContain('kubectl-patch')
    expect((await kubectl('get', 'user', 'alice', '-o', 'jsonpath={.spec.email}')).text).toBe(before.text)
    await running.stop()
  }, 180_000)

  it('counts as one inviter, by whatever manager it writes', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const kubectl = kubectlOf(namespace)
    expect((await kubectl('apply', '-R', '-f', EXAMPLE)).code).toBe(0)
    const running = await place.run()
    await eventually(async () => {
      const { text } = await kubectl('get', 'memberships', '-o', 'jsonpath={.items[*].spec.attempts[*].actor}')
      const actors = new Set(text.trim().split(/\s+/))
      return text.trim() !== '' && actors.size === 1 && actors.has('namespace') ? true : undefined
    }, 'all mails count for one')
    await running.stop()
  }, 120_000)

  it('has Roster as a plugin, on the cluster that it is on itself', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const bin = join(place.folder, 'bin')
    await mkdir(bin)
    await symlink(join(root, 'scripts', 'roster.mjs'), join(bin, 'kubectl-roster'))
    const kubectl = kubectlOf(namespace, bin)
    expect((await kubectl('apply', '-R', '-f', EXAMPLE)).code).toBe(0)
    const running = await place.run()
    const why = await kubectl('roster', 'why', 'alice')
    expect(why.code, why.text).toBe(0)
    expect(why.text).toContain('alice@acme.example')
    await running.stop()
  }, 120_000)
})
