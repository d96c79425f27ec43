import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { healthProgram } from '../../scripts/setup/health.mjs'

/** What others make of one object. */
export interface Health {
  /** Of kstatus: what a Flux Kustomization with `wait: true` goes by. */
  kstatus: string
  /** Of the Lua health check in docs/kubernetes.md: what an Argo CD with it shows. */
  argo: string
}

/** The health check as people copy it. */
const luaCheck = (): string => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'kubernetes.md'), 'utf8')
  const [, block] = /```lua\n([\s\S]*?)```/.exec(page) ?? []
  if (block === undefined) throw new Error('docs/kubernetes.md has no Lua health check')
  return block
}

/** Asks the real kstatus, and a real Lua, about objects as an API server sends them; by `User/alice`. */
export const healthOf = (objects: readonly unknown[]): Record<string, Health> => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-health-'))
  try {
    const script = join(folder, 'check.lua')
    writeFileSync(script, luaCheck())
    const input = objects.map(object => JSON.stringify(object)).join('\n')
    const { status, stdout, stderr } = spawnSync(healthProgram(), ['-lua', script], { input, encoding: 'utf8' })
    if (status !== 0) throw new Error(`the health program failed: ${stderr}`)
    const lines = stdout.split('\n').filter(line => line !== '')
    return Object.fromEntries(
      lines.map(line => {
        const { kind, name, kstatus, lua } = JSON.parse(line)
        return [`${kind}/${name}`, { kstatus: kstatus.status, argo: lua.status }]
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
