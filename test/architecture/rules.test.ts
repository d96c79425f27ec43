import { describe, expect, it } from 'vitest'
import { importsOf } from './imports.ts'
import { circles, emptyNames, schemaAtRunTime, wrongArrows, wrongLibraries } from './rules.ts'

// The rules must be able to fail: each one is shown a house that breaks it.

describe('the imports of a text', () => {
  it.each([
    ["import { a } from './a.ts'", './a.ts', 'static'],
    ["import a from './a.ts'", './a.ts', 'static'],
    ["import * as a from './a.ts'", './a.ts', 'static'],
    ["import './a.ts'", './a.ts', 'static'],
    ["import { type A } from './a.ts'", './a.ts', 'static'],
    ["import type { A } from './a.ts'", './a.ts', 'type'],
    ["import type * as a from './a.ts'", './a.ts', 'type'],
    ["export { a } from './a.ts'", './a.ts', 'static'],
    ["export * from './a.ts'", './a.ts', 'static'],
    ["export type { A } from './a.ts'", './a.ts', 'type'],
    ["export type * from './a.ts'", './a.ts', 'type'],
    ["const a = await import('./a.ts')", './a.ts', 'lazy'],
    ["type A = import('./a.ts').A", './a.ts', 'type'],
    ['const a = await import(name)', undefined, 'lazy'],
  ])('%s', (text, specifier, how) => {
    expect(importsOf(text)).toEqual([{ specifier, how, line: 1 }])
  })

  it('go over several lines and are counted from where they begin', () => {
    expect(importsOf("// first\nimport {\n  a,\n  b,\n} from './a.ts'\n")).toEqual([
      { specifier: './a.ts', how: 'static', line: 2 },
    ])
  })

  it('are not what stands in comments and strings', () => {
    const text =
      "// import './a.ts'\n/* import './b.ts' */\nconst a = `import './c.ts'`\nexport const b = \"import('./d.ts')\""
    expect(importsOf(text)).toEqual([])
  })
})

describe('an arrow between rooms', () => {
  it('that points the wrong way is found, with its line', () => {
    const sources = { 'decide/seats.ts': "\nimport { open } from '../store/store.ts'", 'store/store.ts': '' }
    expect(wrongArrows(sources)).toEqual(['src/decide/seats.ts:2: decide may not import store/store.ts'])
  })

  it('that points the wrong way is found even when it is a type, or lazy', () => {
    expect(wrongArrows({ 'store/store.ts': "import type { Loop } from '../runtime/loop.ts'" })).toHaveLength(1)
    expect(wrongArrows({ 'store/store.ts': "await import('../runtime/loop.ts')" })).toHaveLength(1)
  })

  it('for types only carries no value', () => {
    expect(wrongArrows({ 'reconcilers/user.ts': "import type { Store } from '../store/store.ts'" })).toEqual([])
    expect(wrongArrows({ 'reconcilers/user.ts': "import { type Store } from '../store/store.ts'" })).toEqual([
      'src/reconcilers/user.ts:1: reconcilers may import types only of store; write "import type"',
    ])
  })

  it('inside of a room, and down the table, is fine', () => {
    const text = "import { a } from '../b/c.ts'\nimport { d } from '../../api/names.ts'\nimport pino from 'pino'"
    expect(wrongArrows({ 'store/embedded/store.ts': text })).toEqual([])
  })

  it('does not leave src/, but for the version', () => {
    expect(wrongArrows({ 'cli/version.ts': "import p from '../../package.json' with { type: 'json' }" })).toEqual([])
    expect(wrongArrows({ 'cli/version.ts': "import { x } from '../../test/x.ts'" })).toHaveLength(1)
  })

  it('starts in a room', () => {
    expect(wrongArrows({ 'cellar/wine.ts': '', 'main.ts': '' })).toHaveLength(2)
  })
})

describe('a library', () => {
  it('that is slow to load is imported lazily', () => {
    const text = "import { KubeConfig } from '@kubernetes/client-node'"
    expect(wrongLibraries({ 'store/kubernetes/client.ts': text })).toHaveLength(1)
    expect(wrongLibraries({ 'store/kubernetes/client.ts': text.replace('import', 'import type') })).toEqual([])
    expect(wrongLibraries({ 'store/kubernetes/client.ts': "await import('@kubernetes/client-node')" })).toEqual([])
  })

  it('for build time stays in api/', () => {
    const text = "import Type from 'typebox'\nimport { Value } from 'typebox/value'"
    expect(wrongLibraries({ 'api/user.ts': text })).toEqual([])
    expect(wrongLibraries({ 'manifests/schema.ts': text })).toHaveLength(2)
  })

  it('that lets the world in stays out of pure rooms', () => {
    expect(wrongLibraries({ 'decide/seats.ts': "import { readFileSync } from 'node:fs'" })).toHaveLength(1)
    expect(wrongLibraries({ 'decide/seats.ts': "import { readFile } from 'node:fs/promises'" })).toHaveLength(1)
    expect(wrongLibraries({ 'decide/seats.ts': "import { createHash } from 'node:crypto'" })).toEqual([])
    expect(wrongLibraries({ 'store/file.ts': "import { readFileSync } from 'node:fs'" })).toEqual([])
  })
})

describe('the schema of a kind', () => {
  const api = {
    'api/schema.ts': "import Type from 'typebox'",
    'api/user.ts': "import type { Static } from 'typebox'\nimport { text } from './schema.ts'",
    'api/definitions.ts': "import { user } from './user.ts'",
    'api/names.ts': "import type { User } from './user.ts'",
  }

  it('is not loaded at run time, by whatever way', () => {
    const sources = {
      ...api,
      'decide/a.ts': "import { user } from '../api/user.ts'",
      'cli/b.ts': "await import('../api/definitions.ts')",
    }
    expect(schemaAtRunTime(sources)).toEqual([
      'src/decide/a.ts:1: loads typebox through api/user.ts; write "import type", or take api/generated',
      'src/cli/b.ts:1: loads typebox through api/definitions.ts; write "import type", or take api/generated',
    ])
  })

  it('gives its types to everyone', () => {
    const text = "import type { User } from '../api/user.ts'\nimport { KINDS } from '../api/names.ts'"
    expect(schemaAtRunTime({ ...api, 'decide/a.ts': text })).toEqual([])
  })
})

describe('a circle', () => {
  it('of rooms is found once', () => {
    const sources = {
      'store/a.ts': "import '../runtime/b.ts'",
      'runtime/b.ts': "import '../effects/c.ts'",
      'effects/c.ts': "import '../store/a.ts'",
    }
    expect(circles(sources)).toEqual(['effects → store → runtime → effects'])
  })

  it('is none where one side takes types only', () => {
    expect(
      circles({ 'store/a.ts': "import '../runtime/b.ts'", 'runtime/b.ts': "import type {} from '../store/a.ts'" }),
    ).toEqual([])
  })
})

describe('a name', () => {
  it('that says nothing is found', () => {
    expect(emptyNames(['store/utils/a.ts', 'store/types.ts', 'helpers/b.ts', 'store/store.ts'])).toEqual([
      'store/utils/a.ts',
      'store/types.ts',
      'helpers/b.ts',
    ])
  })
})
