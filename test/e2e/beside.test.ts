import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { smtpPeer } from '../peers/smtp.ts'
import { received, serverArguments, writeManifests } from './crowd.ts'
import { eventually, Workplace } from './process.ts'

describe('a controller with writers beside it', () => {
  it('sends one mail to each, whoever declared them', async () => {
    await using peer = await smtpPeer()
    await using place = await Workplace.make()
    await writeManifests(place.folder, 5)
    const running = await place.run('acme', ...serverArguments(peer, place))
    const end = Date.now() + 60_000
    const wanted = new Set(Array.from({ length: 5 }, (_, index) => `p${index}@acme.example`))
    const applying = [0, 1, 2].map(async writer => {
      const file = join(place.folder, `writer-${writer}.csv`)
      const rows: string[] = []
      for (let round = 0; Date.now() < end; round++) {
        for (let index = 0; index < 3; index++) {
          const name = `w${writer}-${round}-${index}`
          rows.push(`${name},${name}@acme.example,acme,viewer`)
          wanted.add(`${name}@acme.example`)
        }
        await writeFile(file, `name,email,organization,roles\n${rows.join('\n')}\n`)
        const { code, err } = await place.roster(
          'apply',
          file,
          '--source',
          `writer-${writer}`,
          ...serverArguments(peer, place),
        )
        expect(code, err).toBe(0)
      }
    })
    const inviting = (async () => {
      for (let round = 0; Date.now() < end; round++) {
        const address = `i${round}@partner.example`
        const { code, err } = await place.roster('invite', address, '--org', 'acme', '--roles', 'viewer')
        expect(code, err).toBe(0)
        wanted.add(address)
        await place.roster('pause', 'user/p0')
        await place.roster('resume', 'user/p0')
      }
    })()
    await Promise.all([...applying, inviting])
    const said = () => running.output().slice(-2000)
    await eventually(
      () => (received(peer).size >= wanted.size ? true : undefined),
      'everybody is invited',
      90_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${received(peer).size} of ${wanted.size}; ${said()}`)
    })
    expect([...received(peer).keys()].sort()).toEqual([...wanted].sort())
    for (const [address, { copies }] of received(peer)) expect(copies, address).toBe(1)
    await running.stop()
  }, 240_000)
})
