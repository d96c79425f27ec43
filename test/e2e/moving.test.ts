import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Organization } from '../../src/api/organization.ts'
import type { User } from '../../src/api/user.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { describeWith } from '../parts.ts'
import { newRealm, replicaOf } from './cluster.ts'
import { lettersIn, linkIn, Person, pageText } from './person.ts'
import { eventually, type Workplace } from './process.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')
const PASSWORD = 'correct horse battery staple'

const statuses = async (place: Workplace) => {
  const all: [string, unknown][] = []
  for (const kind of ['organizations', 'roles', 'groups', 'users', 'invitations', 'licensepools'])
    for (const { metadata, status } of (await place.json<{ items: User[] }>('get', kind)).items) {
      const { conditions, ...rest } = status ?? {}
      const told = (conditions ?? []).map(({ type, status: is, reason, message }) => ({ type, is, reason, message }))
      all.push([`${kind}/${metadata.name}`, { ...rest, told, observedGeneration: undefined }])
    }
  return all
}

const signIn = async (place: Workplace, address: string): Promise<string> => {
  const person = new Person(place.url)
  return pageText(await (await person.submit('/sign-in', '/sign-in', { address, password: PASSWORD })).text())
}

describeWith('kube-apiserver', 'a realm in Kubernetes that moves', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
    await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it('into another namespace and into a folder does nothing there, and people sign in as before', async () => {
    const source = await newRealm(cluster)
    await using place = await replicaOf(cluster, source)
    await cp(EXAMPLE, join(place.folder, 'acme'), { recursive: true })
    const mails = (from: Workplace) => lettersIn(join(from.folder, '.roster', 'mail'))
    const running = await place.run('acme')
    const letters = await mails(place)
    const linkOf = (address: string) => {
      const letter = letters.find(({ to }) => to === address)
      if (!letter) throw new Error(`no mail to ${address}`)
      return linkIn(letter)
    }
    await new Person(place.url).accept(linkOf('alice@acme.example'), PASSWORD)
    await new Person(place.url).accept(linkOf('carol@partner.example'), PASSWORD)
    await eventually(
      async () =>
        (await place.json<{ items: User[] }>('get', 'users')).items.filter(({ status }) => status?.state === 'Active')
          .length === 2 || undefined,
      'both are in',
    )
    const file = join(place.folder, 'realm.tar')
    // While it runs.
    const backup = await place.roster('backup', file)
    expect(backup.code, backup.err).toBe(0)
    await running.stop()
    const before = await statuses(place)
    expect(before.length).toBeGreaterThan(30)

    for (const home of [
      await replicaOf(cluster, await newRealm(cluster)),
      await replicaOf(cluster, source, { embedded: true }),
    ]) {
      await using moved = home
      const restored = await moved.roster('restore', file)
      expect(restored.code, restored.err).toBe(0)
      expect(restored.out).toMatch(/^Restored into /)
      const again = await moved.roster('restore', file)
      expect(again.code).toBe(2)
      const controller = await moved.run('--rebind')
      const audit = async () => (await moved.json<{ lines: { action: string }[] }>('audit')).lines
      expect(await mails(moved)).toEqual([])
      expect(await audit()).toEqual([])
      const [organization] = (await moved.json<{ items: Organization[] }>('get', 'organizations')).items
      const ready = organization?.status?.conditions?.find(({ type }) => type === 'Ready')
      expect(ready?.message).toContain('this realm was restored from a backup')
      const approved = await moved.roster('approve', '--reason', 'It is moved', '--apply', '--yes')
      expect(approved.code, approved.err).toBe(0)
      expect(approved.err).toContain('this realm was restored from a backup')
      await eventually(async () => isDeepStrictEqual(await statuses(moved), before) || undefined, 'as before', 60_000)
      expect(new Set((await audit()).map(({ action }) => action))).toEqual(
        new Set(['approval.create', 'restore.approve']),
      )
      expect(await mails(moved)).toEqual([])
      expect(await signIn(moved, 'alice@acme.example')).toContain('Editor')
      const page = await new Person(moved.url).visit(
        new URL(new URL(linkOf('bob@acme.example')).pathname, moved.url).href,
      )
      expect(pageText(await page.text())).toContain('no longer works')
      await controller.stop()
      const planned = await moved.roster('plan', join(place.folder, 'acme'), '--all')
      expect(planned.code, planned.out + planned.err).toBe(0)
    }

    // And away: nothing is left waiting for us.
    const unsure = await place.roster('uninstall')
    expect(unsure.code).not.toBe(0)
    const gone = await place.roster('uninstall', '--yes')
    expect(gone.code, gone.err).toBe(0)
    const { body } = await cluster.ask('GET', `/apis/roster.dev/v1alpha1/namespaces/${source}/users`)
    expect(body.items.length).toBeGreaterThan(10)
    for (const { metadata } of body.items) expect(metadata.finalizers ?? []).toEqual([])
  }, 240_000)
})
