import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Machine, thisMachine } from '../../../src/store/embedded/folder.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import { StoreUnusableError } from '../../../src/store/errors.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const by = { manager: 'local/it' }

describe('opening a store', () => {
  let folder: string
  const stores: ResourceStore[] = []
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'roster-opening-')), 'data')
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
    await rm(join(folder, '..'), { recursive: true })
  })
  const open = async (options: { machine?: Machine; patience?: number } = {}) => {
    const store = await openEmbeddedStore({ folder, clock: fakeClock(), ...options })
    stores.push(store)
    return store
  }
  /** What is wrong, and what to do. */
  const refusal = async (options: { machine?: Machine; patience?: number } = {}): Promise<string> => {
    const error: unknown = await open(options).catch(caught => caught)
    if (!(error instanceof StoreUnusableError)) throw new Error(`not refused: ${String(error)}`)
    return `${error.message}: ${error.remedy}`
  }
  const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
  const file = () => join(folder, 'roster.sqlite')
  const machine = (change: Partial<Machine>): Machine => ({ ...thisMachine, ...change })
  const alter = (sql: string) => {
    const db = new DatabaseSync(file())
    db.exec(sql)
    db.close()
  }
  const close = async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]()
  }

  test('makes the folder for its owner alone, and every file in it', async () => {
    const before = process.umask(0)
    try {
      const store = await open()
      await store.create(userOf('alice'), by)
      expect(await mode(folder)).toBe('700')
      const files = await readdir(folder)
      expect(files).toEqual(expect.arrayContaining(['lease.sqlite', 'roster.sqlite', 'roster.sqlite-wal']))
      for (const name of files) expect(`${name} ${await mode(join(folder, name))}`).toBe(`${name} 600`)
    } finally {
      process.umask(before)
    }
  })

  test('closes what stood open to others', async () => {
    await open()
    await close()
    await chmod(folder, 0o755)
    await chmod(file(), 0o644)
    await open()
    expect(await mode(folder)).toBe('700')
    expect(await mode(file())).toBe('600')
  })

  test('finds everything again, in the same realm', async () => {
    const first = await open()
    const alice = await first.create(userOf('alice'), by)
    const info = await first.info()
    await close()
    const second = await open()
    expect(await second.get('User', 'alice')).toEqual(alice)
    expect(await second.info()).toEqual(info)
  })

  test('at the same time in one new folder makes one store', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => open()))
    expect(new Set(await Promise.all(all.map(async store => (await store.info()).realm))).size).toBe(1)
  })

  test('only to look makes nothing', async () => {
    const looking = openEmbeddedStore({ folder, clock: fakeClock(), create: false })
    await expect(looking).rejects.toThrow('holds no store')
    expect(await readdir(join(folder, '..'))).toEqual([])
    await open()
    stores.push(await openEmbeddedStore({ folder, clock: fakeClock(), create: false }))
  })

  test('refuses a network file system', async () => {
    expect(await refusal({ machine: machine({ fileSystem: () => 0x6969 }) })).toContain('network file system (NFS)')
  })

  test('refuses a folder of another user', async () => {
    expect(await refusal({ machine: machine({ user: () => 12_345 }) })).toContain('belongs to another user')
  })

  test('refuses a store of a newer Roster, and leaves it as it is', async () => {
    await open()
    await close()
    alter('PRAGMA user_version = 99')
    const before = await readFile(file())
    expect(await refusal()).toMatch(/newer Roster \(format 99; this one knows 1\).*use that newer Roster/)
    expect(await readFile(file())).toEqual(before)
  })

  test('refuses a database of another program', async () => {
    await mkdir(folder)
    alter('CREATE TABLE bookmarks (url TEXT); PRAGMA user_version = 7')
    expect(await refusal()).toContain('is not a store of Roster')
  })

  test('refuses a file that is no database', async () => {
    await mkdir(folder)
    await writeFile(file(), 'people: [alice]\n'.repeat(100))
    expect(await refusal()).toContain('is not a store of Roster')
    expect(await readFile(file(), 'utf8')).toBe('people: [alice]\n'.repeat(100))
  })

  test('refuses a file where the folder should be, and a link where the file should be', async () => {
    await writeFile(folder, '')
    expect(await refusal()).toContain('is not a folder')
    await rm(folder)
    await mkdir(folder)
    await symlink('/etc/hostname', file())
    expect(await refusal()).toContain('is not a plain file')
  })

  test('says that a damaged file is damaged, and what to do', async () => {
    const store = await open()
    await Promise.all(Array.from({ length: 200 }, (_, at) => store.create(userOf(`user-${at}`), by)))
    await close()
    const bytes = await readFile(file())
    bytes.fill(0xa5, 8192, bytes.length - 4096)
    await writeFile(file(), bytes)
    const reading = open().then(damaged => damaged.list('User'))
    await expect(reading).rejects.toBeInstanceOf(StoreUnusableError)
    await expect(reading).rejects.toThrow(/is damaged/)
    await expect(reading).rejects.toMatchObject({ remedy: expect.stringContaining('roster restore') })
  })

  describe('while another process has the lock', () => {
    test('a write waits for it, without blocking this process, and goes through', async () => {
      const store = await open()
      const other = new DatabaseSync(file())
      other.exec('BEGIN IMMEDIATE')
      const writing = store.create(userOf('alice'), by)
      // A process that is blocked until the lock is free would never come to its next turn.
      for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setTimeout(resolve, 5))
      other.exec('ROLLBACK')
      other.close()
      expect((await writing).metadata.name).toBe('alice')
    })

    test('a write gives up in the end and names who runs the loop; reading goes on', async () => {
      const store = await open({ patience: 150 })
      const held = await store.lease.acquire({ holder: 'run on host-a (pid 7)', signal: new AbortController().signal })
      const other = new DatabaseSync(file())
      other.exec('BEGIN IMMEDIATE')
      const error: unknown = await store.create(userOf('alice'), by).catch(caught => caught)
      expect(await store.get('User', 'alice')).toBeUndefined()
      other.exec('ROLLBACK')
      other.close()
      expect(error).toBeInstanceOf(StoreUnusableError)
      expect((error as Error).message).toContain('run on host-a (pid 7) runs the loop')
      await held.release()
    })

    test('opening gives up in the end', async () => {
      await open()
      await close()
      const other = new DatabaseSync(file())
      other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
      expect(await refusal({ patience: 100 })).toContain('has been locked by another process')
      other.close()
    })
  })

  test('says so when the file of the lease is none', async () => {
    const store = await open()
    await writeFile(join(folder, 'lease.sqlite'), 'no database at all. '.repeat(100))
    const acquiring = store.lease.acquire({ holder: 'one', signal: new AbortController().signal })
    await expect(acquiring).rejects.toBeInstanceOf(StoreUnusableError)
    await expect(acquiring).rejects.toThrow('lease.sqlite is not a store of Roster')
  })

  test('a closed store says so', async () => {
    const store = await open()
    await close()
    await expect(store.get('User', 'alice')).rejects.toThrow('was closed')
    await expect(store.create(userOf('alice'), by)).rejects.toThrow('was closed')
  })
})
