import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SCHEMAS } from '../../../src/api/generated/schemas.ts'
import type { DeclaredKind } from '../../../src/api/names.ts'
import { ANNOTATIONS, DECLARED_KINDS } from '../../../src/api/names.ts'
import { directoryReconciler } from '../../../src/reconcilers/directory.ts'
import { groupReconciler } from '../../../src/reconcilers/group.ts'
import { invitationReconciler } from '../../../src/reconcilers/invitation.ts'
import { licensePoolReconciler } from '../../../src/reconcilers/licensepool.ts'
import { organizationReconciler } from '../../../src/reconcilers/organization.ts'
import { roleReconciler } from '../../../src/reconcilers/role.ts'
import { sourceReconciler } from '../../../src/reconcilers/source.ts'
import { userReconciler } from '../../../src/reconcilers/user.ts'
import type { Reconciler } from '../../../src/runtime/reconciler.ts'
import { SourceHub } from '../../../src/source/hub.ts'
import type { Revision } from '../../../src/source/revision.ts'
import { syncRevision } from '../../../src/source/sync.ts'
import { openKubernetesStore } from '../../../src/store/kubernetes/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { fakeClock } from '../../fakes/clock.ts'
import { fakeDirectory } from '../../fakes/directories.ts'
import { openRealm, type Realm } from '../../fakes/realm.ts'
import { startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { installCrds, newNamespace } from '../../kube/crds.ts'
import { type Health, healthOf } from '../../kube/health.ts'
import { describeWith } from '../../parts.ts'

const CURRENT = { kstatus: 'Current', argo: 'Healthy' }
const IN_PROGRESS = { kstatus: 'InProgress', argo: 'Progressing' }
const FAILED = { kstatus: 'Failed', argo: 'Degraded' }

describeWith('kube-apiserver', 'what kstatus and Argo CD make of a realm', () => {
  describeWith('kube-health', 'by their own code', () => {
    let cluster: TestCluster
    let store: ResourceStore
    let realm: Realm
    let namespace: string
    let read: Revision
    beforeAll(async () => {
      cluster = await startCluster()
      await installCrds(cluster)
    })
    afterAll(() => cluster[Symbol.asyncDispose]())
    afterEach(async () => {
      await realm?.[Symbol.asyncDispose]()
      await store?.[Symbol.asyncDispose]()
    })

    const hub = () =>
      new SourceHub({
        changed: () => undefined,
        open: () => ({ read: async () => read, watch: () => () => undefined, close: async () => undefined }),
      })
    const everything = (world: Realm['world']): Reconciler[] =>
      [
        organizationReconciler(world),
        roleReconciler(world),
        groupReconciler(world),
        userReconciler(world),
        invitationReconciler(world),
        licensePoolReconciler(world),
        sourceReconciler(world, { hub: hub(), sync: syncRevision }),
        directoryReconciler(world, { driver: async () => fakeDirectory(), release: async () => undefined }),
      ] as unknown as Reconciler[]

    const open = async () => {
      namespace = await newNamespace(cluster)
      store = await openKubernetesStore({
        kubeconfig: cluster.kubeconfig,
        namespace,
        clock: { now: () => Date.now() },
      })
      realm = await openRealm({ store, clock: fakeClock(new Date().toISOString()), reconcilers: everything })
    }

    const path = (kind: DeclaredKind, name = '') =>
      `/apis/roster.dev/v1alpha1/namespaces/${namespace}/${SCHEMAS[kind].plural}/${name}`
    /** Every declared object, as the API server sends it to anybody. */
    const health = async (): Promise<Record<string, Health>> => {
      const objects: unknown[] = []
      for (const kind of DECLARED_KINDS) {
        const { body } = await cluster.ask('GET', path(kind).replace(/\/$/, ''))
        for (const item of body.items) objects.push({ apiVersion: 'roster.dev/v1alpha1', kind, ...item })
      }
      return healthOf(objects)
    }

    const person = (name: string, membership: object = {}, spec: object = {}) =>
      realm.declare('User', name, {
        email: `${name}@acme.example`,
        memberships: [{ organization: 'acme', roles: ['editor'], ...membership }],
        ...spec,
      })

    const base = async () => {
      await realm.declare('Organization', 'acme', { displayName: 'Acme GmbH', domains: ['acme.example'] })
      await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
    }

    test('a thing just made is in progress, of every kind; so is one whose spec has changed since', async () => {
      await open()
      await base()
      await realm.declare('Group', 'platform', { organization: 'acme', members: [] })
      await realm.declare('LicensePool', 'suite', { organization: 'acme', product: 'CloudHub', seats: 1 })
      await realm.declare('Invitation', 'carol', { email: 'carol@partner.example', organization: 'acme' })
      await realm.declare('Source', 'other', { folder: { path: '/srv/other' } })
      await realm.declare('Directory', 'hr', {
        organization: 'acme',
        type: 'File',
        file: { path: 'people.csv', columns: { id: 'number' } },
        policy: 'Observe',
      })
      await realm.declare('Approval', 'clean-up', {
        organization: 'acme',
        releases: `sha256:${'0'.repeat(64)}`,
        reason: 'Nothing is held',
        expirationTime: new Date(realm.clock.now() + 3_600_000).toISOString(),
      })
      await person('alice')
      const fresh = await health()
      expect(Object.keys(fresh)).toHaveLength(DECLARED_KINDS.length)
      for (const one of Object.values(fresh)) expect(one).toEqual(IN_PROGRESS)

      read = { outcome: 'Complete', id: 'one', manifests: [], findings: [] }
      await realm.run()
      // Carol and Alice are asked and have not answered: nobody has to wait for them.
      for (const [name, one] of Object.entries(await health())) expect([name, one]).toEqual([name, CURRENT])

      await person('alice', { roles: [] })
      expect((await health())['User/alice']).toEqual(IN_PROGRESS)
      await realm.run()
      expect((await health())['User/alice']).toEqual(CURRENT)
    }, 60_000)

    test('whoever waits for a person, a seat, a time or a limit is current; what is paused too', async () => {
      await open()
      await base()
      await realm.declare('Organization', 'small', {
        displayName: 'Small',
        invitations: { dailyLimitPerInviter: 1 },
      })
      await realm.declare('LicensePool', 'suite', {
        organization: 'acme',
        product: 'CloudHub',
        seats: 1,
        selector: {},
        reserveForInvited: true,
      })
      await person('alice')
      await person('bob')
      await person('later', { from: '2099-01-01' })
      for (const name of ['first', 'second'])
        await realm.declare('Invitation', name, { email: `${name}@partner.example`, organization: 'small' })
      await person('paused')
      await store.annotate({ kind: 'User', name: 'paused' }, { [ANNOTATIONS.pause]: 'true' }, { manager: 'local/ann' })
      await realm.run()

      const ready = async (kind: DeclaredKind, name: string) => {
        const { status } = (await store.get(kind, name)) ?? {}
        return status?.conditions?.find(({ type }) => type === 'Ready')?.reason
      }
      expect(await ready('User', 'alice')).toBe('WaitingForPerson')
      expect(await ready('User', 'later')).toBe('WaitingForTime')
      expect(await ready('User', 'paused')).toBe('Paused')
      expect(await ready('LicensePool', 'suite')).toBe('WaitingForSeat')
      expect([await ready('Invitation', 'first'), await ready('Invitation', 'second')].sort()).toEqual([
        'WaitingForPerson',
        'WaitingForTime',
      ])
      const { 'User/paused': paused, ...rest } = await health()
      expect(paused).toEqual({ kstatus: 'Current', argo: 'Suspended' })
      for (const [name, one] of Object.entries(rest)) expect([name, one]).toEqual([name, CURRENT])
    }, 60_000)

    test('what somebody must mend has failed', async () => {
      await open()
      await base()
      for (const [name, parent, child] of [
        ['one', 'three', 'two'],
        ['two', 'one', 'three'],
        ['three', 'two', 'one'],
      ] as const)
        await realm.declare('Organization', name, { displayName: name, parent, children: [child] })
      await realm.declare('Role', 'lost', { organization: 'nowhere' })
      await realm.declare('Group', 'lost', { organization: 'acme', groups: ['nowhere'] })
      await realm.declare('LicensePool', 'lost', {
        organization: 'acme',
        product: 'CloudHub',
        seats: 1,
        selector: { roles: ['nowhere'] },
      })
      await person('lost', { organization: 'nowhere' })
      await realm.declare('Invitation', 'lost', {
        email: 'lost@partner.example',
        organization: 'acme',
        roles: ['nowhere'],
      })
      await realm.declare('Invitation', 'refused', { email: 'refused@partner.example', organization: 'acme' })
      realm.mailer.answers = () => ({ outcome: 'Refused', response: '550 no such user' })
      await realm.declare('Source', 'broken', { folder: { path: '/srv/people' } })
      read = { outcome: 'Failed', reason: 'InvalidSpec', message: 'users/alice.yaml:1:1 no kind', findings: [] }
      await realm.run()
      const { 'Organization/acme': acme, 'Role/editor': editor, ...broken } = await health()
      expect([acme, editor]).toEqual([CURRENT, CURRENT])
      // Whoever was invited and whom nobody declares has a User, which is in order in itself.
      const declared = Object.entries(broken).filter(([name]) => !/^User\/(?!lost)/.test(name))
      expect(declared).toHaveLength(10)
      for (const [name, one] of declared) expect([name, one]).toEqual([name, FAILED])
    }, 60_000)

    test('a source that cannot be reached is tried again, and in progress', async () => {
      await open()
      await realm.declare('Source', 'people', { folder: { path: '/srv/people' } })
      read = { outcome: 'Failed', reason: 'Unreachable', message: 'the server does not answer', findings: [] }
      await realm.run()
      expect((await health())['Source/people']).toEqual(IN_PROGRESS)
    }, 60_000)

    test('what is being deleted is going, until Roster lets it go', async () => {
      await open()
      await base()
      await person('alice')
      await realm.run()
      await realm.remove('User', 'alice')
      expect((await health())['User/alice']?.kstatus).toBe('Terminating')
      await realm.run()
      expect((await health())['User/alice']).toBeUndefined()
    }, 60_000)
  })
})
