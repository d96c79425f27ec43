import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { timestamp } from '../../src/ports/clock.ts'
import type { CredentialStore, Session, Ticket } from '../../src/ports/credentials.ts'

const NOON = Date.parse('2026-01-05T12:00:00Z')
const at = (seconds: number): string => timestamp(NOON + seconds * 1000)

/**
 * What every credential store has to hold.
 * @param open a store that is empty, and the same one a second time, as another process has it
 */
export const credentialStoreContract = (
  name: string,
  open: () => Promise<{ first: CredentialStore; second: CredentialStore; close: () => Promise<void> }>,
): void => {
  describe(`${name} as a credential store`, () => {
    let first: CredentialStore
    let second: CredentialStore
    let close: () => Promise<void>
    beforeEach(async () => {
      ;({ first, second, close } = await open())
    })
    afterEach(() => close())

    const session = (hash: string, more: Partial<Session> = {}): Session => ({
      hash,
      account: 'a-one',
      credentialVersion: 1,
      created: at(0),
      lastSeen: at(0),
      expires: at(3600),
      storeEpoch: 1,
      ...more,
    })
    const ticket = (hash: string, more: Partial<Ticket> = {}): Ticket => ({
      hash,
      purpose: 'sign-in-link',
      account: 'a-one',
      expires: at(600),
      storeEpoch: 1,
      ...more,
    })

    it('keeps the first password that is set, whoever sets it', async () => {
      expect(await first.hasCredential('a-one')).toBe(false)
      expect(await first.passwordHash('a-one')).toBeUndefined()
      expect(await first.insertPassword('a-one', 'hash 1')).toBe(true)
      expect(await second.insertPassword('a-one', 'hash 2')).toBe(false)
      expect(await second.passwordHash('a-one')).toBe('hash 1')
      expect(await second.hasCredential('a-one')).toBe(true)
      expect(await second.hasCredential('a-two')).toBe(false)
    })

    it('sets one password when fifty set it at the same time', async () => {
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, number) =>
          (number % 2 ? first : second).insertPassword('a-one', `hash ${number}`),
        ),
      )
      expect(results.filter(Boolean)).toHaveLength(1)
      expect(await first.passwordHash('a-one')).toBe(`hash ${results.indexOf(true)}`)
    })

    it('replaces a password', async () => {
      await first.insertPassword('a-one', 'hash 1')
      await first.replacePassword('a-one', 'hash 2')
      expect(await second.passwordHash('a-one')).toBe('hash 2')
    })

    it('finds a session by its hash until it ends', async () => {
      await first.createSession(session('s1'))
      expect(await second.session('s1')).toEqual(session('s1'))
      expect(await second.session('s2')).toBeUndefined()
      await second.endSession('s1')
      expect(await first.session('s1')).toBeUndefined()
    })

    it('moves when a session was last seen forwards only', async () => {
      await first.createSession(session('s1'))
      await first.touchSession('s1', at(60))
      await second.touchSession('s1', at(30))
      expect((await first.session('s1'))?.lastSeen).toBe(at(60))
    })

    it('ends all sessions of one account and none of another', async () => {
      await first.createSession(session('s1'))
      await first.createSession(session('s2'))
      await first.createSession(session('s3', { account: 'a-two' }))
      expect(await second.endSessions('a-one')).toBe(2)
      expect(await first.session('s1')).toBeUndefined()
      expect(await first.session('s3')).toBeDefined()
    })

    it('does not keep sessions that are over', async () => {
      await first.createSession(session('s1', { expires: at(10) }))
      await first.createSession(session('s2', { created: at(20) }))
      expect(await first.session('s1')).toBeUndefined()
    })

    it('gives a ticket to the first of fifty who take it', async () => {
      await first.createTicket(ticket('t1'))
      const taken = await Promise.all(
        Array.from({ length: 50 }, (_, number) => (number % 2 ? first : second).takeTicket('t1', at(1))),
      )
      expect(taken.filter(Boolean)).toEqual([ticket('t1')])
      expect(await first.takeTicket('t1', at(1))).toBeUndefined()
    })

    it('gives no ticket that ran out, at its very second', async () => {
      await first.createTicket(ticket('t1'))
      await first.createTicket(ticket('t2'))
      expect(await first.takeTicket('t1', at(599.999))).toBeDefined()
      expect(await first.takeTicket('t2', at(600))).toBeUndefined()
    })

    it('counts events of one key in a window that slides', async () => {
      expect(await first.count('key', at(0), 60)).toBe(1)
      expect(await second.count('key', at(30), 60)).toBe(2)
      expect(await first.count('other', at(30), 60)).toBe(1)
      expect(await first.count('key', at(59.999), 60)).toBe(3)
      expect(await first.count('key', at(60), 60)).toBe(3)
      expect(await first.count('key', at(1000), 60)).toBe(1)
    })
  })
}
