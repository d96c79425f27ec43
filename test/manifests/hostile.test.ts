import { describe, expect, it } from 'vitest'
import { readManifests } from '../../src/manifests/read.ts'
import { githubReport } from '../../src/manifests/report/github.ts'
import { junitReport } from '../../src/manifests/report/junit.ts'
import { prettyReport } from '../../src/manifests/report/pretty.ts'
import fc from '../properties.ts'
import { ACME_LINES, API, acme, brief, user } from './reading.ts'

const times = (count: number, text: (index: number) => string, between = '\n'): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(between)
const organization = (spec: string): string => `${API}\nkind: Organization\nmetadata: {name: other}\nspec: ${spec}\n`
const bomb = times(
  9,
  level =>
    `a${level}: &a${level} [${Array(10)
      .fill(level ? `*a${level - 1}` : 'x')
      .join(', ')}]`,
)

/** Each text is the third of four documents; the lines of the finding count from its first line. */
const hostile: [string, string, string][] = [
  ['nested lists, ten thousand deep', '['.repeat(10_000), '1:65 error yaml-nesting'],
  ['nested mappings, ten thousand deep', '{a: '.repeat(10_000), 'yaml-nesting'],
  ['nested blocks, thousands deep', times(3000, depth => `${' '.repeat(depth)}a:`), 'yaml-nesting'],
  ['dashes in one line, a hundred thousand', '- '.repeat(100_000), 'yaml-nesting'],
  ['a bomb of aliases', bomb, 'yaml-alias'],
  ['a bomb of aliases inside of a manifest', organization(`\n  ${bomb.replaceAll('\n', '\n  ')}`), 'yaml-alias'],
  ['an alias inside of itself', 'a: &a {b: *a}', '1:11 error yaml-alias'],
  ['ten thousand aliases', `a: &a x\nb: [${times(10_000, () => '*a', ', ')}]`, 'yaml-alias'],
  ['twenty thousand keys', organization(`\n${times(20_000, index => `  k${index}: v`)}`), 'too-large'],
  ['five thousand unknown fields', organization(`\n${times(5000, index => `  k${index}: v`)}`), 'too-many-findings'],
  ['a text of five megabytes', organization(`{displayName: "${'x'.repeat(5_000_000)}"}`), '4:21 error out-of-bounds'],
  [
    'an address of five megabytes',
    user('x', `{email: "${'a.'.repeat(2_500_000)}@x.example"}`),
    '4:15 error out-of-bounds',
  ],
  ['a name of a megabyte', organization('{}').replace('other', 'a'.repeat(1_000_000)), '3:18 error invalid-metadata'],
  ['a document over the limit', `a: ${'x'.repeat(17 * 1024 * 1024)}`, 'too-large'],
  ['a million empty lines and a broken one', `${'\n'.repeat(1_000_000)}a: [`, '1000001:5 error yaml-syntax'],
  ['a key twice', `${organization('{displayName: a}')}metadata: {name: again}\n`, '5:1 error duplicate-key'],
  ['__proto__', organization('{__proto__: {displayName: x}}'), '4:8 error yaml-key'],
  ['constructor', organization('{constructor: {prototype: {}}}'), '4:8 error unknown-field'],
  ['a tag', organization('!!js/function "return 1"'), '4:7 error yaml-tag'],
  ['a tag with a directive', `%TAG ! tag:evil.example,2000:\n---\n${organization('!x {}')}`, '6:7 error yaml-tag'],
  ['a merge key', organization('{<<: {displayName: x}}'), '4:8 error yaml-key'],
  ['no key', organization('{? [a]: b}'), '4:10 error yaml-key'],
  ['a NUL', 'a: "\0"', 'yaml-syntax'],
  ['a lone surrogate', organization('{displayName: "\\ud800"}'), 'hidden-characters'],
  ['a quote that is not closed', 'a: "x', 'yaml-syntax'],
  ['a tab', 'a:\n\tb: c', '2:1 error yaml-syntax'],
  ['a directive that is not one', '%FOO\n%YAML 9.9\n---\na: 1', '3:1 error yaml-syntax'],
  ['a list of a million nulls', `[${'~,'.repeat(1_000_000)}]`, 'not-a-manifest'],
  [
    'a List of Lists',
    `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]`,
    '3:9 error not-a-manifest',
  ],
  [
    'a List of a hundred thousand nothings',
    `apiVersion: v1\nkind: List\nitems: [${'~,'.repeat(100_000)}]`,
    'not-a-manifest',
  ],
  [
    'an expression that never ends',
    `${API}\nkind: Group\nmetadata: {name: g}\nspec: {organization: acme, membersWhere: '${'('.repeat(1900)}'}`,
    'invalid-expression',
  ],
  [
    'an expression that explodes',
    `${API}\nkind: Group\nmetadata: {name: g}\nspec: {organization: acme, membersWhere: 'user.labels.all(a, user.labels.all(b, user.labels.all(c, true)))'}`,
    '4:43 error invalid-expression',
  ],
  [
    'an expression that backtracks',
    `${API}\nkind: Group\nmetadata: {name: g}\nspec: {organization: acme, membersWhere: 'user.name.matches("(a*)*(b")'}`,
    '4:61 error invalid-expression',
  ],
  [
    'five thousand members that are not there',
    `${API}\nkind: Group\nmetadata: {name: g}\nspec: {organization: acme, members: [${times(5000, index => `nobody-${index}`, ',')}]}`,
    'too-many-findings',
  ],
]

describe('a hostile document', () => {
  it.each(hostile)('%s is a finding, and its neighbours are judged', async (_, text, expected) => {
    const before = process.cpuUsage()
    const typo = organization('{oops: 1}').replace('other', 'neighbour')
    const {
      findings,
      resources,
      line: __,
    } = await readManifests([{ file: 'a.yaml', text: `${acme}${text}\n---\n${typo}` }])
    const { user: cpu, system } = process.cpuUsage(before)
    const ours = findings.map(finding => ({ ...finding, line: finding.line - ACME_LINES }))
    expect(
      ours.some(finding => brief(finding).endsWith(expected)),
      JSON.stringify(ours.slice(0, 3).map(brief)),
    ).toBe(true)
    expect(findings.filter(({ rule, name }) => rule === 'unknown-field' && name === 'neighbour')).toHaveLength(1)
    expect(resources.length).toBeGreaterThanOrEqual(4)
    expect(findings.length).toBeLessThan(120_000)
    // Not how fast, but that it ends: a slow machine takes a tenth of this.
    expect((cpu + system) / 1e6).toBeLessThan(20)
  })

  it('is as harmless alone, in every kind of file', async () => {
    for (const [, text] of hostile)
      for (const file of ['a.yaml', 'a.json', 'a.csv']) {
        const { findings } = await readManifests([{ file, text }])
        expect(findings.length).toBeGreaterThan(0)
      }
  }, 120_000)

  it('leaves nothing behind in the process', async () => {
    for (const [, text] of hostile) if (text.length < 10_000) await readManifests([{ file: 'a.yaml', text }])
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe('any text', () => {
  const words = fc.constantFrom(
    '---',
    '\n',
    '\r\n',
    ' ',
    '  ',
    '- ',
    ': ',
    ':',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '|',
    '>',
    '&a',
    '*a',
    '!!str ',
    '!x ',
    '? ',
    '# ',
    '%YAML 1.2',
    '...',
    '\t',
    'kind',
    'User',
    'Group',
    'apiVersion',
    'roster.dev/v1alpha1',
    'metadata',
    'name',
    'spec',
    'email',
    'a@b.example',
    'memberships',
    'organization',
    'acme',
    'null',
    '0123',
    '<<',
    '__proto__',
    '\ufeff',
    '\u202e',
    '\u0000',
    '\u2028',
    'items',
    'List',
    'v1',
  )
  const text = fc.oneof(
    fc.array(words, { maxLength: 60 }).map(all => all.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
  )

  it('is read without a throw, and every finding has a place in it and can be shown', async () => {
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('a.yaml', 'a.csv'), async (written, file) => {
        const result = await readManifests([{ file, text: written }], { strict: true })
        const lines = written.split(/\r\n?|\n/)
        for (const finding of result.findings) {
          expect(finding.line).toBeGreaterThanOrEqual(1)
          expect(finding.line).toBeLessThanOrEqual(lines.length)
          expect(finding.column).toBeGreaterThanOrEqual(1)
          expect(finding.column).toBeLessThanOrEqual((lines[finding.line - 1]?.length ?? 0) + 1)
        }
        for (const report of [prettyReport(result), githubReport(result), junitReport(result)])
          expect(report.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      }),
      { numRuns: 1000 },
    )
  })

  it('says nothing else of a document when other documents come before it', async () => {
    await fc.assert(
      fc.asyncProperty(text, async written => {
        fc.pre(!/^(---|\.\.\.|%)|[\r\n](---|\.\.\.|%)|\ufeff/.test(written))
        const alone = await readManifests([{ file: 'a.yaml', text: `---\n${written}\n` }], { references: false })
        const behind = await readManifests([{ file: 'a.yaml', text: `---\na: [\n---\n${written}\n` }], {
          references: false,
        })
        expect(behind.findings.slice(1).map(({ rule, line, column }) => [rule, line - 2, column])).toEqual(
          alone.findings.map(({ rule, line, column }) => [rule, line, column]),
        )
      }),
      { numRuns: 300 },
    )
  })
})
