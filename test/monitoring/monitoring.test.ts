import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRealm } from '../../src/app/openrealm.ts'
import { startRun } from '../../src/app/run.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { describeWith } from '../parts.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const promtool = (...args: string[]) => promisify(execFile)('promtool', args)

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: Record<string, string>
}
interface Panel {
  title: string
  datasource: { uid: string }
  targets: { expr: string; datasource: { uid: string } }[]
}
const { groups } = load(read('monitoring/prometheus-rules.yaml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap(group => group.rules)
const dashboard = JSON.parse(read('monitoring/grafana-dashboard.json')) as {
  panels: Panel[]
  templating: { list: { type: string; name: string }[] }
}
const shown = dashboard.panels.flatMap(panel => panel.targets.map(target => target.expr))

/** Names that an expression selects: what is no function, no word of the language, and stands before `{`, `[`, or an operator. */
const metricsIn = (expression: string): string[] => [
  ...new Set(
    [...expression.replace(/"[^"]*"/g, '""').matchAll(/\b(?:roster|workqueue|process|nodejs)_[a-z0-9_]+/g)].map(
      ([name]) => name,
    ),
  ),
]

describeWith('promtool', 'monitoring', () => {
  let exposed: Set<string>
  const folder = mkdtempSync(join(tmpdir(), 'roster-monitoring-'))
  beforeAll(async () => {
    const flags = { data: folder, listen: '127.0.0.1:0', opsListen: '127.0.0.1:0', publicUrl: 'http://127.0.0.1:9' }
    const { settings } = resolveSettings({ flags, environment: {}, cwd: folder })
    await using realm = await openRealm({ settings, environment: {}, create: true })
    const signal = new AbortController().signal
    await using running = await startRun({ realm, log: noLog(), sources: [], cwd: folder, signal })
    const text = await (await fetch(`http://127.0.0.1:${running.opsPort}/metrics`)).text()
    exposed = new Set(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map(part => name + part) : [name],
      ),
    )
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('the alert rules are rules, and fire and are quiet where they must', async () => {
    await promtool('check', 'rules', join(root, 'monitoring/prometheus-rules.yaml'))
    await promtool('test', 'rules', join(import.meta.dirname, 'rules.yaml'))
  }, 120_000)

  test('every alert is tested both ways, and leads to a section of the documentation', () => {
    const { tests } = load(read('test/monitoring/rules.yaml')) as { tests: { name: string }[] }
    const headings = new Set(
      [...read('docs/operations.md').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase()),
    )
    for (const { alert, annotations, labels } of rules) {
      const names = tests.map(({ name }) => name)
      expect(names).toContain(`${alert} fires`)
      expect(names).toContain(`${alert} is quiet`)
      expect(annotations).toEqual({
        summary: expect.any(String),
        description: expect.any(String),
        runbook: `docs/operations.md#${alert.toLowerCase()}`,
      })
      expect([...headings]).toContain(alert.toLowerCase())
      expect(['critical', 'warning', 'info']).toContain(labels.severity)
    }
  })

  test('alerts and dashboard name only metrics that a running controller shows', () => {
    expect(exposed.size).toBeGreaterThan(20)
    for (const expression of [...rules.map(({ expr }) => expr), ...shown]) {
      const names = metricsIn(expression)
      expect(names, expression).not.toEqual([])
      for (const name of names) expect([...exposed], expression).toContain(name)
    }
  })

  test('every expression of the dashboard is one of Prometheus, and asks the chosen data source', async () => {
    const asRules = shown.map((expression, at) => ({
      record: `dashboard:${at}`,
      expr: expression.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|namespace)\b/g, '.*'),
    }))
    const file = join(folder, 'dashboard-rules.json')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: asRules }] }))
    const { stdout } = await promtool('check', 'rules', file)
    expect(stdout).toContain(`${shown.length} rules found`)
    const chosen = dashboard.templating.list.find(({ type }) => type === 'datasource')
    for (const { datasource, targets } of dashboard.panels)
      for (const { uid } of [datasource, ...targets.map(target => target.datasource)])
        expect(uid).toBe(`\${${chosen?.name}}`)
  })
})
