import { describe, expect, it } from 'vitest'
import type { AnyResource } from '../../src/api/kinds.ts'
import type { Kind } from '../../src/api/names.ts'
import { Informer, type InformerOptions } from '../../src/runtime/informer.ts'
import type { ObjectChange } from '../../src/runtime/view.ts'
import { GoneError, StoreUnusableError } from '../../src/store/errors.ts'
import type { WatchEvent } from '../../src/store/store.ts'
import { fakeClock, settled } from '../fakes/clock.ts'
import fc from '../properties.ts'
import { group, type ScriptedStore, scriptedStore } from './scriptedstore.ts'

const open = async (store: ScriptedStore, options: Partial<InformerOptions> = {}) => {
  const clock = fakeClock()
  const informer = new Informer({
    store,
    kinds: ['Group'],
    indexes: { Group: { member: each => each.spec.members ?? [] } },
    clock,
    random: () => 0.5,
    ...options,
  })
  const changes: ObjectChange[] = []
  informer.onChange(change => changes.push(change))
  const { ended } = await informer.start()
  await settled()
  /** What the cache holds: name → version. */
  const held = () =>
    Object.fromEntries(
      [...informer.cache.list('Group')].map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
    )
  /** The changes since the last look, as `name before→after`. */
  const told = () =>
    changes
      .splice(0)
      .map(({ name, before, after, initial }) =>
        [
          initial ? 'initial ' : '',
          name,
          ' ',
          before?.metadata.resourceVersion ?? '',
          '→',
          after?.metadata.resourceVersion ?? '',
        ].join(''),
      )
  return { clock, informer, ended, held, told }
}
const modified = (object: AnyResource): WatchEvent => ({ type: 'MODIFIED', object })
const deleted = (object: AnyResource): WatchEvent => ({ type: 'DELETED', object })

describe('Informer', () => {
  it('lists, tells what was there as initial, and watches from the version of the list', async () => {
    const store = scriptedStore(group('a', 3), group('b', 5))
    const { informer, held, told } = await open(store)
    expect(told()).toEqual(['initial a →3', 'initial b →5'])
    expect([held(), informer.version, store.watchedFrom]).toEqual([{ a: '3', b: '5' }, '5', ['5']])
    await informer.stop()
  })

  it('tells an object as it was and as it is, and keeps the indexes', async () => {
    const store = scriptedStore(group('a', 1, { members: ['alice'] }))
    const { informer, told } = await open(store)
    told()
    const before = informer.cache.by('Group', 'member', 'alice')
    store.send(modified(group('a', 2, { members: ['bob'] })), {
      type: 'ADDED',
      object: group('b', 3, { members: ['bob'] }),
    })
    await settled()
    expect(told()).toEqual(['a 1→2', 'b →3'])
    expect(informer.cache.by('Group', 'member', 'bob').map(each => each.metadata.name)).toEqual(['a', 'b'])
    expect([...informer.cache.values('Group', 'member')]).toEqual(['bob'])
    expect(before).toHaveLength(1)
    await informer.stop()
  })

  it('moves its version with bookmarks only, since a store may tell a later state of an object out of turn', async () => {
    const store = scriptedStore(group('a', 1))
    const { informer } = await open(store)
    store.send(modified(group('a', 4)))
    await settled()
    expect(informer.version).toBe('1')
    store.version = 6
    store.bookmark()
    await settled()
    expect(informer.version).toBe('6')
    await informer.stop()
  })

  it('shrugs at doubled, reordered and late events', async () => {
    const store = scriptedStore(group('a', 1))
    const { informer, held, told } = await open(store)
    told()
    store.send(modified(group('a', 4)), modified(group('a', 3)), modified(group('a', 4)))
    await settled()
    expect([held(), told()]).toEqual([{ a: '4' }, ['a 1→4']])
    store.send(deleted(group('a', 5)), deleted(group('a', 5)), modified(group('a', 4)))
    await settled()
    expect([held(), told()]).toEqual([{}, ['a 4→']])
    await informer.stop()
  })

  it('does not bring back, from events older than the list, what was gone when its kind was listed', async () => {
    const store = scriptedStore(group('a', 1))
    const gone = group('gone', 4)
    // Role is listed at 3; then something happens, and Group is listed at 5.
    const list = store.list.bind(store)
    store.version = 3
    store.list = async kind => {
      const result = await list(kind)
      store.version = 5
      return result
    }
    const { informer, held, told } = await open(store, { kinds: ['Role', 'Group'] })
    told()
    expect([store.watchedFrom, informer.version]).toEqual([['3'], '3'])
    store.send(modified(gone))
    await settled()
    expect([held(), told()]).toEqual([{ a: '1' }, []])
    await informer.stop()
  })

  it('does not take the end of an old life for the end of the new one', async () => {
    const store = scriptedStore(group('a', 1, { uid: 'first' }))
    const { informer, held } = await open(store)
    store.send(
      deleted(group('a', 2, { uid: 'first' })),
      { type: 'ADDED', object: group('a', 3, { uid: 'second' }) },
      deleted(group('a', 2, { uid: 'first' })),
    )
    await settled()
    expect(held()).toEqual({ a: '3' })
    await informer.stop()
  })

  it('applies own writes at once and ignores what the watch tells of earlier ones', async () => {
    const store = scriptedStore(group('a', 1))
    const { informer, held, told } = await open(store)
    told()
    informer.observe(group('a', 5))
    expect([held(), told()]).toEqual([{ a: '5' }, ['a 1→5']])
    store.send(modified(group('a', 3)), modified(group('a', 5)))
    await settled()
    expect([held(), told()]).toEqual([{ a: '5' }, []])
    store.send(modified(group('a', 7)))
    await settled()
    expect(held()).toEqual({ a: '7' })
    await informer.stop()
  })

  it('does not bring an object back that an own write removed', async () => {
    const store = scriptedStore(group('a', 1))
    const { informer, held } = await open(store)
    informer.forget({ kind: 'Group', name: 'a', uid: 'uid-a' })
    expect(held()).toEqual({})
    store.send(modified(group('a', 2)), deleted(group('a', 2)), {
      type: 'ADDED',
      object: group('a', 4, { uid: 'next' }),
    })
    await settled()
    expect(held()).toEqual({ a: '4' })
    await informer.stop()
  })

  it('watches again from the last bookmark when a watch breaks, with growing pauses', async () => {
    const store = scriptedStore(group('a', 1))
    const { clock, informer, held } = await open(store)
    store.version = 4
    store.bookmark()
    for (let round = 0; round < 3; round++) {
      store.breakWatch(new Error('connection reset'))
      await settled()
      await clock.advance(100 * 2 ** round)
    }
    store.send(modified(group('a', 5)))
    await settled()
    expect([held(), store.watchedFrom, store.lists]).toEqual([{ a: '5' }, ['1', '4', '4', '4'], 1])
    await informer.stop()
  })

  it('does not spin on a watch that ends at once and in silence', async () => {
    const store = scriptedStore()
    const { clock, informer } = await open(store)
    for (let round = 0; round < 20; round++) {
      store.breakWatch()
      await settled()
    }
    expect(store.watchedFrom).toHaveLength(1)
    await clock.advance(100)
    expect(store.watchedFrom).toHaveLength(2)
    await informer.stop()
  })

  it('lists anew when the store has forgotten the changes; readers keep the old view until then, and the differences are told', async () => {
    const store = scriptedStore(group('gone', 1), group('same', 2), group('changed', 3))
    const { clock, informer, held, told } = await open(store)
    told()
    store.world = new Map(
      [group('changed', 8), group('new', 9), group('same', 2)].map(each => [each.metadata.name, each]),
    )
    store.version = 9
    const hold = store.holdLists()
    store.breakWatch(new GoneError('compacted'))
    await settled()
    expect([held(), told()]).toEqual([{ gone: '1', same: '2', changed: '3' }, []])
    hold.release()
    await settled()
    expect(told()).toEqual(['gone 1→', 'changed 3→8', 'new →9'])
    await clock.advance(1000)
    expect([held(), informer.version, store.watchedFrom.at(-1)]).toEqual([
      { same: '2', changed: '8', new: '9' },
      '9',
      '9',
    ])
    await informer.stop()
  })

  it('keeps own writes that are newer than the list that was under way', async () => {
    const store = scriptedStore(group('a', 1), group('b', 2))
    const { informer, held } = await open(store)
    const hold = store.holdLists()
    store.breakWatch(new GoneError('compacted'))
    await settled()
    informer.observe(group('a', 5))
    informer.observe(group('c', 6))
    informer.forget({ kind: 'Group', name: 'b', uid: 'uid-b' })
    hold.release()
    await settled()
    expect(held()).toEqual({ a: '5', c: '6' })
    await informer.stop()
  })

  it('finds what the watch dropped when it lists anew from time to time', async () => {
    const store = scriptedStore(group('a', 1))
    const { clock, informer, held } = await open(store, { relistEvery: 60_000 })
    store.world = new Map([['Group/b', group('b', 4)]])
    store.version = 4
    await clock.advance(120_000)
    expect(held()).toEqual({ b: '4' })
    await informer.stop()
  })

  it('tries a failing list again, but gives up where the store says that it is hopeless', async () => {
    const store = scriptedStore(group('a', 1))
    store.listErrors.push(new Error('busy'), new Error('busy'))
    const clock = fakeClock()
    const opening = open(store, { clock })
    await clock.advance(300)
    const { informer, held } = await opening
    expect([held(), store.lists]).toEqual([{ a: '1' }, 3])
    await informer.stop()
    const hopeless = scriptedStore()
    hopeless.listErrors.push(new StoreUnusableError('damaged', 'restore it'))
    await expect(open(hopeless)).rejects.toThrow('damaged')
  })

  it('ends with the error when the store cannot be watched any more', async () => {
    const store = scriptedStore()
    const { ended } = await open(store)
    store.breakWatch(new StoreUnusableError('damaged', 'restore it'))
    await expect(ended).rejects.toThrow('damaged')
  })

  it('goes on when a handler or an index throws for one object', async () => {
    const failures: string[] = []
    const store = scriptedStore(group('a', 1))
    const { informer, held } = await open(store, {
      indexes: {
        Group: {
          broken: each => {
            if (each.metadata.name === 'bad') throw new Error('no index for this')
            return []
          },
        },
      },
      observer: { handlerFailed: ({ name }) => failures.push(name) },
    })
    informer.onChange(({ name }) => {
      if (name === 'worse') throw new Error('no handler for this')
    })
    store.send(modified(group('bad', 2)), modified(group('worse', 3)), modified(group('good', 4)))
    await settled()
    expect([held(), failures]).toEqual([{ a: '1', worse: '3', good: '4' }, ['bad', 'worse']])
    await informer.stop()
  })

  it('keeps of an object what the trim leaves', async () => {
    const store = scriptedStore(group('a', 1, { members: ['alice'] }))
    const { informer } = await open(store, {
      trims: { Group: each => ({ ...each, spec: { organization: each.spec.organization } }) },
    })
    expect(informer.cache.get('Group', 'a')?.spec).toEqual({ organization: 'acme' })
    await informer.stop()
  })

  it('keeps an object whole that it cannot trim, and says so', async () => {
    const failures: string[] = []
    const { informer, held } = await open(scriptedStore(group('a', 1), group('b', 2)), {
      trims: {
        Group: each => {
          if (each.metadata.name === 'a') throw new Error('cannot trim')
          return { ...each, metadata: { ...each.metadata, uid: 'another' } }
        },
      },
      observer: { handlerFailed: ({ name }) => failures.push(name) },
    })
    expect([held(), failures]).toEqual([{ a: '1', b: '2' }, ['a', 'b']])
    await informer.stop()
  })

  it('does not pass an empty cache for an empty store when it is stopped while listing', async () => {
    const store = scriptedStore(group('a', 1))
    const hold = store.holdLists()
    const informer = new Informer({ store, kinds: ['Group'], clock: fakeClock(), random: () => 0.5 })
    const starting = informer.start()
    await informer.stop()
    hold.release()
    await expect(starting).rejects.toThrow('aborted')
  })

  it('names the index or the kind that it was not told of', async () => {
    const { informer } = await open(scriptedStore())
    expect(() => informer.cache.by('Group', 'colour', 'red')).toThrow('Group has no index "colour"')
    expect(() => informer.cache.get('User', 'alice')).toThrow('does not hold User')
    await informer.stop()
  })

  it('never opens a watch when nobody else writes, and is caught up with every own write', async () => {
    const store = scriptedStore(group('a', 1))
    const { informer } = await open(store, { alone: true })
    informer.observe(group('b', 7))
    await informer.caughtUp()
    expect([informer.version, store.watchedFrom]).toEqual(['7', []])
    await informer.stop()
  })
})

describe('Informer under faults', () => {
  it('ends up with the world of the store, whatever is doubled, reordered or broken on the way, and its indexes agree', async () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('write', 'write', 'own', 'delete', 'ownDelete'),
      members: fc.subarray(['alice', 'bob', 'carol']),
      fault: fc.constantFrom('none', 'none', 'double', 'stale', 'gone', 'break'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        const store = scriptedStore()
        const { clock, informer, held } = await open(store)
        const history: WatchEvent[] = []
        let life = 0
        for (const { name, what, members, fault } of steps) {
          const key = `Group/${name}`
          const before = store.world.get(key)
          const version = ++store.version
          let event: WatchEvent
          if (what === 'delete' || what === 'ownDelete') {
            if (!before) continue
            store.world.delete(key)
            event = deleted(before)
            if (what === 'ownDelete') informer.forget({ kind: 'Group', name, uid: before.metadata.uid })
          } else {
            const object = group(name, version, { uid: before?.metadata.uid ?? `life-${++life}`, members })
            store.world.set(key, object)
            event = modified(object)
            if (what === 'own') informer.observe(object)
          }
          history.push(event)
          if (fault === 'gone') store.breakWatch(new GoneError('compacted'))
          else store.send(event)
          if (fault === 'double') store.send(event)
          if (fault === 'stale') store.send(...history.slice(-4, -1))
          if (fault === 'break') {
            store.breakWatch(new Error('reset'))
            store.bookmark()
          }
          if (fault !== 'none') await clock.advance(40_000)
        }
        await clock.advance(40_000)
        await settled()
        const world = [...store.world.values()]
        expect(held()).toEqual(
          Object.fromEntries(world.map(each => [each.metadata.name, each.metadata.resourceVersion])),
        )
        for (const member of ['alice', 'bob', 'carol']) {
          const found = informer.cache.by('Group', 'member', member).map(each => each.metadata.name)
          const expected = world.flatMap(each =>
            (each.spec as { members: string[] }).members.includes(member) ? [each.metadata.name] : [],
          )
          expect(found).toEqual(expected.sort())
        }
        await informer.stop()
      }),
      { numRuns: 60 },
    )
  })

  describe('that expects something of its store', () => {
    /** Lists must have at least so many, and no more than one may be deleted. */
    const expecting = (least: number) => async () => {
      let deleted = 0
      return {
        listed: (count: (kind: Kind) => number) => {
          if (count('Group') < least) throw new StoreUnusableError('too few', 'bring them back')
        },
        deleted: () => {
          deleted += 1
          if (deleted > 1) throw new StoreUnusableError('too many went', 'bring them back')
        },
      }
    }

    it('does not start on a list that lacks it', async () => {
      await expect(open(scriptedStore(group('a', 1)), { expecting: expecting(2) })).rejects.toThrow('too few')
    })

    it('ends with the view it had when a later list lacks it, and nobody is told that something went', async () => {
      const store = scriptedStore(group('a', 1), group('b', 2))
      const { informer, ended, held, told } = await open(store, { expecting: expecting(2) })
      told()
      store.world.clear()
      store.version = 9
      store.breakWatch(new GoneError('changes are no longer known'))
      await expect(ended).rejects.toThrow('too few')
      expect(told()).toEqual([])
      expect(held()).toEqual({ a: '1', b: '2' })
      await informer.stop()
    })

    it('ends before a deletion too many is seen; its own do not count', async () => {
      const objects = [group('a', 1), group('b', 2), group('c', 3), group('d', 4)]
      const store = scriptedStore(...objects)
      const { informer, ended, held, told } = await open(store, { expecting: expecting(2) })
      told()
      const [a, b, c, d] = objects as [AnyResource, AnyResource, AnyResource, AnyResource]
      informer.forget({ kind: 'Group', name: 'a', uid: a.metadata.uid })
      store.send(deleted(a), deleted(b))
      await settled()
      expect(told()).toEqual(['a 1→', 'b 2→'])
      store.send(deleted(c), deleted(d))
      await expect(ended).rejects.toThrow('too many went')
      expect(told()).toEqual([])
      expect(held()).toEqual({ c: '3', d: '4' })
      await informer.stop()
    })
  })
})
