import { afterEach, describe, expect, test } from 'vitest'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { overlayStore } from '../../../src/store/overlay/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { accountOf, describeStore, userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const manager = 'local/it'
const alice = { kind: 'User' as const, name: 'alice' }

describeStore('overlay over an empty store', async () => {
  const base = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
  await base.create(userOf('passing'), { manager })
  await base.delete({ kind: 'User', name: 'passing' })
  const store = await overlayStore(base, { clock: fakeClock() })
  return {
    store,
    // An overlay remembers all its changes: only what was below is unknown.
    compact: async () => '0',
    close: async () => {
      await store[Symbol.asyncDispose]()
      await base[Symbol.asyncDispose]()
    },
  }
})

describe('an overlay', () => {
  const open: ResourceStore[] = []
  const layers = async () => {
    const base = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
    await base.apply(userOf('alice', { locale: 'de' }), { manager: 'source/hr' })
    await base.create(userOf('bob'), { manager, finalizers: ['x.example/y'] })
    await base.create(accountOf('a-ann'), { manager })
    const over = await overlayStore(base, { clock: fakeClock() })
    open.push(over, base)
    return { base, over }
  }
  /** Everything a store holds. */
  const contents = async (store: ResourceStore) => [
    (await store.list('User')).items,
    (await store.list('Account')).items,
    await store.owners(alice),
    (await store.info()).resourceVersion,
  ]
  afterEach(async () => {
    for (const store of open.splice(0)) await store[Symbol.asyncDispose]()
  })

  test('shows what is below', async () => {
    const { base, over } = await layers()
    expect(await contents(over)).toEqual(await contents(base))
  })

  test('writes of every kind change nothing below', async () => {
    const { base, over } = await layers()
    const before = structuredClone(await contents(base))
    const account = await over.get('Account', 'a-ann')
    const person = await over.get('User', 'alice')
    await over.apply(userOf('alice', { locale: 'en' }), { manager, force: true })
    await over.patchStatus(alice, { state: 'Active' }, { ifUid: person?.metadata.uid ?? '' })
    await over.annotate(alice, { note: 'x' }, { manager })
    await over.replace(
      { kind: 'Account', name: 'a-ann', spec: accountOf('a-ann', 5).spec },
      { ifVersion: account?.metadata.resourceVersion ?? '' },
    )
    await over.create(userOf('carol'), { manager })
    const bob = await over.delete({ kind: 'User', name: 'bob' })
    await over.setFinalizers({ kind: 'User', name: 'bob' }, [], { ifVersion: bob?.metadata.resourceVersion ?? '' })
    await over.bind({ mail: 'folder:/m', publicUrl: 'http://127.0.0.1:8080' })
    await over.events.record({
      ref: alice,
      type: 'Normal',
      reason: 'Sent',
      message: '',
      time: '2026-01-05T09:00:00.000Z',
    })
    const held = await over.lease.acquire({ holder: 'plan', signal: new AbortController().signal })
    await held.markClock('2026-01-05T09:00:00.000Z')

    expect(await contents(base)).toEqual(before)
    expect(await base.events.list()).toEqual([])
    expect(await base.lease.read()).toBeUndefined()
    expect((await over.list('User')).items.map(user => user.metadata.name)).toEqual(['alice', 'carol'])
    expect((await over.get('User', 'alice'))?.spec.locale).toBe('en')
  })

  test('knows who owns what below: no field is taken without force', async () => {
    const { over } = await layers()
    await expect(over.apply(userOf('alice', { locale: 'en' }), { manager })).rejects.toMatchObject({
      fields: [{ field: 'spec.locale', manager: 'source/hr' }],
    })
    const { outcome } = await over.apply(userOf('alice', { locale: 'de' }), { manager: 'source/hr' })
    expect(outcome).toBe('unchanged')
  })

  test('stays at the version it was laid at, whatever is written below', async () => {
    const { base, over } = await layers()
    const before = await over.list('User')
    await base.create(userOf('dan'), { manager })
    await base.delete(alice)
    expect(await over.list('User')).toEqual(before)
    expect((await over.apply(userOf('alice', { locale: 'de' }), { manager: 'source/hr' })).object.metadata.uid).toBe(
      before.items[0]?.metadata.uid,
    )
  })

  test('is at one version over all kinds, also when the store below changes while it is read', async () => {
    const { base } = await layers()
    const opening = overlayStore(base, { clock: fakeClock() })
    await base.create(accountOf('a-first'), { manager })
    await base.create(userOf('zoe'), { manager })
    const over = await opening
    open.push(over)
    const users = (await over.list('User')).items.some(user => user.metadata.name === 'zoe')
    const accounts = (await over.list('Account')).items.some(account => account.metadata.name === 'a-first')
    // The account was made first: who sees the user sees it too.
    expect(users && !accounts).toBe(false)
  })

  test('lies over another overlay too', async () => {
    const { over } = await layers()
    await over.create(userOf('carol'), { manager })
    const higher = await overlayStore(over, { clock: fakeClock() })
    open.push(higher)
    await higher.delete({ kind: 'User', name: 'carol' })
    expect(await over.get('User', 'carol')).toBeDefined()
    expect(await higher.get('User', 'carol')).toBeUndefined()
  })
})
