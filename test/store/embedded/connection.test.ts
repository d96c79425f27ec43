import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Connection } from '../../../src/store/embedded/connection.ts'
import { InvalidError, StoreUnusableError } from '../../../src/store/errors.ts'

describe('a connection', () => {
  let folder: string
  let connection: Connection
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roster-connection-'))
    connection = await Connection.open(
      { file: join(folder, 'x.sqlite'), sleep: async () => {}, jitter: () => 0.5, patience: 100 },
      db => db.exec('CREATE TABLE t (value TEXT NOT NULL)'),
    )
  })
  afterEach(async () => {
    await connection.close()
    await rm(folder, { recursive: true })
  })
  const insert = (value: string) =>
    connection.write({ durable: true }, () => {
      if (value === 'refused') throw new InvalidError(value)
      if (value === 'broken') throw new TypeError(value)
      connection.statement('INSERT INTO t VALUES (?)').run(value)
      return value
    })
  const values = () =>
    connection.read(() =>
      connection
        .statement('SELECT value FROM t')
        .all()
        .map(row => row.value),
    )

  test('commits the writes of one moment together, and tells each its own result', async () => {
    let commits = 0
    connection.onCommit(() => commits++)
    expect(await Promise.all(['a', 'b', 'c'].map(insert))).toEqual(['a', 'b', 'c'])
    expect(commits).toBe(1)
    expect(await values()).toEqual(['a', 'b', 'c'])
  })

  test('takes along who is about to write, so that what reaches the disk does it once', async () => {
    let commits = 0
    connection.onCommit(() => commits++)
    const soon = async (steps: number, value: string) => {
      for (let step = 0; step < steps; step++) await undefined
      return insert(value)
    }
    await Promise.all(Array.from({ length: 16 }, (_, at) => soon(at, `v${at}`)))
    expect(commits).toBe(1)
    expect(await values()).toHaveLength(16)
  })

  test.each(['refused', 'broken'])('a write that is %s fails alone', async bad => {
    const results = await Promise.allSettled(['a', bad, 'c'].map(insert))
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await values()).toEqual(['a', 'c'])
  })

  test('says nothing of a commit that changed nothing', async () => {
    await insert('a')
    let commits = 0
    connection.onCommit(() => commits++)
    await connection.write({ durable: true }, () => 'nothing')
    expect(commits).toBe(0)
  })

  test('takes a thousand writes at once in several turns, in order', async () => {
    const names = Array.from({ length: 1_000 }, (_, at) => `v${at}`)
    await Promise.all(names.map(insert))
    expect(await values()).toEqual(names)
  })

  test.each([
    ['the disk is full', 'PRAGMA max_page_count = 2', 'the disk is full', 'free some space'],
    ['the file is read-only', 'PRAGMA query_only = ON', 'cannot be written', 'write permission'],
  ])('says when %s, keeps what it had, and goes on afterwards', async (_, cause, message, remedy) => {
    await insert('a')
    connection.db.exec(cause)
    const errors = await Promise.all(
      ['x'.repeat(50_000), 'y'.repeat(50_000)].map(value => insert(value).catch(error => error)),
    )
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreUnusableError)
      expect(error.message).toContain(message)
      expect(error.remedy).toContain(remedy)
    }
    connection.db.exec('PRAGMA max_page_count = 100000; PRAGMA query_only = OFF')
    await insert('b')
    expect(await values()).toEqual(['a', 'b'])
  })

  test('finishes what was asked for before it closes', async () => {
    const writing = insert('a')
    await connection.close()
    expect(await writing).toBe('a')
  })

  test('flushes durable writes to the disk, and others not', async () => {
    const synchronous = () => connection.db.prepare('PRAGMA synchronous').get()?.synchronous
    await insert('a')
    expect(synchronous()).toBe(2)
    await connection.write({ durable: false }, () => connection.statement('INSERT INTO t VALUES (?)').run('b'))
    expect(synchronous()).toBe(1)
    await Promise.all([connection.write({ durable: false }, () => undefined), insert('c')])
    expect(synchronous()).toBe(2)
  })
})
