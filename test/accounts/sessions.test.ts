import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openCredentials } from '../../src/accounts/credentials.ts'
import { createSessions, SESSION_LIFE } from '../../src/accounts/sessions.ts'
import { createSignInLinks } from '../../src/accounts/sign-in-links.ts'
import { createTries, SIGN_IN_LIMITS } from '../../src/accounts/tries.ts'
import type { CredentialStore } from '../../src/ports/credentials.ts'
import { fakeClock } from '../fakes/clock.ts'
import { testFolder } from './folder.ts'

let credentials: CredentialStore
let path: string
beforeEach(() => {
  path = join(testFolder(), 'credentials.sqlite')
  credentials = openCredentials(path)
})
afterEach(() => credentials[Symbol.asyncDispose]())

describe('a session', () => {
  it('is found by its token, and its token is kept nowhere', async () => {
    const sessions = createSessions({ credentials, clock: fakeClock(), epoch: 1 })
    const token = await sessions.start('a-one', 3)
    const found = await sessions.find(token)
    expect(found).toMatchObject({ account: 'a-one', credentialVersion: 3 })
    const written = readFileSync(`${path}-wal`).toString('latin1')
    expect(written).toContain(found?.hash)
    expect(written).not.toContain(token)
    for (const wrong of [undefined, '', 'x', `${token}x`, token.slice(0, -1), found?.hash])
      expect(await sessions.find(wrong)).toBeUndefined()
  })

  it('ends when it is not used for long, and lives on when it is', async () => {
    const clock = fakeClock()
    const sessions = createSessions({ credentials, clock, epoch: 1 })
    const token = await sessions.start('a-one', 1)
    await clock.advance(SESSION_LIFE.idle - 1)
    expect(await sessions.find(token)).toBeDefined()
    await clock.advance(SESSION_LIFE.idle - 1)
    expect(await sessions.find(token)).toBeDefined()
    await clock.advance(SESSION_LIFE.idle)
    expect(await sessions.find(token)).toBeUndefined()
  })

  it('ends at last however much it is used', async () => {
    const clock = fakeClock()
    const sessions = createSessions({ credentials, clock, epoch: 1 })
    const token = await sessions.start('a-one', 1)
    const end = clock.now() + SESSION_LIFE.absolute
    for (; clock.now() < end - 3_600_000; await clock.advance(3_600_000))
      expect(await sessions.find(token)).toBeDefined()
    await clock.advanceTo(end)
    expect(await sessions.find(token)).toBeUndefined()
  })

  it('of a store before its restore is dead', async () => {
    const clock = fakeClock()
    const token = await createSessions({ credentials, clock, epoch: 1 }).start('a-one', 1)
    expect(await createSessions({ credentials, clock, epoch: 2 }).find(token)).toBeUndefined()
  })

  it('ends alone, or with all others of its account', async () => {
    const sessions = createSessions({ credentials, clock: fakeClock(), epoch: 1 })
    const [one, two, three] = [
      await sessions.start('a-one', 1),
      await sessions.start('a-one', 1),
      await sessions.start('a-one', 1),
    ]
    const live = await sessions.find(one)
    if (live) await sessions.end(live)
    expect(await sessions.find(one)).toBeUndefined()
    expect(await sessions.find(two)).toBeDefined()
    expect(await sessions.endAll('a-one')).toBe(2)
    expect(await sessions.find(three)).toBeUndefined()
  })
})

describe('a sign-in link', () => {
  const setUp = (epoch = 1) => {
    const clock = fakeClock()
    return { clock, links: createSignInLinks({ credentials, clock, epoch, publicUrl: 'https://access.acme.example' }) }
  }
  const tokenOf = (url: string) => url.split('/').at(-1) ?? ''

  it('works once, within ten minutes', async () => {
    const { clock, links } = setUp()
    const { url, expirationTime } = await links.create('a-one')
    expect(url).toMatch(/^https:\/\/access\.acme\.example\/sign-in-links\/[A-Za-z0-9_-]{43}$/)
    expect(Date.parse(expirationTime)).toBe(clock.now() + 600_000)
    expect(await links.take(tokenOf(url))).toMatchObject({ account: 'a-one' })
    expect(await links.take(tokenOf(url))).toBeUndefined()
    const second = await links.create('a-one')
    await clock.advance(600_000)
    expect(await links.take(tokenOf(second.url))).toBeUndefined()
  })

  it('of a store before its restore is dead', async () => {
    const { url } = await setUp(1).links.create('a-one')
    expect(await setUp(2).links.take(tokenOf(url))).toBeUndefined()
  })
})

describe('tries to sign in', () => {
  it('from one place at one address have an end, and begin again later', async () => {
    const clock = fakeClock()
    const tries = createTries({ credentials, clock })
    const who = { address: 'alice@acme.example', client: '192.0.2.1', known: false }
    for (let number = 0; number < SIGN_IN_LIMITS.pair.most; number++) expect(await tries.signIn(who)).toBe(true)
    expect(await tries.signIn(who)).toBe(false)
    expect(await tries.signIn({ ...who, client: '192.0.2.2' })).toBe(true)
    expect(await tries.signIn({ ...who, address: 'bob@acme.example' })).toBe(true)
    await clock.advance(SIGN_IN_LIMITS.pair.seconds * 1000 + 1)
    expect(await tries.signIn(who)).toBe(true)
  })

  it('by a thousand strangers do not lock the person out of a browser that was let in before', async () => {
    const tries = createTries({ credentials, clock: fakeClock() })
    const address = 'alice@acme.example'
    const results: boolean[] = []
    for (let number = 0; number < 100; number++)
      results.push(await tries.signIn({ address, client: `192.0.2.${number}`, known: false }))
    expect(results.filter(Boolean)).toHaveLength(SIGN_IN_LIMITS.address.most)
    expect(await tries.signIn({ address, client: '198.51.100.1', known: false })).toBe(false)
    expect(await tries.signIn({ address, client: '198.51.100.1', known: true })).toBe(true)
  })

  it('from one place at ever new addresses have an end', async () => {
    const tries = createTries({ credentials, clock: fakeClock() })
    let let_in = 0
    for (let number = 0; number < SIGN_IN_LIMITS.client.most + 20; number++)
      if (await tries.signIn({ address: `p${number}@acme.example`, client: '192.0.2.1', known: false })) let_in++
    expect(let_in).toBe(SIGN_IN_LIMITS.client.most)
  })
})
