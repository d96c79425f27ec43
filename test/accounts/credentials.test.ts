import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { CredentialsUnusableError, openCredentials } from '../../src/accounts/credentials.ts'
import { testFolder } from './folder.ts'

describe('the file with the credentials', () => {
  it('is for its owner alone and stays what it was', async () => {
    const path = join(testFolder(), 'data', 'credentials.sqlite')
    {
      await using store = openCredentials(path)
      await store.insertPassword('a-one', 'hash')
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
    }
    await using again = openCredentials(path)
    expect(await again.passwordHash('a-one')).toBe('hash')
  })

  it('of a newer Roster is refused and left alone', async () => {
    const path = join(testFolder(), 'credentials.sqlite')
    await openCredentials(path)[Symbol.asyncDispose]()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(() => openCredentials(path)).toThrow(CredentialsUnusableError)
    expect(() => openCredentials(path)).toThrow(/newer Roster/)
  })

  it('that is damaged is refused with what to do, and left alone', () => {
    const path = join(testFolder(), 'credentials.sqlite')
    writeFileSync(path, 'this is no database, whatever its name says'.repeat(200))
    const before = readFileSync(path)
    expect(() => openCredentials(path)).toThrow(/move it away/)
    expect(readFileSync(path)).toEqual(before)
  })

  it('is waited for while another process writes', async () => {
    const path = join(testFolder(), 'credentials.sqlite')
    await using store = openCredentials(path)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const waiting = store.insertPassword('a-one', 'hash')
    setTimeout(() => other.exec('COMMIT'), 150)
    expect(await waiting).toBe(true)
    other.close()
  })
})
