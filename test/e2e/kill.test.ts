import { describe, expect, it } from 'vitest'
import type { LicensePool } from '../../src/api/licensepool.ts'
import type { Membership } from '../../src/api/membership.ts'
import type { User } from '../../src/api/user.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { received, serverArguments, writeManifests } from './crowd.ts'
import { eventually, Workplace } from './process.ts'

const PEOPLE = 40

/** What is true in the end, without what no two runs have alike: identities, times, and who was faster for the last seats. */
const stateOf = async (place: Workplace) => {
  const { items } = await place.json<{ items: Membership[] }>('get', 'memberships')
  const users = await place.json<{ items: User[] }>('get', 'users')
  const pool = await place.json<LicensePool>('get', 'pool', 'suite')
  return {
    memberships: items
      .map(({ spec }) => ({
        address: spec.address,
        user: spec.user?.name,
        series: spec.series.map(({ number }) => number),
        attempts: spec.attempts.map(({ number, tries: _, ...attempt }) => [
          number,
          attempt.roles,
          attempt.actor,
          attempt.outcome,
        ]),
        settled: spec.settled,
      }))
      .sort((a, b) => (a.address < b.address ? -1 : 1)),
    users: users.items.map(({ metadata, status }) => [metadata.name, status?.state, status?.memberships]),
    pool: { ...pool.status, conditions: undefined },
  }
}

describe('a controller that is killed again and again', () => {
  it('invites everybody, nobody with a second link, and gives no seat twice', async () => {
    await using peer = await smtpPeer()
    await using place = await Workplace.make()
    await writeManifests(place.folder, PEOPLE)
    let kills = 0
    // Each life is a little longer than the last one, so that every moment of the first pass is hit.
    for (let life = 250; kills < 8 && peer.mails.length < PEOPLE; life += 110) {
      const { child, ended } = place.spawn('run', 'acme', ...serverArguments(peer, place))
      await new Promise(resolve => setTimeout(resolve, life))
      child.kill('SIGKILL')
      const { code, err } = await ended
      expect(code === null || code === 0, err).toBe(true)
      kills += 1
    }
    const last = await place.run('acme', ...serverArguments(peer, place))
    await eventually(
      async () => {
        const { items } = await place.json<{ items: Membership[] }>('get', 'memberships')
        return items.length === PEOPLE && items.every(({ spec }) => spec.attempts.at(-1)?.outcome === 'Sent')
          ? true
          : undefined
      },
      'every mail is answered for (a claim of a process that died is waited out for two minutes)',
      200_000,
    )
    await last.stop()

    const mails = received(peer)
    expect([...mails.keys()].sort()).toEqual(
      Array.from({ length: PEOPLE }, (_, index) => `p${index}@acme.example`).sort(),
    )
    for (const [address, { ids, links, copies }] of mails) {
      expect(ids.size, address).toBe(1)
      expect(links.size, address).toBe(1)
      // One more copy, with the same id and link, where a kill fell between the end of the mail and its answer.
      expect(copies, address).toBeLessThanOrEqual(2)
    }
    const copies = [...mails.values()].reduce((sum, one) => sum + one.copies, 0)
    expect(copies).toBeLessThanOrEqual(PEOPLE + kills * 2)

    await using calm = await Workplace.make()
    await using calmPeer = await smtpPeer()
    await writeManifests(calm.folder, PEOPLE)
    await (await calm.run('acme', ...serverArguments(calmPeer, calm))).stop()
    expect([...received(calmPeer).keys()].sort()).toEqual([...mails.keys()].sort())
    expect(await stateOf(place)).toEqual(await stateOf(calm))
    const [ledger] = (
      await place.json<{ items: { spec: { slots: { slot: number; holder: string }[] } }[] }>('get', 'seatledgers')
    ).items
    const slots = ledger?.spec.slots ?? []
    expect(slots).toHaveLength(PEOPLE - 3)
    expect(new Set(slots.map(({ slot }) => slot)).size).toBe(PEOPLE - 3)
    expect(new Set(slots.map(({ holder }) => holder)).size).toBe(PEOPLE - 3)
  }, 300_000)
})
