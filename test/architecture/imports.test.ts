import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lineLimits, longFiles, rooms } from './rooms.ts'
import { circles, emptyNames, schemaAtRunTime, wrongArrows, wrongLibraries } from './rules.ts'

const src = join(import.meta.dirname, '../../src')
const paths = globSync('**/*.ts', { cwd: src }).map(path => path.replaceAll('\\', '/'))
const sources = Object.fromEntries(paths.sort().map(path => [path, readFileSync(join(src, path), 'utf8')]))

describe('the rooms of src/', () => {
  it('are there to be checked', () => {
    expect(paths).toContain('api/names.ts')
  })

  it('import each other only the way the table says', () => {
    expect(wrongArrows(sources)).toEqual([])
  })

  it('have no circles, neither in the table nor in the files', () => {
    const table = Object.entries(rooms).map(([room, { all }]) => [
      `${room}/a.ts`,
      all.map(other => `import '../${other}/a.ts'`).join('\n'),
    ])
    expect(circles(Object.fromEntries(table))).toEqual([])
    expect(circles(sources)).toEqual([])
  })

  it('import no library where it does not belong', () => {
    expect(wrongLibraries(sources)).toEqual([])
  })

  it('never load the schemas of the kinds at run time', () => {
    expect(schemaAtRunTime(sources)).toEqual([])
  })

  it('have names that say what is inside', () => {
    expect(emptyNames(paths)).toEqual([])
  })
})

describe('a file', () => {
  const lengths = paths
    .filter(path => !path.includes('/generated/'))
    .map(path => ({ path, lines: (sources[path] ?? '').split('\n').length - 1 }))

  it(`is not much longer than ${lineLimits.looked} lines, or says why`, () => {
    const long = lengths.filter(({ path, lines }) => lines > lineLimits.looked && !(path in longFiles))
    for (const { path, lines } of long) console.warn(`src/${path} has ${lines} lines: look at it`)
    expect(long.filter(({ lines }) => lines > lineLimits.most)).toEqual([])
  })

  it('that is excused is still long', () => {
    const stale = Object.keys(longFiles).filter(
      path => !lengths.some(length => length.path === path && length.lines > lineLimits.looked),
    )
    expect(stale).toEqual([])
  })
})

describe('a property', () => {
  it('takes its seed from properties.ts, so that it passes or fails alike on every machine', () => {
    const direct = globSync('**/*.ts', { cwd: join(import.meta.dirname, '..') }).filter(path =>
      readFileSync(join(import.meta.dirname, '..', path), 'utf8').includes(["'fast", "check'"].join('-')),
    )
    expect(direct).toEqual(['properties.ts'])
  })
})
