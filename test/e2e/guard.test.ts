import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import type { Approval } from '../../src/api/approval.ts'
import type { Membership } from '../../src/api/membership.ts'
import type { RemovalSet } from '../../src/api/removalset.ts'
import type { User } from '../../src/api/user.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { eventually, type Workplace } from './process.ts'

const PEOPLE = Array.from({ length: 9 }, (_, at) => `p${at}`)
const SEVEN = PEOPLE.slice(0, 7)
const thing = (kind: string, name: string, spec: string) =>
  `apiVersion: roster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`
const person = (name: string) =>
  thing('User', name, `{email: ${name}@acme.example, memberships: [{organization: acme, roles: [editor], join: None}]}`)
const REALM = [
  thing('Organization', 'acme', '{displayName: Acme}'),
  thing('Role', 'editor', '{organization: acme, allow: ["documents:*"]}'),
]

const yes = (is: boolean): true | undefined => is || undefined
const heldIn = async (place: Workplace): Promise<RemovalSet[]> =>
  (await place.json<{ items: RemovalSet[] }>('get', 'removalsets')).items.filter(({ spec }) => spec.state === 'Held')
/** Roles in force by person, `p0:1 p1:1`. */
const rolesIn = async (place: Workplace): Promise<string> =>
  (await place.json<{ items: Membership[] }>('get', 'memberships')).items
    .flatMap(({ spec }) => (spec.ended ? [] : [`${spec.user?.name}:${spec.settled?.roles.length}`]))
    .sort()
    .join(' ')
const ALL = PEOPLE.map(name => `${name}:1`).join(' ')
const LEFT = 'p7:1 p8:1'

describeWith('kubectl', 'the guard in Kubernetes', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** The real one, on one namespace. */
  const kubectlOf =
    (namespace: string) =>
    (input: string, ...args: string[]) =>
      new Promise<{ code: number; text: string }>(resolve => {
        const env = { ...process.env, KUBECONFIG: cluster.kubeconfig }
        const child = execFile(
          kubectlPath('kubectl') ?? 'kubectl',
          [...args, '-n', namespace],
          { env },
          (error, out, err) => resolve({ code: error ? Number(error.code ?? 1) : 0, text: out + err }),
        )
        child.stdin?.end(input)
      })

  it('holds what kubectl deletes, shows it to kubectl, and lets it go by an Approval that kubectl applies', async () => {
    const namespace = await newRealm(cluster)
    const kubectl = kubectlOf(namespace)
    await using place = await replicaOf(cluster, namespace)
    const made = await kubectl([...REALM, ...PEOPLE.map(person)].join('---\n'), 'apply', '-f', '-')
    expect(made.code, made.text).toBe(0)
    const running = await place.run()
    await eventually(async () => yes((await rolesIn(place)) === ALL), 'all belong', 60_000)

    const deleted = await kubectl('', 'delete', 'user', ...SEVEN, '--wait=false')
    expect(deleted.code, deleted.text).toBe(0)
    const [set] = await eventually(
      async () => {
        const held = await heldIn(place)
        return yes(held.length > 0) && held
      },
      'the deletions are held',
      60_000,
    )
    expect(set?.spec).toMatchObject({ organization: 'acme', producer: 'controller', people: 7, reason: 'Budget' })
    // The API server keeps each, because of the finalizer; nobody lost anything.
    for (const name of SEVEN) {
      const user = await place.json<User>('get', 'user', name)
      expect(user.metadata.deletionTimestamp).toBeDefined()
      expect(user.status?.conditions?.find(({ type }) => type === 'RemovalsHeld')).toMatchObject({ status: 'True' })
    }
    expect(await rolesIn(place)).toBe(ALL)
    const shown = await kubectl('', 'get', 'removalsets')
    expect(shown.text).toMatch(/NAME\s+ORGANIZATION\s+STATE\s+PEOPLE\s+PRODUCER\s+BECAUSE/)
    expect(shown.text).toMatch(/acme\s+Held\s+7\s+controller\s+7 people would lose something in acme, and 5 may/)

    // Whoever only looks writes nothing: says so the audit log of the API server.
    const settled = async () => yes((await cluster.writes()).filter(line => !line.includes('leases')).length === 0)
    await eventually(settled, 'the loop is at rest', 60_000)
    const looks = await Promise.all([
      place.roster('approve', 'acme', '--reason', 'clean-up'),
      place.roster('describe', 'removalset', set?.metadata.name ?? ''),
      place.roster('why', 'p0'),
    ])
    expect(looks.map(({ code }) => code)).toEqual([0, 0, 0])
    const [printed, described, why] = looks
    for (const { out, err } of [printed, described, why]) expect(out + err).toContain('roster approve acme')
    expect((await cluster.writes()).filter(line => !line.includes('leases'))).toEqual([])

    const applied = await kubectl(printed.out, 'apply', '-f', '-')
    expect(applied.code, applied.text).toBe(0)
    for (const name of SEVEN) {
      const gone = await kubectl('', 'wait', '--for=delete', `user/${name}`, '--timeout=60s')
      expect(gone.code, gone.text).toBe(0)
    }
    expect(await rolesIn(place)).toBe(LEFT)
    expect((await kubectl('', 'get', 'approvals')).text).toMatch(/acme\s+Used\s+clean-up/)
    // Used is used, and cannot be made to release anything else.
    const again = await kubectl(printed.out.replace(/sha256:[0-9a-f]+/, `sha256:${'0'.repeat(64)}`), 'apply', '-f', '-')
    expect(again.text).toMatch(/immutable|cannot be changed/)
    await running.stop()
  }, 240_000)

  it('holds what is gone from a folder, plans it without a write, and lets it go by `roster approve --apply`', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    const folder = join(place.folder, 'people')
    await mkdir(folder)
    const write = (people: readonly string[]) =>
      writeFile(join(folder, 'people.yaml'), [...REALM, ...people.map(person)].join('---\n'))
    await write(PEOPLE)
    const first = await place.roster('apply', 'people', '--prune')
    expect(first.code, first.err).toBe(0)
    await write(PEOPLE.slice(7))
    await cluster.writes()
    const plan = await place.roster('plan', 'people', '--prune')
    expect(plan.code, plan.err).toBe(1)
    expect(plan.out).toContain('! acme: 7 people keep what source/default takes')
    expect(await cluster.writes()).toEqual([])

    const held = await place.roster('apply', 'people', '--prune')
    expect(held.code, held.err).toBe(1)
    expect(held.err).toContain('! acme: 7 people keep what source/default takes')
    expect(await rolesIn(place)).toBe(ALL)

    const running = await place.run()
    const approved = await place.roster('approve', 'acme', '--reason', 'clean-up', '--apply', '--yes')
    expect(approved.code, approved.err).toBe(0)
    expect(approved.out).toMatch(/^approval\/acme-[a-z2-7]{10} released what was held in acme\n$/)
    await eventually(async () => yes((await rolesIn(place)) === LEFT), 'they are gone', 60_000)
    const { items } = await place.json<{ items: Approval[] }>('get', 'approvals')
    expect(items.map(({ status }) => status?.state)).toEqual(['Used'])
    await running.stop()
  }, 240_000)

  it('has `apply` beside a running controller wait for its decision, and tell it', async () => {
    const namespace = await newRealm(cluster)
    await using place = await replicaOf(cluster, namespace)
    await writeFile(join(place.folder, 'people.yaml'), [...REALM, ...PEOPLE.map(person)].join('---\n'))
    const running = await place.run()
    expect((await place.roster('apply', 'people.yaml')).code).toBe(0)
    await writeFile(
      join(place.folder, 'people.yaml'),
      [...REALM, ...PEOPLE.map(name => person(name).replace('[editor]', '[]'))].join('---\n'),
    )
    const held = await place.roster('apply', 'people.yaml')
    expect(held.code, held.err + held.out).toBe(1)
    expect(held.err).toContain('! acme: 9 people keep what source/default takes')
    expect(await rolesIn(place)).toBe(ALL)
    await running.stop()
  }, 240_000)
})
