import { describe, expect, it } from 'vitest'
import { SCHEMAS } from '../../src/api/generated/schemas.ts'
import type { Rule } from '../../src/api/schema.ts'
import type { KindSchema, SchemaNode } from '../../src/api/schemanode.ts'
import { Judgement } from '../../src/manifests/judgement.ts'
import { judgeRules } from '../../src/manifests/rules.ts'

const integer: SchemaNode = { type: 'integer', description: '' }
const string: SchemaNode = { type: 'string', description: '' }
const object = (properties: Record<string, SchemaNode>, rules: Rule[] = []): SchemaNode => ({
  type: 'object',
  description: '',
  properties,
  rules,
})

const judge = (spec: SchemaNode, value: object, options: { rules?: Rule[]; before?: object } = {}): string[] => {
  const source = { file: 'a.yaml', text: '' }
  const judgement = new Judgement({ source, file: 'a.yaml', line: 1, at: () => ({ line: 1, column: 1 }) })
  const schema: KindSchema = { ...SCHEMAS.Role, rules: options.rules ?? [], spec }
  judgeRules(judgement, schema, { spec: value }, options.before && { spec: options.before })
  return judgement.findings().map(({ rule, message, path }) => `${rule} ${path}: ${message}`)
}

describe('a rule', () => {
  it('reads whole numbers as whole numbers', () => {
    const even = object({ n: integer, list: { type: 'array', description: '', items: integer } }, [
      { rule: 'self.n % 2 == 0 && self.list.all(i, i / 2 == 1)', message: 'odd', fieldPath: '.n' },
    ])
    expect(judge(even, { n: 4, list: [2, 3] })).toEqual([])
    expect(judge(even, { n: 3, list: [] })).toEqual(['rule-broken /spec/n: odd'])
  })

  it('is found in objects inside of lists, with its place', () => {
    const item = object({ a: string }, [{ rule: 'has(self.a)', message: 'no a' }])
    const spec = object({ list: { type: 'array', description: '', items: item } })
    expect(judge(spec, { list: [{ a: 'x' }, {}] })).toEqual(['rule-broken /spec/list/1: no a'])
  })

  it('is broken by what it cannot decide, as in a cluster', () => {
    const spec = object({ a: string }, [{ rule: "self.a == 'x'", message: 'must be x' }])
    expect(judge(spec, {})).toEqual([expect.stringMatching(/^rule-broken \/spec: must be x \(No such key: a\)/)])
  })

  it('matches in linear time', () => {
    const spec = object({ a: string }, [{ rule: "self.a.matches('^(a+)+$')", message: 'only a' }])
    expect(judge(spec, { a: `${'a'.repeat(100)}!` })).toEqual(['rule-broken /spec: only a'])
  })

  it('on what was before waits until there is one', () => {
    const rules = [{ rule: 'self.spec.a == oldSelf.spec.a', message: 'a cannot be changed', fieldPath: '.spec.a' }]
    const spec = object({ a: string })
    expect(judge(spec, { a: 'x' }, { rules })).toEqual([])
    expect(judge(spec, { a: 'x' }, { rules, before: { a: 'x' } })).toEqual([])
    expect(judge(spec, { a: 'y' }, { rules, before: { a: 'x' } })).toEqual([
      'cannot-change /spec/a: a cannot be changed',
    ])
  })
})
