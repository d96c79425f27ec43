import { describe, expect, it } from 'vitest'
import { githubReport } from '../../src/manifests/report/github.ts'
import { jsonReport } from '../../src/manifests/report/json.ts'
import { junitReport } from '../../src/manifests/report/junit.ts'
import { prettyReport } from '../../src/manifests/report/pretty.ts'
import { sarifReport } from '../../src/manifests/report/sarif.ts'
import { API, acme, read, user } from './reading.ts'

const bad = `${acme}${user('alice', '{email: alice@acme.example, memberships: [{organization: acme, roles: [editr]}]}')}`
const hostile = `${API}
kind: Organization
metadata: {name: acme}
spec: {"x\\u001b]0;owned\\u0007\\u202e\\n::error::y": 1}
`
const file = 'users/a,b:100%\u001b.yaml'

describe('the report for people', () => {
  it('shows place, message, rule, line and caret, and a summary', async () => {
    expect(prettyReport(await read(bad))).toBe(
      [
        'a.yaml:24:78: error: role "editr" does not exist; did you mean "editor"? [reference-not-found]',
        '  spec: {email: alice@acme.example, memberships: [{organization: acme, roles: [editr]}]}',
        `${' '.repeat(79)}^`,
        '5 resources in 1 file: 1 error',
        '',
      ].join('\n'),
    )
  })

  it('is short when nothing is wrong', async () => {
    expect(prettyReport(await read(`${acme}apiVersion: v1\nkind: ConfigMap\n`))).toBe(
      '4 resources in 1 file, 1 object of other API groups skipped: all valid\n',
    )
  })

  it('does not call it valid where there was nothing to check', () => {
    expect(prettyReport({ findings: [], files: 0, resources: [], skipped: 0, line: () => undefined })).toBe(
      '0 resources in 0 files: nothing to check here; manifests are files that end in .yaml, .yml, .json or .csv\n',
    )
  })

  it('shows the part of a long line that matters', async () => {
    const [, line = '', caret = ''] = prettyReport(
      await read(
        `${API}\nkind: Organization\nmetadata: {name: acme}\nspec: {displayName: "${'x'.repeat(90)}", customerId: "${'y'.repeat(40)}", oops: 1, portal: {productName: "${'z'.repeat(50)}"}}\n`,
      ),
    ).split('\n')
    expect(line.length).toBeLessThan(130)
    expect(line.slice(caret.indexOf('^'))).toMatch(/^oops: 1/)
  })

  it.each([
    'https://user:canary@git.example/p.git',
    'HTTPS://canary@git.example/p.git',
    'ssh://git:canary@git.example/p',
  ])('refuses credentials in %s and does not repeat them', async url => {
    const source = `${API}\nkind: Source\nmetadata: {name: people}\nspec: {git: {url: "${url}"}}\n`
    const report = prettyReport(await read(source))
    expect(report).toContain('a.yaml:4:19: error: the URL holds credentials')
    expect(report).toContain('git.example/p')
    expect(report).not.toContain('canary')
  })

  it.each(['https://git.example/p@1.git', 'ssh://git@git.example:22/p', 'git@git.example:p.git', 'file:///srv/a@b:c'])(
    'finds no credentials in %s',
    async url => {
      const source = `${API}\nkind: Source\nmetadata: {name: people}\nspec: {git: {url: "${url}"}}\n`
      expect((await read(source)).findings).toEqual([])
    },
  )

  it('sets colours only where it is told to', async () => {
    const report = await read(bad)
    expect(prettyReport(report)).not.toContain('\u001b')
    expect(prettyReport(report, { color: true })).toContain('\u001b[31merror')
  })
})

describe('every report', () => {
  it('lets nothing of the input take over', async () => {
    const report = await read(hostile, {}, file)
    expect(report.findings).toHaveLength(1)
    const texts = [
      prettyReport(report),
      jsonReport(report),
      githubReport(report),
      junitReport(report),
      sarifReport(report, { version: '0.1.0' }),
    ]
    for (const text of texts) expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(githubReport(report).split('\n')).toHaveLength(2)
    expect(githubReport(report)).toMatch(/^::error file=users\/a%2Cb%3A100%25/)
    expect(junitReport(report)).not.toMatch(/message="[^"]*<[^"]*"/)
  })
})

describe('the report for programs', () => {
  it('is the documented document', async () => {
    const { line: _, ...rest } = await read(bad)
    expect(JSON.parse(jsonReport({ ...rest, line: () => undefined }))).toEqual({
      files: 1,
      resources: 5,
      skipped: 0,
      findings: [
        {
          severity: 'error',
          rule: 'reference-not-found',
          message: 'role "editr" does not exist; did you mean "editor"?',
          file: 'a.yaml',
          line: 24,
          column: 78,
          kind: 'User',
          name: 'alice',
          path: '/spec/memberships/0/roles/0',
        },
      ],
    })
  })

  it('is an annotation on GitHub', async () => {
    expect(githubReport(await read(bad))).toBe(
      '::error file=a.yaml,line=24,col=78,title=reference-not-found::role "editr" does not exist; did you mean "editor"?\n',
    )
  })

  it('is JUnit with one failure an error', async () => {
    expect(junitReport(await read(bad))).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="roster validate" tests="1" failures="1" errors="0">
  <testsuite name="a.yaml" tests="1" failures="1" errors="0">
    <testcase name="reference-not-found at 24:78" classname="a.yaml" file="a.yaml" line="24"><failure type="reference-not-found" message="role &quot;editr&quot; does not exist; did you mean &quot;editor&quot;?">a.yaml:24:78: role &quot;editr&quot; does not exist; did you mean &quot;editor&quot;? [reference-not-found]</failure></testcase>
  </testsuite>
</testsuites>
`)
    expect(junitReport(await read(acme))).toContain('<testcase name="1 files are valid"')
  })

  it('is SARIF with each rule described once', async () => {
    const { runs } = JSON.parse(sarifReport(await read(bad), { version: '0.1.0' })) as {
      runs: {
        tool: { driver: { rules: { id: string }[] } }
        results: { ruleIndex: number; level: string; locations: object[] }[]
      }[]
    }
    expect(runs[0]?.tool.driver.rules.map(({ id }) => id)).toEqual(['reference-not-found'])
    expect(runs[0]?.results[0]).toMatchObject({
      ruleIndex: 0,
      level: 'error',
      locations: [
        { physicalLocation: { artifactLocation: { uri: 'a.yaml' }, region: { startLine: 24, startColumn: 78 } } },
      ],
    })
  })
})
