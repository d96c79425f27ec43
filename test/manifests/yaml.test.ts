import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { type Span, YAML_LIMITS } from '../../src/manifests/composer.ts'
import { readYaml } from '../../src/manifests/yaml.ts'
import fc from '../properties.ts'

const plain = (text: string): unknown => readYaml(text)[0]?.value
const problemsOf = (text: string): string[] =>
  readYaml(text).flatMap(({ problems }) =>
    problems.map(({ severity, rule, offset }) => `${severity} ${rule} at ${offset}`),
  )

describe('a value in YAML', () => {
  it.each<[string, unknown]>([
    ['2026-12-01', '2026-12-01'],
    ['2026-12-01T09:00:00Z', '2026-12-01T09:00:00Z'],
    ['"249043822"', '249043822'],
    ['249043822', 249043822],
    ['1e3', 1000],
    ['yes', 'yes'],
    ['true', true],
    ['~', null],
    ['', undefined],
    ['!!str 12', '12'],
    ['1:20', '1:20'],
    ["'it''s'", "it's"],
    ['{"a": "\\ud83d\\ude00", "b": [1, null]}', { a: '😀', b: [1, null] }],
    ['a: >\n  x\n  y\n', { a: 'x y\n' }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
  ])('%j is %j', (text, value) => {
    expect(plain(text)).toEqual(value)
  })

  it('is what js-yaml makes of it, for whatever JSON holds', () => {
    const key = fc.string().filter(text => text !== '__proto__')
    const { value: json } = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    fc.assert(
      fc.property(json, written => {
        const text = JSON.stringify(written)
        expect(plain(text)).toEqual(load(text))
        expect(plain(text)).toEqual(written)
      }),
      { numRuns: 300 },
    )
  })

  it('shares nothing between an anchor and its aliases', () => {
    const value = plain('a: &x {k: [1]}\nb: *x') as { a: { k: number[] }; b: { k: number[] } }
    value.a.k.push(2)
    expect(value.b.k).toEqual([1])
  })
})

describe('a problem in YAML', () => {
  it.each<[string, string[]]>([
    ['a: 1\na: 2', ['error duplicate-key at 5']],
    ['__proto__: {x: 1}', ['error yaml-key at 0']],
    ['? [a]\n: b', ['error yaml-key at 2']],
    ['? *x\n: b', ['error yaml-key at 2', 'error yaml-alias at 2']],
    ['<<: {a: 1}', ['error yaml-key at 0']],
    [': x', ['error yaml-key at 0']],
    ['a: !!js/function x', ['error yaml-tag at 3']],
    ['a: !custom {}', ['error yaml-tag at 3']],
    ['a: !!binary aGk=', ['error yaml-tag at 3']],
    ['a: &a [*a]', ['error yaml-alias at 7']],
    ['a: *nobody', ['error yaml-alias at 3']],
    ['a: 0123', ['error ambiguous-scalar at 3']],
    ['a: no', ['warning ambiguous-scalar at 3']],
    ['a: 1_000', ['warning ambiguous-scalar at 3']],
    ['on: x', ['warning ambiguous-scalar at 0']],
    ['a: "no"', []],
    ['a: [', ['error yaml-syntax at 4']],
    ['a: b: c', ['error yaml-syntax at 4']],
    ['a: \u0001', ['error yaml-syntax at 3']],
  ])('%j: %j', (text, expected) => {
    expect(problemsOf(text)).toEqual(expected)
  })

  it('bounds how deep values nest', () => {
    expect(problemsOf(`${'['.repeat(YAML_LIMITS.depth)}${']'.repeat(YAML_LIMITS.depth)}`)).toEqual([])
    expect(problemsOf('['.repeat(100_000))).toEqual([expect.stringContaining('error yaml-nesting')])
    expect(problemsOf('- '.repeat(100_000))).toEqual([expect.stringContaining('error yaml-nesting')])
  })

  it('leaves no prototype changed', () => {
    readYaml('__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('counts aliases as often as they are used', () => {
    const bomb = Array.from(
      { length: 9 },
      (_, level) =>
        `a${level}: &a${level} [${Array(10)
          .fill(level ? `*a${level - 1}` : 'x')
          .join(', ')}]`,
    ).join('\n')
    expect(problemsOf(bomb)).toEqual([expect.stringContaining('error yaml-alias')])
    const deep = Array.from(
      { length: 70 },
      (_, level) => `a${level}: &a${level} [${level ? `*a${level - 1}` : 'x'}]`,
    ).join('\n')
    expect(problemsOf(deep)).toEqual([expect.stringContaining('error yaml-alias')])
  })

  it('bounds the keys of a mapping', () => {
    const keys = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}: v`).join('\n')
    expect(problemsOf(keys(YAML_LIMITS.keys))).toEqual([])
    expect(problemsOf(keys(20_000))).toEqual(['error too-large at 0'])
  })
})

describe('the places of values', () => {
  it('are those of the text, quotes and keys included', () => {
    const text = 'a: 1\nb:\n  - {c: "x"}\n  - |\n    long\n'
    const into = new Map<string, Span>()
    readYaml(text, { of: 0, into })
    const at = (pointer: string) => text.slice(into.get(pointer)?.start, into.get(pointer)?.end)
    expect(at('/a')).toBe('1')
    expect(at('/b/0/c')).toBe('"x"')
    expect(into.get('/b/1')?.literal).toBe(true)
    expect(into.get('/b')?.key).toBe(5)
  })
})
