import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openKeys, rotateKey } from '../../src/accounts/keys.ts'
import { createLinks, type LinkToken, parseToken } from '../../src/accounts/links.ts'
import type { Attempt, MembershipSpec } from '../../src/api/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import { timestamp } from '../../src/ports/clock.ts'
import fc from '../properties.ts'
import { testFolder } from './folder.ts'

const NOW = Date.parse('2026-01-05T12:00:00Z')
const HOUR = 3_600_000

const attempt = (number: number, more: Partial<Attempt> = {}): Attempt => ({
  number,
  series: 1,
  purpose: 'Invitation',
  actor: 'source/people',
  automatic: false,
  roles: [],
  claimedTime: timestamp(NOW),
  epoch: 1,
  deadline: timestamp(NOW),
  tries: 1,
  expirationTime: timestamp(NOW + number * HOUR),
  ...more,
})
const record = (more: Partial<MembershipSpec> = {}, address = 'alice@acme.example'): MembershipSpec => ({
  organization: 'acme',
  address,
  since: timestamp(NOW),
  nonce: randomBytes(32).toString('base64url'),
  series: [],
  attempts: [attempt(1)],
  mails: [],
  grants: [],
  ...more,
})
const setUp = (options: { realm?: string; folder?: string; publicUrl?: string } = {}) => {
  const { realm = 'realm-one', folder = testFolder(), publicUrl = 'https://access.acme.example' } = options
  const links = createLinks({ keys: openKeys(folder), publicUrl, realm })
  const urlOf = (spec: MembershipSpec, number = 1) => {
    const { expirationTime } = spec.attempts.find(one => one.number === number) ?? attempt(number)
    return links.invitationUrl({
      membership: membershipName(spec.organization, spec.address),
      attempt: number,
      nonce: spec.nonce,
      address: spec.address,
      expirationTime,
    })
  }
  const tokenOf = (spec: MembershipSpec, number = 1) => tokenIn(urlOf(spec, number))
  return { links, urlOf, tokenOf, folder }
}
const tokenIn = (url: string): LinkToken => {
  const token = parseToken(url.split('/').at(-1) ?? '')
  if (!token) throw new Error(`no token in ${url}`)
  return token
}

describe('the link of an invitation', () => {
  it('is the same each time, stands under the public URL, and is valid until the second before its expiry', () => {
    const { links, urlOf, tokenOf } = setUp()
    const spec = record()
    expect(urlOf(spec)).toBe(urlOf(spec))
    expect(urlOf(spec)).toMatch(
      /^https:\/\/access\.acme\.example\/invitations\/v1\.1\.m-[a-z2-7]{26}\.1\.[0-9a-z]+\.[A-Za-z0-9_-]{43}$/,
    )
    expect(links.verify(tokenOf(spec), spec, NOW)).toEqual({ is: 'valid', attempt: spec.attempts[0] })
    expect(links.verify(tokenOf(spec), spec, NOW + HOUR - 1).is).toBe('valid')
    expect(links.verify(tokenOf(spec), spec, NOW + HOUR)).toEqual({ is: 'dead', because: 'Expired' })
  })

  it.each<[string, Partial<MembershipSpec>, string]>([
    ['an older attempt', { attempts: [attempt(1), attempt(2)] }, 'Replaced'],
    ['an attempt that is no longer recorded', { attempts: [attempt(2)] }, 'Replaced'],
    [
      'an attempt whose expiry was recorded otherwise',
      { attempts: [attempt(1, { expirationTime: timestamp(NOW + 9 * HOUR) })] },
      'Replaced',
    ],
    ['a withdrawn one', { attempts: [attempt(1, { withdrawnTime: timestamp(NOW) })] }, 'Withdrawn'],
    ['somebody who joined', { joined: { time: timestamp(NOW), how: 'Link', attempt: 1 } }, 'Joined'],
    ['somebody who declined', { declined: { time: timestamp(NOW), attempt: 1, reported: false } }, 'Declined'],
    ['somebody who left', { left: { time: timestamp(NOW) } }, 'Left'],
    ['a membership that was ended', { ended: { time: timestamp(NOW), by: 'source/people', because: 'gone' } }, 'Ended'],
  ])('is dead for %s', (_, since, because) => {
    const { links, tokenOf } = setUp()
    const spec = record()
    const token = tokenOf(spec)
    expect(links.verify(token, { ...spec, ...since }, NOW)).toEqual({ is: 'dead', because })
  })

  it('works again in a series that made the refusal void', () => {
    const { links, tokenOf } = setUp()
    const spec = record({
      attempts: [attempt(1), attempt(2, { series: 2 })],
      declined: { time: timestamp(NOW), attempt: 1, reported: false, released: timestamp(NOW) },
      left: { time: timestamp(NOW), released: timestamp(NOW) },
    })
    expect(links.verify(tokenOf(spec, 2), spec, NOW).is).toBe('valid')
    expect(links.verify(tokenOf(spec, 1), spec, NOW)).toEqual({ is: 'dead', because: 'Replaced' })
  })

  it('that sets the first password works for somebody who belongs already', () => {
    const { links, tokenOf } = setUp()
    const spec = record({
      attempts: [attempt(1, { purpose: 'SetUp' })],
      joined: { time: timestamp(NOW), how: 'Declared' },
    })
    expect(links.verify(tokenOf(spec), spec, NOW).is).toBe('valid')
  })

  it('of another person, another realm or another installation is foreign', () => {
    const { links, tokenOf, folder } = setUp()
    const [alice, bob] = [record(), record({}, 'bob@acme.example')]
    expect(
      links.verify({ ...tokenOf(alice), membership: membershipName('acme', 'bob@acme.example') }, bob, NOW),
    ).toEqual({ is: 'foreign' })
    expect(links.verify(tokenOf(alice), bob, NOW)).toEqual({ is: 'foreign' })
    expect(setUp({ realm: 'realm-two', folder }).links.verify(tokenOf(alice), alice, NOW)).toEqual({ is: 'foreign' })
    expect(setUp().links.verify(tokenOf(alice), alice, NOW)).toEqual({ is: 'foreign' })
  })

  it('cannot be made from everything that the store holds, without the key files', () => {
    const here = setUp()
    const spec = record()
    // The thief has the record, the realm, the code, and keys of their own.
    const forged = setUp({ realm: 'realm-one' }).tokenOf(spec)
    expect(here.links.verify(forged, spec, NOW)).toEqual({ is: 'foreign' })
  })

  it('is valid under the key before the newest, and no longer under the one before that', () => {
    const { tokenOf, folder } = setUp()
    const spec = record()
    const token = tokenOf(spec)
    rotateKey(folder, 'link')
    expect(setUp({ folder }).links.verify(token, spec, NOW).is).toBe('valid')
    rotateKey(folder, 'link')
    expect(setUp({ folder }).links.verify(token, spec, NOW).is).toBe('foreign')
  })

  it('with any one character changed is no link, or a foreign one', () => {
    const { links, urlOf } = setUp()
    const spec = record()
    const text = urlOf(spec).split('/').at(-1) ?? ''
    fc.assert(
      fc.property(
        fc.nat(text.length - 1),
        fc.constantFrom(...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.'),
        (place, letter) => {
          if (text[place] === letter) return
          const token = parseToken(text.slice(0, place) + letter + text.slice(place + 1))
          expect(token ? links.verify(token, spec, NOW).is : 'foreign').toBe('foreign')
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is bound to each of membership, attempt, nonce, address and time, and none can borrow from its neighbour', () => {
    const { links } = setUp()
    const text = fc.stringMatching(/^[a-z:,0-9.@]{2,20}$/)
    const link = fc.record({
      membership: fc.constantFrom('m-one', 'm-two'),
      attempt: fc.integer({ min: 1, max: 999 }),
      nonce: text,
      address: text,
      hours: fc.integer({ min: 1, max: 500 }),
    })
    type Link = typeof link extends fc.Arbitrary<infer T> ? T : never
    const macOf = ({ hours, ...rest }: Link) =>
      links
        .invitationUrl({ ...rest, expirationTime: timestamp(NOW + hours * HOUR) })
        .split('.')
        .at(-1)
    fc.assert(
      fc.property(
        link,
        link,
        fc.constantFrom<keyof Link>('membership', 'attempt', 'nonce', 'address', 'hours'),
        (one, two, field) => {
          const other = { ...one, [field]: two[field] }
          expect(macOf(one) === macOf(other)).toBe(one[field] === two[field])
          const shifted = { ...one, nonce: one.nonce.slice(0, -1), address: one.nonce.slice(-1) + one.address }
          expect(macOf(shifted)).not.toBe(macOf(one))
        },
      ),
    )
  })
})

describe('the text of a token', () => {
  const fine = `v1.1.m-${'a'.repeat(26)}.1.mk0xjmo0.${'A'.repeat(43)}`
  it('is read into its parts', () => {
    expect(parseToken(fine)).toEqual({
      kid: '1',
      membership: `m-${'a'.repeat(26)}`,
      attempt: 1,
      expiry: Number.parseInt('mk0xjmo0', 36),
      mac: 'A'.repeat(43),
    })
  })
  it.each([
    '',
    'v1',
    fine.replace('v1', 'v2'),
    `${fine}A`,
    fine.slice(0, -1),
    `${fine}\n`,
    ` ${fine}`,
    fine.replace('m-a', 'm-1'),
    fine.replace('.1.mk', '.01.mk'),
    fine.replace('.1.mk', '.-1.mk'),
    fine.replace('mk0xjmo0', '0'),
    fine.replace('mk0xjmo0', '__proto__'),
    fine + 'A'.repeat(1_000_000),
    'v1.1.m-%2e%2e.1.a.b',
  ])('is refused as %j', text => {
    expect(parseToken(text)).toBeUndefined()
  })
})
