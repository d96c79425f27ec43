import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCredentials } from '../../src/accounts/credentials.ts'
import { ArchiveError, writeArchive } from '../../src/app/archive.ts'
import { backUp, restoreBackup } from '../../src/app/backing-up.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import { fakeClock } from '../fakes/clock.ts'

const TIME = '2026-01-05T09:00:00Z'
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roster-backing-up-'))
  const store = await openEmbeddedStore({ folder: at('data'), clock: fakeClock() })
  await store.create(
    { kind: 'Organization', metadata: { name: 'acme' }, spec: { displayName: 'Acme GmbH' } },
    { manager: 'source/people' },
  )
  await store[Symbol.asyncDispose]()
  const credentials = openCredentials(at('data', 'credentials.sqlite'))
  await credentials.insertPassword('a-1', '$argon2id$canary')
  await credentials[Symbol.asyncDispose]()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (...names: string[]): string => join(folder, ...names)
const holds = async (data: string): Promise<boolean> => {
  await using store = await openEmbeddedStore({ folder: data, clock: fakeClock() })
  await using credentials = openCredentials(join(data, 'credentials.sqlite'))
  const organization = await store.get('Organization', 'acme')
  return organization !== undefined && (await credentials.passwordHash('a-1')) === '$argon2id$canary'
}

describe('a backup', () => {
  it('comes back whole, in files that nobody else may read', async () => {
    await backUp(at('data'), at('backup.tar'), TIME)
    expect(statSync(at('backup.tar')).mode & 0o777).toBe(0o600)
    const { epoch, time } = await restoreBackup(at('backup.tar'), at('new', 'data'))
    expect({ epoch, time }).toEqual({ epoch: 2, time: TIME })
    for (const name of readdirSync(at('new', 'data')))
      expect([name, statSync(at('new', 'data', name)).mode & 0o777]).toEqual([name, 0o600])
    expect(statSync(at('new', 'data')).mode & 0o777).toBe(0o700)
    expect(await holds(at('new', 'data'))).toBe(true)
  })

  it('is not written where there is no folder', async () => {
    await expect(backUp(at('data'), at('nowhere', 'backup.tar'), TIME)).rejects.toThrow(
      `${at('nowhere')} does not exist`,
    )
  })

  it.runIf(existsSync('/dev/shm'))('comes back on another disk than the one around it', async () => {
    await backUp(at('data'), at('backup.tar'), TIME)
    const disk = mkdtempSync('/dev/shm/roster-backing-up-')
    try {
      // What a fresh file system holds, and what a restore that was killed left.
      mkdirSync(join(disk, 'lost+found'))
      mkdirSync(join(disk, '.roster-restore-x1y2z3'))
      symlinkSync(disk, at('volume'))
      await restoreBackup(at('backup.tar'), at('volume'))
      expect(readdirSync(disk)).toEqual(expect.arrayContaining(['credentials.sqlite', 'lost+found', 'roster.sqlite']))
      expect(readdirSync(disk).filter(name => name.startsWith('.'))).toEqual([])
      expect(await holds(at('volume'))).toBe(true)
    } finally {
      rmSync(disk, { recursive: true })
    }
  })

  it('is not restored over anything', async () => {
    await backUp(at('data'), at('backup.tar'), TIME)
    await expect(restoreBackup(at('backup.tar'), at('data'))).rejects.toThrow('is not empty')
  })

  it.each([
    ['null'],
    ['{'],
    ['[]'],
    ['{"format": 5}'],
    ['{"format": "roster-backup/1", "files": null}'],
    ['{"format": "roster-backup/1", "files": {"roster.sqlite": "00"}}'],
    ['{"format": "roster-backup/2"}'],
  ])('that says of itself %s is refused, and nothing is made', async text => {
    await writeArchive(at('odd.tar'), [
      { name: 'backup.json', text },
      { name: 'roster.sqlite', text: 'x' },
    ])
    await expect(restoreBackup(at('odd.tar'), at('new'))).rejects.toThrow(ArchiveError)
    expect(existsSync(at('new'))).toBe(false)
  })

  it('that holds a file twice is refused', async () => {
    await writeArchive(at('odd.tar'), [
      { name: 'roster.sqlite', text: 'x' },
      { name: 'roster.sqlite', text: 'y' },
    ])
    await expect(restoreBackup(at('odd.tar'), at('new'))).rejects.toThrow(ArchiveError)
  })

  it('of a format that is not known yet names it', async () => {
    await writeArchive(at('odd.tar'), [{ name: 'backup.json', text: '{"format": "roster-backup/3", "files": {}}' }])
    await expect(restoreBackup(at('odd.tar'), at('new'))).rejects.toThrow('a newer Roster (roster-backup/3)')
  })

  it('holds no session', async () => {
    const session = {
      hash: 'h',
      account: 'a-1',
      credentialVersion: 1,
      created: TIME,
      lastSeen: TIME,
      expires: '2030-01-01T00:00:00Z',
      storeEpoch: 1,
    }
    {
      await using credentials = openCredentials(at('data', 'credentials.sqlite'))
      await credentials.createSession(session)
    }
    await backUp(at('data'), at('backup.tar'), TIME)
    await restoreBackup(at('backup.tar'), at('new'))
    await using restored = openCredentials(at('new', 'credentials.sqlite'))
    expect(await restored.session('h')).toBeUndefined()
    expect(await restored.passwordHash('a-1')).toBe('$argon2id$canary')
  })

  it.each([
    ['no JSON', '{'],
    ['no kind of ours', '{"object":{"kind":"Pod","metadata":{"name":"a","uid":"u"},"spec":{}},"owners":[]}'],
    ['nothing', 'null'],
  ])('whose resources are %s leaves the folder as empty as it was', async (_what, text) => {
    mkdirSync(at('new'))
    const hash = (of: string) => createHash('sha256').update(of).digest('hex')
    const files = { 'resources.jsonl': hash(text), 'credentials.jsonl': hash('') }
    await writeArchive(at('odd.tar'), [
      { name: 'backup.json', text: JSON.stringify({ format: 'roster-backup/2', time: TIME, epoch: 1, files }) },
      { name: 'resources.jsonl', text },
      { name: 'credentials.jsonl', text: '' },
    ])
    await expect(restoreBackup(at('odd.tar'), at('new'))).rejects.toThrow('line 1 of the resources')
    expect(readdirSync(at('new'))).toEqual([])
  })

  it('whose store cannot be used leaves the folder as empty as it was', async () => {
    mkdirSync(at('new'))
    const hash = (text: string) => createHash('sha256').update(text).digest('hex')
    const files = { 'roster.sqlite': hash('no database'), 'credentials.sqlite': hash('neither') }
    await writeArchive(at('odd.tar'), [
      { name: 'backup.json', text: JSON.stringify({ format: 'roster-backup/1', files }) },
      { name: 'roster.sqlite', text: 'no database' },
      { name: 'credentials.sqlite', text: 'neither' },
    ])
    await expect(restoreBackup(at('odd.tar'), at('new'))).rejects.toThrow('is not a store of Roster')
    expect(readdirSync(at('new'))).toEqual([])
  })
})
