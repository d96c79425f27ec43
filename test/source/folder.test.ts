import { EventEmitter } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FolderReaderOptions, folderReader, readFolder } from '../../src/source/folder.ts'
import { stampOf } from '../../src/source/folder-stamp.ts'
import { type OpenWatcher, SETTLE } from '../../src/source/folder-watch.ts'
import type { Revision, SourceReader } from '../../src/source/revision.ts'
import { organizationYaml, roleYaml } from './repository.ts'

/** A machine may be busy; what is waited for comes. */
const PATIENTLY = { timeout: 20_000, interval: 10 }
let base: string
let folder: string
const opened: SourceReader[] = []

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'roster-folder-'))
  folder = join(base, 'people')
  mkdirSync(folder)
})
afterEach(async () => {
  for (const reader of opened.splice(0)) await reader.close()
  rmSync(base, { recursive: true, force: true })
})

const open = (more: Partial<FolderReaderOptions> = {}): SourceReader => {
  const reader = folderReader({ path: folder, ...more })
  opened.push(reader)
  return reader
}
const read = (reader: SourceReader): Promise<Revision> => reader.read({ signal: new AbortController().signal })
const write = (name: string, text: string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), text)
}
/** When something in the folder changed last. */
const newest = (): number =>
  Math.max(...['.', ...readdirSync(folder)].map(name => Math.floor(statSync(join(folder, name)).ctimeMs)))
const placesOf = (revision: Revision): string[] => {
  if (revision.outcome !== 'Complete') expect.fail(`${revision.reason}: ${revision.message}`)
  return revision.manifests.map(({ place }) => place)
}

describe('a folder', () => {
  it('is read as one revision, named after what it says', async () => {
    write('a.yaml', organizationYaml)
    write('roles/b.yaml', roleYaml('editor'))
    const first = await read(open())
    expect(placesOf(first)).toEqual(['a.yaml:1', 'roles/b.yaml:1'])
    write('a.yaml', organizationYaml)
    expect((await read(open())).id).toBe(first.id)
    write('roles/b.yaml', roleYaml('editor', { displayName: 'Editor' }))
    expect((await read(open())).id).not.toBe(first.id)
  })
  it('that is empty is complete and holds nothing', async () => {
    expect(await read(open())).toMatchObject({ outcome: 'Complete', manifests: [] })
  })
  it('that is missing, broken or leads outside is refused, and says where', async () => {
    expect(await read(open({ path: join(base, 'nowhere') }))).toMatchObject({
      outcome: 'Failed',
      reason: 'PathNotFound',
    })
    write('a.yaml', 'kind: [')
    expect(await read(open())).toMatchObject({ outcome: 'Failed', reason: 'InvalidManifests' })
    unlinkSync(join(folder, 'a.yaml'))
    symlinkSync('/etc/hostname', join(folder, 'b.yaml'))
    expect(await read(open())).toMatchObject({
      reason: 'InvalidManifests',
      message: expect.stringMatching(/^b\.yaml:1:1: /),
    })
    unlinkSync(join(folder, 'b.yaml'))
    symlinkSync('nowhere.yaml', join(folder, 'c.yaml'))
    expect(await read(open())).toMatchObject({ reason: 'InvalidManifests' })
  })
  it('in the middle of a change is waited for', async () => {
    write('a.yaml', organizationYaml)
    let left = 3
    const reader = open({
      now: () => newest() + (left > 0 ? SETTLE - 1 : SETTLE),
      sleep: async () => write(`f${--left}.yaml`, roleYaml(`r${left}`)),
    })
    expect(placesOf(await read(reader))).toHaveLength(4)
  })
  it('that changes while it is read is read again', async () => {
    write('a.yaml', organizationYaml)
    let rounds = 0
    const readOnce: typeof readFolder = async (...of) => {
      const revision = await readFolder(...of)
      if (++rounds === 1) write('b.yaml', roleYaml('editor'))
      return revision
    }
    expect(placesOf(await read(open({ readOnce })))).toEqual(['a.yaml:1', 'b.yaml:1'])
    expect(rounds).toBe(2)
  })
  it('that never stands still is not applied', async () => {
    write('a.yaml', organizationYaml)
    let round = 0
    const reader = open({
      now: () => newest() + 1,
      sleep: async () => write('b.yaml', roleYaml('editor', { displayName: `${round++}` })),
    })
    expect(await read(reader)).toMatchObject({ outcome: 'Partial', reason: 'Retrying' })
  })
})

describe('the stamp of a folder', () => {
  it('differs with every change of what could be a manifest, and with nothing else', async () => {
    write('a.yaml', organizationYaml)
    write('sub/b.yaml', organizationYaml)
    symlinkSync('a.yaml', join(folder, 'link.yaml'))
    let before = (await stampOf(folder)).id
    const differs = async (act: () => void): Promise<boolean> => {
      // Two changes within one tick of the file system's clock are one.
      await new Promise(resolve => setTimeout(resolve, 20))
      act()
      const after = (await stampOf(folder)).id
      const changed = after !== before
      before = after
      return changed
    }
    const { atime, mtime } = statSync(join(folder, 'a.yaml'))
    expect(await differs(() => undefined)).toBe(false)
    expect(await differs(() => write('sub/b.yaml', roleYaml('editor')))).toBe(true)
    expect(await differs(() => write('a.yaml', organizationYaml.replace('acme', 'emca')))).toBe(true)
    expect(await differs(() => utimesSync(join(folder, 'a.yaml'), atime, mtime))).toBe(true)
    expect(await differs(() => renameSync(join(folder, 'sub/b.yaml'), join(folder, 'sub/c.yaml')))).toBe(true)
    expect(await differs(() => unlinkSync(join(folder, 'sub/c.yaml')))).toBe(true)
    mkdirSync(join(folder, '.git'))
    before = (await stampOf(folder)).id
    expect(await differs(() => write('.git/x.yaml', 'x'))).toBe(false)
    expect(await differs(() => rmSync(folder, { recursive: true }))).toBe(true)
  })
})

describe('the watch of a folder', () => {
  /** Resolves when every folder is watched, which is told as a change. */
  const watched = async (reader: SourceReader) => {
    const changed = vi.fn()
    reader.watch(changed)
    await vi.waitUntil(() => changed.mock.calls.length > 0, PATIENTLY)
    return async (act: () => void): Promise<void> => {
      const before = changed.mock.calls.length
      act()
      await vi.waitUntil(() => changed.mock.calls.length > before, PATIENTLY)
    }
  }
  const replaced = (name: string, text: string): void => {
    writeFileSync(join(folder, `.${name}.swp`), text)
    renameSync(join(folder, `.${name}.swp`), join(folder, name))
  }

  it('tells edits, atomic saves, new folders, renames and deletions', async () => {
    write('a.yaml', organizationYaml)
    const told = await watched(open())
    await told(() => write('a.yaml', `${organizationYaml}# edit\n`))
    await told(() => replaced('a.yaml', organizationYaml))
    await told(() => write('new/deep/b.yaml', roleYaml('editor')))
    await told(() => renameSync(join(folder, 'new'), join(folder, 'newer')))
    await told(() => write('newer/deep/b.yaml', roleYaml('viewer')))
    await told(() => rmSync(join(folder, 'newer'), { recursive: true }))
  })
  it('outlives the folder', async () => {
    write('a.yaml', organizationYaml)
    const told = await watched(open())
    await told(() => rmSync(folder, { recursive: true }))
    await told(() => write('a.yaml', organizationYaml))
    await told(() => write('a.yaml', `${organizationYaml}# edit\n`))
    await told(() => {
      mkdirSync(join(base, 'next'))
      writeFileSync(join(base, 'next', 'z.yaml'), organizationYaml)
      renameSync(folder, join(base, 'old'))
      renameSync(join(base, 'next'), folder)
    })
    await told(() => write('z.yaml', roleYaml('editor')))
  })
  it('begins before the folder is there', async () => {
    rmSync(folder, { recursive: true })
    const changed = vi.fn()
    open().watch(changed)
    write('a.yaml', organizationYaml)
    await vi.waitUntil(() => changed.mock.calls.length > 0, PATIENTLY)
  })
  it('follows a link that is turned to another folder, as a volume of Kubernetes does', async () => {
    const turn = (version: string, text: string): void => {
      mkdirSync(join(folder, `..${version}`))
      writeFileSync(join(folder, `..${version}`, 'a.yaml'), text)
      symlinkSync(`..${version}`, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    turn('1', organizationYaml)
    symlinkSync('..data/a.yaml', join(folder, 'a.yaml'))
    const reader = open()
    const told = await watched(reader)
    const first = await read(reader)
    await told(() => turn('2', roleYaml('editor')))
    const second = await read(reader)
    expect(placesOf(second)).toEqual(['a.yaml:1'])
    expect(second.id).not.toBe(first.id)
  })
  it('tells thousands of files at once, and the read takes all of them', async () => {
    const reader = open()
    const told = await watched(reader)
    await told(() => {
      for (let index = 0; index < 2000; index++) write(`f${index}.yaml`, roleYaml(`r${index}`))
    })
    expect(placesOf(await read(reader))).toHaveLength(2000)
  })
  it('that the system has no room for is named in the revision', async () => {
    write('a.yaml', organizationYaml)
    const watcher = Object.assign(new EventEmitter(), { close: async () => undefined })
    const reader = open({ openWatcher: () => watcher as unknown as ReturnType<OpenWatcher> })
    reader.watch(() => undefined)
    watcher.emit('error', Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    expect(await read(reader)).toMatchObject({
      outcome: 'Complete',
      notice: expect.stringContaining('max_user_watches'),
    })
  })
})
