import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRealm } from '../../src/app/openrealm.ts'
import { resolveSettings } from '../../src/app/settings.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-realm-'))
})
afterEach(() => rm(folder, { recursive: true }))
const open = (create: boolean) =>
  openRealm({
    settings: resolveSettings({ flags: { data: join(folder, 'data') }, environment: {}, cwd: folder }).settings,
    environment: {},
    create,
  })

describe('the data folder', () => {
  it('is made where there is none, and opened again', async () => {
    await (await open(true))[Symbol.asyncDispose]()
    await (await open(false))[Symbol.asyncDispose]()
  })

  it('that lost what was in its store is refused: everybody would be invited again', async () => {
    await (await open(true))[Symbol.asyncDispose]()
    await mkdir(join(folder, 'data', 'keys'))
    await writeFile(join(folder, 'data', 'keys', 'link.1'), 'x')
    // Cut off, or copied without the log in which everything of a running store may still lie.
    for (const size of [4096, 0]) {
      await truncate(join(folder, 'data', 'roster.sqlite'), size)
      for (const create of [true, false])
        await expect(open(create)).rejects.toThrow('roster.sqlite is empty, and the folder was in use before')
    }
  })

  it('whose store was being made when the process died is made anew', async () => {
    await mkdir(join(folder, 'data'))
    await writeFile(join(folder, 'data', 'roster.sqlite'), '')
    await (await open(true))[Symbol.asyncDispose]()
  })
})
