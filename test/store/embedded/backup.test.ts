import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backupEmbedded, restoreEmbedded } from '../../../src/store/embedded/backup.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { GoneError, StoreUnusableError } from '../../../src/store/errors.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { accountOf, userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const by = { manager: 'local/it' }

describe('a backup', () => {
  let root: string
  let store: ResourceStore
  const stores: ResourceStore[] = []
  const path = (name: string) => join(root, name)
  const open = async (name: string) => {
    const opened = await openEmbeddedStore({ folder: path(name), clock: fakeClock() })
    stores.push(opened)
    return opened
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roster-backup-'))
    store = await open('data')
    await store.create(userOf('alice', { locale: 'de' }), by)
    await store.create(accountOf('a-ann'), by)
    await store.create(userOf('bob'), by)
    await store.delete({ kind: 'User', name: 'bob' })
  })
  afterEach(async () => {
    for (const opened of stores.splice(0)) await opened[Symbol.asyncDispose]()
    await rm(root, { recursive: true })
  })

  test('restored elsewhere holds the same objects, in another realm and a later epoch', async () => {
    const before = await store.info()
    const backedUp = await backupEmbedded(path('data'), path('b.sqlite'))
    expect(backedUp).toEqual(before)
    const restored = await restoreEmbedded(path('b.sqlite'), path('again'))
    const again = await open('again')
    expect(await again.info()).toEqual(restored)
    expect(restored.epoch).toBe(before.epoch + 1)
    expect(restored.realm).not.toBe(before.realm)
    expect(await again.get('User', 'alice')).toEqual(await store.get('User', 'alice'))
    expect(await again.get('Account', 'a-ann')).toEqual(await store.get('Account', 'a-ann'))
    expect(await again.owners({ kind: 'User', name: 'alice' })).toEqual(
      await store.owners({ kind: 'User', name: 'alice' }),
    )
    expect(await store.info()).toEqual(before)
  })

  test('lets no version of the lost time mean anything in the restored store', async () => {
    await backupEmbedded(path('data'), path('b.sqlite'))
    await store.annotate({ kind: 'User', name: 'alice' }, { note: 'lost' }, by)
    const lost = (await store.info()).resourceVersion
    await restoreEmbedded(path('b.sqlite'), path('again'))
    const again = await open('again')
    await again.annotate({ kind: 'User', name: 'alice' }, { note: 'other' }, by)
    await expect(again.apply(userOf('alice', { locale: 'en' }), { ...by, ifVersion: lost })).rejects.toMatchObject({
      reason: 'Conflict',
    })
    const watching = again.watch({ since: lost, signal: new AbortController().signal })[Symbol.asyncIterator]()
    await expect(watching.next()).rejects.toBeInstanceOf(GoneError)
    const { resourceVersion } = await again.list('User')
    const next = again.watch({ since: resourceVersion, signal: AbortSignal.timeout(5_000) })[Symbol.asyncIterator]()
    expect((await next.next()).value).toEqual({ type: 'BOOKMARK', resourceVersion })
    await next.return?.()
  })

  test('leaves the lease behind, and counts on from its epoch', async () => {
    const held = await store.lease.acquire({ holder: 'one', signal: new AbortController().signal })
    await backupEmbedded(path('data'), path('b.sqlite'))
    await restoreEmbedded(path('b.sqlite'), path('again'))
    const again = await open('again')
    expect(await again.lease.read()).toMatchObject({ held: false })
    const next = await again.lease.acquire({ holder: 'two', signal: new AbortController().signal })
    expect(next.epoch).toBeGreaterThan(held.epoch)
  })

  test('made while the store is written is of one moment', async () => {
    let writing = true
    const begun = Promise.withResolvers<void>()
    const writer = (async () => {
      for (let at = 0; writing; at++) {
        if (at === 3) begun.resolve()
        // Both or, in between, the first alone: never the second without the first.
        await store.create(accountOf(`a-${at}`), by)
        await store.create(userOf(`u-${at}`), by)
      }
    })()
    await begun.promise
    await backupEmbedded(path('data'), path('b.sqlite'))
    writing = false
    await writer
    await restoreEmbedded(path('b.sqlite'), path('again'))
    const again = await open('again')
    const accounts = (await again.list('Account')).items.length - 1
    const users = (await again.list('User')).items.length - 1
    expect([0, 1]).toContain(accounts - users)
    expect(users).toBeGreaterThan(0)
  })

  test('is one file for its owner alone, and nothing half done lies beside it', async () => {
    await backupEmbedded(path('data'), path('b.sqlite'))
    expect(((await stat(path('b.sqlite'))).mode & 0o777).toString(8)).toBe('600')
    expect((await readdir(root)).sort()).toEqual(['b.sqlite', 'data'])
    await restoreEmbedded(path('b.sqlite'), path('again'))
    expect(await readdir(path('again'))).toEqual(['roster.sqlite'])
  })

  test('overwrites no file, and no store', async () => {
    await writeFile(path('b.sqlite'), 'mine')
    await expect(backupEmbedded(path('data'), path('b.sqlite'))).rejects.toThrow('exists already')
    expect(await readFile(path('b.sqlite'), 'utf8')).toBe('mine')
    await backupEmbedded(path('data'), path('c.sqlite'))
    await expect(restoreEmbedded(path('c.sqlite'), path('data'))).rejects.toThrow('exists already')
    expect(await store.get('User', 'alice')).toBeDefined()
  })

  test('is not put beside the log of a store that was there before', async () => {
    await backupEmbedded(path('data'), path('b.sqlite'))
    await mkdir(path('again'))
    await writeFile(path('again/roster.sqlite-wal'), 'left behind')
    await expect(restoreEmbedded(path('b.sqlite'), path('again'))).rejects.toThrow('roster.sqlite-wal exists already')
  })

  test.each([
    ['is not there', undefined, 'does not exist'],
    ['is text', 'people: []', 'is not a store of Roster'],
    ['is empty', '', 'is not a store of Roster'],
  ])('that %s is refused and nothing is made', async (_, content, message) => {
    if (content !== undefined) await writeFile(path('b.sqlite'), content)
    const restoring = restoreEmbedded(path('b.sqlite'), path('again'))
    await expect(restoring).rejects.toBeInstanceOf(StoreUnusableError)
    await expect(restoring).rejects.toThrow(message)
    const left = await readdir(path('again')).catch(() => [])
    expect(left).toEqual([])
  })

  test('that is damaged, cut short or newer is refused', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, at) => store.create(userOf(`user-${at}`), by)))
    await backupEmbedded(path('data'), path('b.sqlite'))
    const bytes = await readFile(path('b.sqlite'))
    await writeFile(path('cut.sqlite'), bytes.subarray(0, Math.floor(bytes.length / 2)))
    const damaged = Buffer.from(bytes)
    damaged.fill(0x5a, 16_384, 20_480)
    await writeFile(path('damaged.sqlite'), damaged)
    const newer = new DatabaseSync(path('b.sqlite'))
    newer.exec('PRAGMA user_version = 99')
    newer.close()
    for (const name of ['cut.sqlite', 'damaged.sqlite', 'b.sqlite']) {
      await expect(restoreEmbedded(path(name), path('again'))).rejects.toBeInstanceOf(StoreUnusableError)
    }
    expect(await readdir(path('again'))).toEqual([])
  })

  test('of a folder without a store says so', async () => {
    await expect(backupEmbedded(path('nothing'), path('b.sqlite'))).rejects.toThrow('holds no store')
  })

  test('of a store that nobody has open works too', async () => {
    for (const opened of stores.splice(0)) await opened[Symbol.asyncDispose]()
    await backupEmbedded(path('data'), path('b.sqlite'))
    expect((await stat(path('b.sqlite'))).size).toBeGreaterThan(4096)
  })
})
