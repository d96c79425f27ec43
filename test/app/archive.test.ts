import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readArchive, writeArchive } from '../../src/app/archive.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-archive-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)

describe('an archive', () => {
  test.each([0, 1, 511, 512, 513, 1024 * 1024 - 1, 1024 * 1024, 3 * 1024 * 1024 + 7])(
    'of a file of %d bytes comes back the same',
    async size => {
      const bytes = Buffer.from(Array.from({ length: Math.min(size, 4096) }, (_, index) => index % 251))
      const whole = Buffer.concat([bytes, Buffer.alloc(size - bytes.length, 7)])
      writeFileSync(at('in'), whole)
      await writeArchive(at('a.tar'), [
        { name: 'about', text: 'hello' },
        { name: 'data', file: at('in') },
      ])
      expect(statSync(at('a.tar')).mode & 0o777).toBe(0o600)
      const found = await readArchive(at('a.tar'), name => at(`out-${name}`))
      expect([...found.keys()]).toEqual(['about', 'data'])
      expect(readFileSync(at('out-data')).equals(whole)).toBe(true)
      expect(readFileSync(at('out-about'), 'utf8')).toBe('hello')
    },
  )

  test('is one that tar reads', async () => {
    await writeArchive(at('a.tar'), [{ name: 'about', text: 'hello' }])
    expect(execFileSync('tar', ['xOf', at('a.tar'), 'about'], { encoding: 'utf8' })).toBe('hello')
  })

  test('what is not asked for is passed over, whatever it is called', async () => {
    await writeArchive(at('a.tar'), [
      { name: '../../escape', text: 'x' },
      { name: 'data', text: 'y' },
    ])
    const asked: string[] = []
    const found = await readArchive(at('a.tar'), name => {
      asked.push(name)
      return name === 'data' ? at('data') : undefined
    })
    expect([asked, [...found.keys()]]).toEqual([['../../escape', 'data'], ['data']])
  })

  test('a flipped bit in a header, and an end before the end, are refused', async () => {
    await writeArchive(at('a.tar'), [{ name: 'data', text: 'y'.repeat(2000) }])
    const whole = readFileSync(at('a.tar'))
    for (const byte of [0, 124, 150, 300]) {
      const damaged = Buffer.from(whole)
      damaged[byte] = (damaged[byte] ?? 0) ^ 1
      writeFileSync(at('b.tar'), damaged)
      await expect(readArchive(at('b.tar'), () => undefined)).rejects.toThrow('no backup of Roster, or damaged')
    }
    for (const length of [0, 100, 512, 1000, 2559]) {
      writeFileSync(at('c.tar'), whole.subarray(0, length))
      await expect(readArchive(at('c.tar'), () => undefined)).rejects.toThrow(/cut off/)
    }
  })

  test('nothing that is there is written over', async () => {
    writeFileSync(at('a.tar'), 'mine')
    await expect(writeArchive(at('a.tar'), [{ name: 'data', text: 'x' }])).rejects.toThrow('EEXIST')
    expect(readFileSync(at('a.tar'), 'utf8')).toBe('mine')
  })
})
