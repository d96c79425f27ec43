import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { User } from '../../src/api/user.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { lettersIn } from './person.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')
const API = 'apis/roster.dev/v1alpha1'

describeWith('kube-apiserver', 'a plan in a file, of a realm in Kubernetes', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  }, 120_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('is made without a write, applied exactly, and refused with who wrote what when something moved', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const acme = join(place.folder, 'acme')
    await cp(EXAMPLE, acme, { recursive: true })
    const edit = async (file: string, from: string, to: string) => {
      const text = await readFile(join(acme, file), 'utf8')
      expect(text).toContain(from)
      await writeFile(join(acme, file), text.replace(from, to))
    }
    const apply = () => place.roster('apply', 'acme', '--plan', 'people.plan')

    // The first of a realm: there is nothing yet, and it makes everything.
    await cluster.writes()
    const first = await place.roster('plan', 'acme', '--out', 'people.plan')
    expect(first.code, first.err).toBe(1)
    expect(await cluster.writes()).toEqual([])
    const made = await apply()
    expect(made.code, made.out + made.err).toBe(0)
    expect(made.out).toContain('All that was planned to follow has followed.')
    expect(await lettersIn(join(place.folder, '.roster', 'mail'))).toHaveLength(12)

    // An edit, with a person who goes: only those objects are written for the source.
    await edit('users/priya.yaml', '{organization: acme}', '{organization: acme, roles: [viewer]}')
    await edit('groups.yaml', 'members: [kim]', 'members: []')
    await rm(join(acme, 'users', 'kim.yaml'))
    await cluster.writes()
    const planned = await place.roster('plan', 'acme', '--prune', '--all', '--out', 'people.plan')
    expect(planned.code, planned.err).toBe(1)
    expect(await cluster.writes()).toEqual([])
    const { realm, writes } = JSON.parse(await readFile(join(place.folder, 'people.plan'), 'utf8'))
    expect(realm.id).toMatch(/./)
    expect(writes.map(({ action, kind, name }: Record<string, string>) => `${action} ${kind}/${name}`)).toEqual([
      'update Group/readers',
      'update User/priya',
      'delete User/kim',
    ])

    // Somebody else writes a field of priya meanwhile, as `kubectl edit` does.
    const path = `/${API}/namespaces/${namespace}/users/priya`
    const touched = await cluster.ask(
      'PATCH',
      `${path}?fieldManager=kubectl-edit`,
      { spec: { locale: 'de' } },
      'application/merge-patch+json',
    )
    expect(touched.code).toBe(200)
    await cluster.writes()
    const refused = await apply()
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('User/priya: spec.locale was changed by kubectl-edit')
    expect(await cluster.writes()).toEqual([])

    // Planned anew, it is done; what Roster writes of itself meanwhile makes no plan stale.
    expect((await place.roster('plan', 'acme', '--prune', '--out', 'people.plan')).code).toBe(1)
    await cluster.ask('PATCH', `${path}/status`, { status: null }, 'application/merge-patch+json')
    await cluster.writes()
    const applied = await apply()
    expect(applied.code, applied.out + applied.err).toBe(0)
    expect(applied.out).toContain('Group/readers changed\nUser/priya changed\nUser/kim deleted\n')
    // Of kim, who is deleted, the finalizer is let go.
    const declared = (await cluster.writes()).filter(write =>
      /^(create|patch|update|delete) (users|groups|roles|organizations|licensepools)\/[^/]+$/.test(write),
    )
    expect(new Set(declared.filter(write => !write.startsWith('update')))).toEqual(
      new Set(['patch groups/readers', 'patch users/priya', 'delete users/kim', 'patch users/kim']),
    )
    expect((await place.json<User>('get', 'user', 'priya')).spec.locale).toBe('de')
    expect((await place.roster('plan', 'acme', '--prune', '--all')).code).toBe(0)

    // Another realm of the same cluster refuses it.
    await using other = await replicaOf(cluster, await newRealm(cluster))
    await cp(acme, join(other.folder, 'acme'), { recursive: true })
    await other.roster('apply', 'acme')
    await writeFile(join(other.folder, 'people.plan'), await readFile(join(place.folder, 'people.plan')))
    const foreign = await other.roster('apply', 'acme', '--plan', 'people.plan')
    expect(foreign.code).toBe(1)
    expect(foreign.err).toContain('the plan was made for another realm than namespace')
  }, 240_000)

  it('is applied beside a running controller, which does what follows', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const acme = join(place.folder, 'acme')
    await cp(EXAMPLE, acme, { recursive: true })
    expect((await place.roster('apply', 'acme')).code).toBe(0)
    const running = await place.run()
    const text = await readFile(join(acme, 'users', 'priya.yaml'), 'utf8')
    await writeFile(join(acme, 'users', 'priya.yaml'), text.replace('priya@acme.example', 'priya.new@acme.example'))
    expect((await place.roster('plan', 'acme', '--out', 'people.plan')).code).toBe(1)
    const applied = await place.roster('apply', 'acme', '--plan', 'people.plan')
    expect(applied.code, applied.out + applied.err).toBe(0)
    expect(applied.out).toContain('All that was planned to follow has followed.')
    const letters = await lettersIn(join(place.folder, '.roster', 'mail'))
    expect(letters.filter(({ to }) => to === 'priya.new@acme.example')).toHaveLength(1)
    await running.stop()
  }, 120_000)
})
