import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { installKubectl, kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { describeWith } from '../parts.ts'

describeWith('kubectl', 'helm and kubectl', () => {
  const cache = mkdtempSync(join(tmpdir(), 'roster-cache-'))
  afterAll(() => rmSync(cache, { recursive: true, force: true }))

  it('are the pinned ones, and start', () => {
    expect(execFileSync(kubectlPath('kubectl') ?? '', ['version', '--client'], { encoding: 'utf8' })).toMatch(/v1\.3\d/)
    expect(execFileSync(kubectlPath('helm') ?? '', ['version', '--short'], { encoding: 'utf8' })).toMatch(/^v4\./)
  })

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'come into an empty cache, with nothing beside them',
    async () => {
      const before = process.env.ROSTER_CACHE
      process.env.ROSTER_CACHE = cache
      try {
        await installKubectl()
        const [folder = ''] = readdirSync(join(cache, 'kubectl'))
        expect(readdirSync(join(cache, 'kubectl', folder)).sort()).toEqual(['helm', 'kubectl'])
        expect(readdirSync(join(cache, 'kubectl'))).toHaveLength(1)
      } finally {
        if (before === undefined) delete process.env.ROSTER_CACHE
        else process.env.ROSTER_CACHE = before
      }
    },
    120_000,
  )
})
