import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Membership } from '../../src/api/membership.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { linkIn } from './person.ts'
import { eventually, Workplace } from './process.ts'

const PEOPLE = 40

const writeManifests = async (folder: string, people: number): Promise<void> => {
  await mkdir(join(folder, 'acme'), { recursive: true })
  await writeFile(
    join(folder, 'acme', 'acme.yaml'),
    `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example], invitations: {dailyLimitPerInviter: 1000, dailyLimit: 1000}}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: viewer}
spec: {organization: acme, allow: ["documents:read"]}
---
apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: Suite, seats: ${people - 3}, selector: {roles: [viewer]}}
`,
  )
  const rows = Array.from({ length: people }, (_, index) => `p${index},p${index}@acme.example,acme,viewer`)
  await writeFile(join(folder, 'acme', 'people.csv'), `name,email,organization,roles\n${rows.join('\n')}\n`)
}

const serverArguments = (peer: SmtpPeer, place: Workplace): string[] => [
  '--smtp',
  `smtp://127.0.0.1:${peer.port}`,
  '--public-url',
  place.url,
  '--mail-rate',
  '200',
]

/** Addresses that got a mail, with the different links and ids that each of them got. */
const received = (peer: SmtpPeer) => {
  const byAddress = new Map<string, { ids: Set<string>; links: Set<string>; copies: number }>()
  for (const { to, parsed } of peer.mails)
    for (const address of to) {
      const entry = byAddress.get(address) ?? { ids: new Set(), links: new Set(), copies: 0 }
      entry.ids.add(parsed.messageId ?? '')
      entry.links.add(linkIn({ text: parsed.text ?? '', to: address, messageId: '', subject: '', file: '' }))
      entry.copies += 1
      byAddress.set(address, entry)
    }
  return byAddress
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

    const memberships = (await place.json<{ items: Membership[] }>('get', 'memberships')).items
    expect(memberships).toHaveLength(PEOPLE)
    for (const { spec } of memberships)
      expect(spec.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([[1, 'Sent']])
    const [ledger] = (
      await place.json<{ items: { spec: { slots: { slot: number; holder: string }[] } }[] }>('get', 'seatledgers')
    ).items
    const slots = ledger?.spec.slots ?? []
    expect(slots).toHaveLength(PEOPLE - 3)
    expect(new Set(slots.map(({ slot }) => slot)).size).toBe(PEOPLE - 3)
    expect(new Set(slots.map(({ holder }) => holder)).size).toBe(PEOPLE - 3)
  }, 300_000)
})

describe('a controller with writers beside it', () => {
  it('sends one mail to each, whoever declared them', async () => {
    await using peer = await smtpPeer()
    await using place = await Workplace.make()
    await writeManifests(place.folder, 5)
    const running = await place.run('acme', ...serverArguments(peer, place))
    const writers = [0, 1, 2].map(async writer => {
      for (let round = 0; round < 3; round++) {
        const names = Array.from({ length: 4 }, (_, index) => `w${writer}-${round}-${index}`)
        const file = join(place.folder, `writer-${writer}.csv`)
        await writeFile(
          file,
          `name,email,organization,roles\n${names.map(name => `${name},${name}@acme.example,acme,viewer`).join('\n')}\n`,
        )
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
    await Promise.all(writers)
    await eventually(() => (received(peer).size === 5 + 36 ? true : undefined), 'everybody is invited', 60_000)
    for (const [address, { copies }] of received(peer)) expect(copies, address).toBe(1)
    await running.stop()
  }, 120_000)
})
