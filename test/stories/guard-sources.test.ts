import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reconcilersOf } from '../../src/app/world.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { folderReader } from '../../src/source/folder.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 20 }, (_, at) => `p${String(at).padStart(2, '0')}`)
const THIRD = PEOPLE.slice(0, 6)

let root: string
let realm: Realm
let hub: SourceHub
const write = (path: string, kind: string, name: string, spec: object) =>
  writeFileSync(
    join(root, path, `${name}.json`),
    JSON.stringify({ apiVersion: 'roster.dev/v1alpha1', kind, metadata: { name }, spec }),
  )
const point = (path: string) =>
  realm.declare('Source', 'people', { folder: { path: join(root, path) }, prune: true }, { manager: 'local/root' })
/** The source is read, and what came of it is worked out. */
const look = async () => {
  realm.loop.controller('Source')?.wake('people')
  await realm.pass(60_000)
}
const held = async () => {
  const sets = (await realm.store.list('RemovalSet')).items.filter(({ spec }) => spec.state === 'Held')
  const records = await Promise.all(
    sets.flatMap(({ spec }) => spec.removals ?? []).map(key => realm.store.get('Membership', key.split('/')[0] ?? '')),
  )
  return records.map(record => record?.spec.user?.name).sort()
}
const access = async () =>
  (await realm.store.list('Membership')).items.map(({ spec }) => [spec.address, spec.settled, spec.ended]).sort()
const users = async () => (await realm.store.list('User')).items.map(({ metadata }) => metadata.name).sort()

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'roster-guard-sources-'))
  mkdirSync(join(root, 'people/third'), { recursive: true })
  write('people', 'Organization', 'acme', { domains: ['acme.example'] })
  write('people', 'Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  for (const name of PEOPLE)
    write(THIRD.includes(name) ? 'people/third' : 'people', 'User', name, {
      email: `${name}@acme.example`,
      memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
    })
  realm = await openRealm({
    collectFor: 10_000,
    reconcilers: world => {
      hub = new SourceHub({
        changed: name => realm.loop.controller('Source')?.wake(name),
        open: ({ spec }) => folderReader({ path: spec.folder?.path ?? expect.fail('a folder') }),
      })
      return [sourceReconciler(world, { hub, sync: syncRevision }), ...reconcilersOf(world)] as unknown as Reconciler[]
    },
  })
  await point('people')
  await look()
  await realm.clock.advance(2 * DAY)
  expect(await users()).toEqual(PEOPLE)
})
afterEach(async () => {
  await realm[Symbol.asyncDispose]()
  await hub.close()
  rmSync(root, { recursive: true, force: true })
})

describe('a third of the people of a real folder', () => {
  it.each<[string, () => unknown]>([
    ['their folder is moved out of it', () => renameSync(join(root, 'people/third'), join(root, 'third'))],
    [
      'the source is pointed to another folder',
      async () => {
        cpSync(join(root, 'people'), join(root, 'others'), { recursive: true })
        rmSync(join(root, 'others/third'), { recursive: true })
        await point('others')
      },
    ],
  ])('loses nothing when %s, and all is as before when that is taken back', async (_, take) => {
    const before = await access()
    await take()
    await look()
    expect([await held(), await access(), await users()]).toEqual([THIRD, before, PEOPLE])
    mkdirSync(join(root, 'back'))
    cpSync(join(root, 'people'), join(root, 'back'), { recursive: true })
    for (const name of THIRD)
      write('back', 'User', name, {
        email: `${name}@acme.example`,
        memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
      })
    rmSync(join(root, 'back/third'), { recursive: true, force: true })
    await point('back')
    await look()
    expect([await held(), await access(), await users()]).toEqual([[], before, PEOPLE])
  })

  it('loses nothing when their folder is moved within it, or all of it to another path', async () => {
    const before = await access()
    renameSync(join(root, 'people/third'), join(root, 'people/a-third'))
    await look()
    expect([await held(), await access(), await users()]).toEqual([[], before, PEOPLE])
    renameSync(join(root, 'people'), join(root, 'staff'))
    await look()
    expect([await held(), await access(), await users()]).toEqual([[], before, PEOPLE])
    await point('staff')
    await look()
    expect([await held(), await access(), await users()]).toEqual([[], before, PEOPLE])
  })
})
