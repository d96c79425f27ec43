import { describe, expect, it } from 'vitest'
import { compileExpression, type ExpressionUser } from '../../src/decide/cel.ts'
import fc from '../properties.ts'

const alice: ExpressionUser = {
  name: 'alice',
  email: 'alice@acme.example',
  external: false,
  givenName: 'Alice',
  labels: { team: 'platform', constructor: 'x' },
}

describe('an expression over user', () => {
  it.each<[string, boolean]>([
    ['user.labels.team == "platform"', true],
    ['user.labels["team"] == "sales"', false],
    ['user.labels.constructor == "x"', true],
    ['!user.external && user.email.endsWith("@acme.example")', true],
    ['user.email.matches("^a[a-z]+@")', true],
    ['(user.email) // .matches("no")\n .matches("^b")', false],
    ['user.labels.team in ["platform", "sre"]', true],
    ['user.labels.exists(k, user.labels[k] == "platform")', true],
    ['size(user.name) == 5 && user.name.size() > 4', true],
    ['has(user.locale) && user.locale == "de"', false],
  ])('%s holds for alice: %s', (text, ok) => {
    expect(compileExpression(text).problem).toBeUndefined()
    expect(compileExpression(text).evaluate(alice)).toEqual({ ok })
  })

  it.each([
    'user.labels.site == "hq"',
    'user.labels.site != "hq"',
    '!(user.locale == "de")',
    'user.labels.toString != ""',
    'user.labels.__proto__ != ""',
  ])('%s is no for somebody without that key', text => {
    expect(compileExpression(text).evaluate(alice)).toEqual({ ok: false })
  })

  it('takes from nobody else where their errors came from', () => {
    const before = Error.stackTraceLimit
    compileExpression('user.labels.site == "hq"').evaluate(alice)
    compileExpression('1 / 0 == 1').evaluate(alice)
    expect(Error.stackTraceLimit).toBe(before)
    expect(new Error('here').stack).toContain('cel.test.ts')
  })

  it('is an error, and neither yes nor no, where it cannot be decided', () => {
    expect(compileExpression('1 / size(user.labels.team.split("p")) == 1 / 0').evaluate(alice)).toEqual({
      error: 'division by zero',
    })
  })

  it.each<[string, RegExp, number]>([
    ['user.lables.team == "x"', /user has no lables; it has name, labels/, 0],
    ['has(user.lables)', /user has no lables/, 4],
    ['usr.name == "x"', /usr is not known; there is only user/, 0],
    ['user.name', /must be true or false, and is string/, 0],
    ['user.name + 1 == "x"', /no such overload/, 0],
    ['user.email.matches("(")', /"\(" is no regular expression/, 19],
    ['user.email ==', /Unexpected token/, 13],
    ['', /Unexpected token/, 0],
    ['cel.bind(x, user.name, x == "a")', /bind\(\) is not available/, 0],
    ['user.name.explode()', /explode\(\) is not available/, 0],
  ])('%s is refused with the place', (text, message, offset) => {
    const { problem, evaluate } = compileExpression(text)
    expect(problem?.message).toMatch(message)
    expect(problem?.offset).toBe(offset)
    expect(evaluate(alice)).toEqual({ error: problem?.message })
  })

  it('is refused where it nests too deep', () => {
    expect(compileExpression('('.repeat(5000)).problem?.message).toMatch(/maxDepth/)
  })

  it('is refused where its cost could grow beyond bounds', () => {
    const labels = 'user.labels.all(a, user.labels.all(b, user.labels.all(c, true)))'
    expect(compileExpression(labels).problem?.message).toMatch(/too expensive/)
    const grown = 'user.labels.map(a, user.labels.map(b, user.labels.map(c, a))).exists(x, size(x) > 1)'
    expect(compileExpression(grown).problem?.message).toMatch(/too expensive/)
  })

  it('matches in linear time what stops a backtracking engine', () => {
    const text = 'a'.repeat(100)
    const start = process.cpuUsage()
    expect(compileExpression('user.name.matches("^(a+)+$")').evaluate({ name: `${text}!` })).toEqual({ ok: false })
    expect(process.cpuUsage(start).user).toBeLessThan(1_000_000)
  })

  it('never throws, whatever is written', () => {
    const words = fc.constantFrom(
      'user',
      '.',
      'labels',
      '(',
      ')',
      '"a"',
      '==',
      '&&',
      '!',
      '[',
      ']',
      'matches',
      ',',
      'all',
      'x',
      '1',
      '{',
      ':',
      '}',
      ' ',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 20 }).map(all => all.join('')),
        ),
        text => {
          const result = compileExpression(text).evaluate(alice)
          return 'ok' in result ? typeof result.ok === 'boolean' : result.error.length > 0
        },
      ),
      { numRuns: 500 },
    )
  })
})
