import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileAuditLog } from '../../src/telemetry/audit.ts'
import { verifyAudit } from '../../src/telemetry/audit-chain.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-chain-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** One writer with so many lines in each of the months. */
const write = async (lines: number, ...months: string[]): Promise<void> => {
  let month = ''
  const clock = { now: () => Date.parse(`${month}-10T09:00:00Z`), at: () => () => undefined, suspect: false }
  await using log = fileAuditLog({ folder, clock })
  for (month of months)
    for (let line = 0; line < lines; line++)
      await log.append({ phase: 'change', actor: 'controller', action: 'seat.give', target: `User/u${line}` })
}
const edit = async (file: string, change: (lines: string[]) => string[]): Promise<void> => {
  const path = join(folder, file)
  const lines = (await readFile(path, 'utf8')).split('\n').filter(line => line !== '')
  await writeFile(
    path,
    change(lines)
      .map(line => `${line}\n`)
      .join(''),
  )
}
const problems = async (...given: Parameters<typeof verifyAudit> extends [string, ...infer R] ? R : never) =>
  (await verifyAudit(folder, ...given)).breaks.map(({ problem, number }) => `${problem} ${number}`)

describe('the chain of an audit trail', () => {
  it('is whole over months, many writers, and a clock that was put back', async () => {
    await Promise.all([write(4, '2026-10', '2026-11'), write(3, '2026-11', '2026-10', '2026-12')])
    const { lines, heads, breaks } = await verifyAudit(folder)
    expect({ lines, breaks }).toEqual({ lines: 17, breaks: [] })
    expect(heads.map(({ number }) => number).sort()).toEqual([8, 9])
  })
  it.each<[string, (lines: string[]) => string[], string[]]>([
    ['edited', lines => lines.map((line, at) => (at === 1 ? line.replace('User/u1', 'User/eve') : line)), ['Edited 2']],
    ['dropped', lines => lines.filter((_, at) => at !== 1), ['Missing 2']],
    ['dropped at the beginning', lines => lines.slice(1), ['Missing 1']],
    ['moved', ([a = '', b = '', ...rest]) => [b, a, ...rest], ['Reordered 1']],
    ['doubled', ([a = '', ...rest]) => [a, a, ...rest], ['Repeated 1']],
    [
      'without its chain',
      lines => lines.map((line, at) => (at === 1 ? line.replace(/,"previous":"[^"]*"/, '') : line)),
      ['Unchained 2', 'Edited 2'],
    ],
    ['no line any more', lines => lines.map((line, at) => (at === 1 ? line.slice(0, 20) : line)), ['Missing 2']],
  ])('shows a line that is %s', async (_, change, expected) => {
    await write(5, '2026-11')
    await edit('2026-11.jsonl', change)
    expect(await problems()).toEqual(expected)
  })
  it('shows what was taken off the end, or changed there, against a head that was kept', async () => {
    await write(5, '2026-11')
    const { heads } = await verifyAudit(folder)
    expect(await problems(heads)).toEqual([])
    await edit('2026-11.jsonl', lines => lines.map((line, at) => (at === 4 ? line.replace('u4', 'eve') : line)))
    expect(await problems()).toEqual([])
    expect(await problems(heads)).toEqual(['Edited 5'])
    await edit('2026-11.jsonl', lines => lines.slice(0, 3))
    expect(await problems()).toEqual([])
    expect(await problems(heads)).toEqual(['Truncated 5'])
    for (const file of await readdir(folder)) await rm(join(folder, file))
    expect(await problems(heads)).toEqual(['Truncated 5'])
  })
  it('tells lines of before there were chains apart', async () => {
    await write(2, '2026-11')
    const old = {
      time: '2026-11-01T00:00:00.000Z',
      writer: '1-old',
      number: 1,
      phase: 'change',
      actor: 'a',
      action: 'b.c',
      target: 'd',
    }
    await edit('2026-11.jsonl', lines => [JSON.stringify(old), '{"time":"2026-1', ...lines])
    expect(await verifyAudit(folder)).toMatchObject({ lines: 2, unchained: 1, unreadable: 1, breaks: [] })
  })
})
