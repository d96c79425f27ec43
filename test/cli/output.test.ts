import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { age, document, table, width } from '../../src/cli/output.ts'

describe('table', () => {
  test('columns are aligned, heads in upper case, no space at the end of a line', () => {
    expect(
      table(
        ['Name', 'State'],
        [
          ['alice', 'Active'],
          ['bo', ''],
        ],
      ),
    ).toBe('NAME    STATE\nalice   Active\nbo\n')
  })

  test('wide letters take two columns', () => {
    expect(width('日本')).toBe(4)
    expect(
      table(
        ['N', 'S'],
        [
          ['日本', 'x'],
          ['ab', 'y'],
        ],
      )
        .split('\n')
        .slice(1, 3),
    ).toEqual(['日本   x', 'ab     y'])
  })

  test('what would move the cursor is shown, not done', () => {
    expect(table(['N'], [['a\u001b[2Jb\nc']])).toBe('N\na\\u001b[2Jb\\nc\n')
  })
})

describe('age', () => {
  test.each([
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [7199, '119m'],
    [7200, '2h'],
    [2 * 86_400, '2d'],
    [3 * 365 * 86_400, '3y'],
    [-5, '0s'],
  ])('%d seconds are %s', (seconds, text) => {
    const now = Date.parse('2026-11-22T10:00:00Z')
    expect(age(new Date(now - seconds * 1000).toISOString(), now)).toBe(text)
  })
})

describe('document', () => {
  const hostile = { name: 'a\u001b[2J\u202eb', tag: '\u{e0041}', plain: 'übrigens\nzwei', deep: [{ x: '\u009b' }] }

  test.each(['json', 'yaml'] as const)('%s says the same to a parser, and nothing to a terminal', async format => {
    const text = await document(hostile, format)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|[\u{e0000}-\u{e007f}]/u)
    expect(format === 'json' ? JSON.parse(text) : load(text)).toEqual(hostile)
  })
})
