import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VERBS } from '../../src/cli/verbs.ts'
import { importsOf } from '../architecture/imports.ts'
import { openPlace } from './command-line.ts'

const SRC = join(import.meta.dirname, '..', '..', 'src')

describe('verbs', () => {
  test('each file is a verb of the table, and each verb has its file', () => {
    const files = readdirSync(join(SRC, 'cli', 'verbs')).map(name => name.replace(/\.ts$/, ''))
    expect(files.sort()).toEqual(VERBS.map(verb => verb.name).sort())
  })

  test.each(VERBS.map(verb => verb.name))('%s has a summary, a help and an example', async name => {
    using place = openPlace()
    const { code, out, err } = await place.run(name, '--help')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain(`Usage: roster ${name}`)
    expect(out).toContain(VERBS.find(verb => verb.name === name)?.summary)
    expect(out).toContain(`\nExamples\n  roster ${name}`)
    expect((await place.run('help', name)).out).toBe(out)
    expect(readdirSync(place.folder)).toEqual([])
  })

  test('the help lists them all', async () => {
    using place = openPlace()
    const { code, out } = await place.run('--help')
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot('golden/help.txt')
    expect((await place.run()).out).toBe(out)
    expect((await place.run('help')).out).toBe(out)
  })

  test('none reads more than it needs', () => {
    const rooms = (path: string): Set<string> => {
      const seen = new Set([path])
      for (const file of seen) {
        if (file.startsWith('npm/') || !/\.ts$/.test(file)) continue
        for (const { specifier = '', how } of importsOf(readFileSync(join(SRC, file), 'utf8')))
          if (how === 'static')
            seen.add(specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : `npm/${specifier}`)
      }
      return seen
    }
    const light = ['version', 'completion', 'explain', 'crds', 'schemas', 'config', 'validate', 'new', 'init']
    for (const name of light) {
      const files = [...rooms(`cli/verbs/${name}.ts`)]
      expect(
        files.filter(file =>
          /^(store|runtime|reconcilers|portal|accounts|effects)\/|^npm\/(hono|nodemailer|pino|simple-git|node:sqlite)/.test(
            file,
          ),
        ),
        name,
      ).toEqual([])
    }
    expect([...rooms('cli/verbs/get.ts')]).toContain('store/embedded/store.ts')
    expect([...rooms('cli/main.ts')]).toEqual(['cli/main.ts', 'api/names.ts', 'cli/io.ts'])
  })
})

describe('the bundle', () => {
  test('gives a library in CommonJS its names by a static import only, so none is imported lazily by its own name', () => {
    const files = readdirSync(join(SRC, 'cli'), { recursive: true, encoding: 'utf8' }).filter(name =>
      name.endsWith('.ts'),
    )
    const lazy = files.flatMap(name =>
      importsOf(readFileSync(join(SRC, 'cli', name), 'utf8')).filter(
        ({ how, specifier }) => how === 'lazy' && !/^(\.|node:)/.test(specifier ?? ''),
      ),
    )
    expect(lazy).toEqual([])
  })
})

describe('wrong usage', () => {
  test.each([
    [['ge', 'users'], "unknown command 'ge'; did you mean get?"],
    [['get'], "missing required argument 'kind'; roster get --help says how"],
    [['get', 'users', '--outpt', 'json'], "unknown option '--outpt'; did you mean --output?"],
    [['get', 'usrs'], 'there is no kind "usrs"; did you mean "users"?'],
    [['get', 'users', '-o', 'jsn'], '-o jsn is not among table, wide, json, yaml, name'],
    [['describe', 'a', 'b', 'c'], 'name one resource, not 2: b, c'],
    [['help', 'descrbe'], 'there is no verb "descrbe"; did you mean "describe"?'],
    [['get', 'users'], 'there is no store in'],
  ])('%j is trouble, said on one line', async (args, says) => {
    using place = openPlace()
    const { code, out, err } = await place.run(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^roster: [^\n]+\n$/)
    expect(err).toContain(says)
  })

  test('with -o json the trouble is a document too', async () => {
    using place = openPlace()
    for (const args of [
      ['get', 'users', '-o', 'json'],
      ['get', '-o', 'json'],
      ['why', '-ojson'],
      ['audit', '--output=json'],
    ]) {
      const { code, out } = await place.run(...args)
      expect(code).toBe(2)
      expect(JSON.parse(out).error.message).toBeTypeOf('string')
    }
  })

  test('an interruption is told by its code', async () => {
    using place = openPlace()
    const { code } = await place.runWith({ signal: AbortSignal.abort() }, 'get', 'users')
    expect(code).toBe(130)
  })
})
