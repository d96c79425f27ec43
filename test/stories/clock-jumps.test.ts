import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { keysOf } from '../../src/accounts/keyring.ts'
import { createLinks, parseToken } from '../../src/accounts/links.ts'
import { systemClock } from '../../src/app/system-clock.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import type { LinkSigner } from '../../src/ports/links.ts'
import { fakeClock } from '../fakes/clock.ts'
import { DAY, HOUR, openRealm, type Realm } from '../fakes/realm.ts'

const MINUTE = 60_000
const START = Date.parse('2026-03-02T09:00:00Z')
const JUMPS: [string, number][] = [
  ['an hour forward', HOUR],
  ['a year forward', 365 * DAY],
  ['an hour back', -HOUR],
  ['a year back', -365 * DAY],
]
const KEYS = keysOf(
  new Map(
    (['link', 'form', 'fingerprint'] as const).map(purpose => [
      purpose,
      [{ kid: '1', secret: createHash('sha256').update(purpose).digest() }],
    ]),
  ),
)

/** A realm on the clock of a process, whose wall clock somebody turns. */
interface Machine extends AsyncDisposable {
  realm: Realm
  links: ReturnType<typeof createLinks>
  /** Time passes as it should, minute by minute. */
  live(milliseconds: number): Promise<void>
  /** Somebody turns the wall clock. */
  turn(milliseconds: number): Promise<void>
  /** The process starts again, on the wall clock as it stands and the highest time that the store remembers. */
  restart(): Promise<void>
  mails(): string[]
}

const openMachine = async (): Promise<Machine> => {
  let [wall, monotonic] = [START, 0]
  const read = (mark = 0) => {
    const started = systemClock({ wall: () => wall, monotonic: () => monotonic })
    started.raise(mark)
    return started
  }
  let process = read()
  const clock = fakeClock(START)
  const links: { links?: ReturnType<typeof createLinks> } = {}
  const signer: LinkSigner = {
    publicUrl: 'https://portal.example',
    invitationUrl: link => links.links?.invitationUrl(link) ?? '',
  }
  const options = {
    reconcilers: (world: Parameters<typeof reconcilersOf>[0]) => reconcilersOf({ ...world, links: signer }),
  }
  const realm = await openRealm({ ...options, clock })
  const { realm: id } = await realm.store.info()
  const made = createLinks({ keys: KEYS, publicUrl: 'https://portal.example', realm: id })
  links.links = made
  /** The world goes by what the process's clock reads. */
  const look = async () => {
    clock.suspect = process.suspect
    await clock.advanceTo(process.now())
    clock.suspect = process.suspect
    await realm.run()
  }
  return {
    realm,
    links: made,
    async live(milliseconds) {
      for (let passed = 0; passed < milliseconds; passed += MINUTE) {
        wall += MINUTE
        monotonic += MINUTE
        await look()
      }
    },
    async turn(milliseconds) {
      wall += milliseconds
      await look()
    },
    async restart() {
      const mark = process.now()
      process.stop()
      process = read(mark)
      clock.suspect = process.suspect
      await realm.restart(options)
      await look()
    },
    mails: () => realm.mailer.sent.map(mail => `${mail.subject} ${mail.to.address}`),
    [Symbol.asyncDispose]: async () => {
      process.stop()
      await realm[Symbol.asyncDispose]()
    },
  }
}

/** Twenty people whose membership ends in ten days, a link that is open, and one that has expired. */
const prepare = async ({ realm, live }: Machine) => {
  await realm.declare('Organization', 'acme', { invitations: { validFor: '2h', maxAttempts: 1 } })
  await realm.declare('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
  for (let number = 0; number < 20; number++)
    await realm.declare('User', `p${number}`, {
      email: `p${number}@acme.example`,
      memberships: [{ organization: 'acme', roles: ['viewer'], join: 'None', until: '2026-03-12' }],
    })
  const invite = (name: string) =>
    realm.declare(
      'Invitation',
      name,
      { email: `${name}@partner.example`, organization: 'acme' },
      { manager: 'user/bob' },
    )
  await invite('expired')
  await live(3 * HOUR)
  await invite('open')
  await live(10 * MINUTE)
}

const standing = async (realm: Realm): Promise<number> => {
  const records = (await realm.store.list('Membership')).items
  return records.filter(({ spec }) => spec.settled?.roles.includes('viewer') && !spec.ended).length
}
const verdict = async ({ realm, links }: Machine, name: string): Promise<string> => {
  const spec = await realm.membership('acme', `${name}@partner.example`)
  const attempt = spec?.attempts.at(-1)
  if (!spec || !attempt) throw new Error(`${name} has no link`)
  const { nonce, address } = spec
  const { number, expirationTime } = attempt
  const membership = membershipName('acme', address)
  const url = links.invitationUrl({ membership, attempt: number, nonce, address, expirationTime })
  const token = parseToken(url.split('/').at(-1) ?? '')
  return token ? links.verify(token, spec, realm.clock.now()).is : 'unreadable'
}

describe('a wall clock that is turned', () => {
  it.each(JUMPS)(
    '%s revives no link and takes nothing from anybody, and turned back leaves all as it was',
    async (_, by) => {
      await using machine = await openMachine()
      const { realm } = machine
      await prepare(machine)
      const mails = machine.mails()
      expect([await verdict(machine, 'expired'), await verdict(machine, 'open'), await standing(realm)]).toEqual([
        'dead',
        'valid',
        20,
      ])
      await machine.turn(by)
      expect([await verdict(machine, 'expired'), realm.clock.suspect, await standing(realm)]).toEqual([
        'dead',
        true,
        20,
      ])
      await machine.live(5 * MINUTE)
      // A process that begins after a jump forward cannot tell it from a long rest.
      if (by < 0) await machine.restart()
      expect([await verdict(machine, 'expired'), await standing(realm)]).toEqual(['dead', 20])
      await machine.turn(-by)
      await machine.live(5 * MINUTE)
      expect([await verdict(machine, 'expired'), await standing(realm)]).toEqual(['dead', 20])
      expect(machine.mails()).toEqual(mails)
    },
  )

  it.each(JUMPS.filter(([, by]) => by < 0))('%s stays where it was until the time has come again', async (_, by) => {
    await using machine = await openMachine()
    const { realm } = machine
    await prepare(machine)
    const before = realm.clock.now()
    await machine.turn(by)
    await machine.live(30 * MINUTE)
    await machine.restart()
    expect(realm.clock.now()).toBe(before)
    expect([await verdict(machine, 'expired'), await standing(realm)]).toEqual(['dead', 20])
  })

  it('a year forward is believed when it has stood for as long as a jump has to be', async () => {
    await using machine = await openMachine()
    await prepare(machine)
    await machine.turn(365 * DAY)
    await machine.live(20 * MINUTE)
    expect([machine.realm.clock.suspect, await standing(machine.realm)]).toEqual([false, 0])
  })
})
