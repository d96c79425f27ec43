import { beforeEach, describe, expect, it } from 'vitest'
import { canDo, suspensionOf } from '../../src/decide/can.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'

const PEOPLE = Array.from({ length: 12 }, (_, at) => `p${String(at).padStart(2, '0')}`)
/** A third that was suspended long ago. */
const SUSPENDED = PEOPLE.slice(0, 8)
let realm: Realm
const address = (name: string) => `${name}@acme.example`
const declare = (name: string, suspended: boolean) =>
  realm.declare('User', name, {
    email: address(name),
    suspended,
    memberships: [{ organization: 'acme', roles: ['editor'], join: 'None' }],
  })
const settled = async (name: string) => (await realm.membership('acme', address(name)))?.settled
const may = async (name: string) => {
  const spec = await realm.membership('acme', address(name))
  const user = await realm.store.get('User', name)
  return canDo({
    permission: 'documents:read',
    chain: ['acme'],
    memberships: spec ? [spec] : [],
    suspended: suspensionOf(user),
    now: realm.clock.now(),
  })
}
const sets = async () => (await realm.store.list('RemovalSet')).items

/** The records as they were written before suspensions were settled: in force as soon as declared, and nothing of it in the record. */
beforeEach(async () => {
  realm = await openRealm()
  await realm.declare('Organization', 'acme', {})
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  for (const name of PEOPLE) await declare(name, SUSPENDED.includes(name))
  await realm.run()
  for (const name of SUSPENDED)
    await realm.portal('acme', address(name), ({ settled, ...spec }) => {
      const { suspended: _, ...rest } = settled ?? { roles: [], groups: [], permissions: [], time: '' }
      return { ...spec, settled: rest }
    })
  return async () => realm[Symbol.asyncDispose]()
})

describe('somebody who was suspended before suspensions were settled', () => {
  it('is let in at no moment between the upgrade and the first pass', async () => {
    for (const name of SUSPENDED) expect(await may(name)).toMatchObject({ may: false, because: 'Suspended' })
    expect(await may('p11')).toMatchObject({ may: true })
  })

  it('is suspended by the record after the first pass: nothing is held as if it were new', async () => {
    await realm.restart()
    await realm.runAll()
    for (const name of SUSPENDED) expect((await settled(name))?.suspended).toBe(true)
    expect((await settled('p11'))?.suspended).toBeUndefined()
    expect(await sets()).toEqual([])
    const { resourceVersion } = await realm.store.info()
    await realm.restart()
    await realm.runAll()
    expect((await realm.store.info()).resourceVersion).toBe(resourceVersion)
    // It counts against no budget, and is taken back like any other.
    await declare('p00', false)
    await realm.run()
    expect(await may('p00')).toMatchObject({ may: true })
  })

  it('does not open a way around the guard: whoever is suspended now is held as ever', async () => {
    await realm.restart()
    await realm.runAll()
    for (const name of PEOPLE.slice(0, 8)) await declare(name, false)
    await realm.run()
    for (const name of PEOPLE.slice(0, 8)) await declare(name, true)
    await realm.run()
    expect((await sets()).map(({ spec }) => [spec.state, spec.people])).toEqual([['Held', 8]])
    for (const name of PEOPLE) expect(await may(name)).toMatchObject({ may: true })
  })
})
