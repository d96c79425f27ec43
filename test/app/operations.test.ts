import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { REASONS } from '../../src/api/names.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const [, reasons = ''] = page.split('\n## Reasons\n')
const [conditions = '', rest = ''] = reasons.split('\nThese come as Events only')
const [events = '', reserved = ''] = rest.split('\nReserved')
const rows = (text: string): string[][] =>
  [...text.matchAll(/^\| `.*$/gm)].map(([line]) =>
    line
      .split(' | ')
      .map(cell => cell.replace(/^\| | \|$/g, ''))
      .map(cell => cell.trim()),
  )
const names = (text: string): string[] => rows(text).map(([name = '']) => name.replaceAll('`', ''))
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts') && file !== join('api', 'names.ts'))
  .map(file => readFileSync(join(root, 'src', file), 'utf8'))
const isUsed = (pattern: RegExp): boolean => sources.some(text => pattern.test(text))

describe('the manual of operations', () => {
  it('says of every reason once what it means, who acts and where to look, or that it needs nobody', () => {
    const unused = [...reserved.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
    expect([...names(conditions), ...names(events), ...unused].toSorted()).toEqual([...REASONS].toSorted())
    for (const cells of rows(conditions)) {
      expect(cells).toHaveLength(5)
      for (const cell of cells) expect(cell).not.toBe('')
    }
    for (const name of unused)
      expect(isUsed(new RegExp(`(reason: |'(Normal|Warning)',\\s*|say\\('\\w+', ('\\w+', )?)'${name}'`)), name).toBe(
        false,
      )
    for (const name of names(events))
      expect(isUsed(new RegExp(`(is|status): '\\w+',\\s*reason: '${name}'`)), name).toBe(false)
  })

  it('lists every metric of Roster with its labels as they are', async () => {
    const [, section = ''] = page.split('\n## Monitoring\n')
    const table = rows(section.split('\n## ')[0] ?? '').map(cells => cells.join(' | '))
    const shown = (await createMetrics().registry.getMetricsAsJSON())
      .filter(({ name }) => /^(roster|workqueue)_/.test(name))
      .map(({ name, type, help }) => {
        const labels = (createMetrics().registry.getSingleMetric(name) as unknown as { labelNames: string[] })
          .labelNames
        return `\`${name}\` | ${type} | ${labels.map(label => `\`${label}\``).join(' ') || '–'} | ${help}`
      })
    expect(table).toEqual(shown)
  })
})
