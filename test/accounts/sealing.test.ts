import { describe, expect, it } from 'vitest'
import { sealingWith } from '../../src/accounts/sealing.ts'

const key = (kid: string) => ({ kid, secret: Buffer.alloc(32, Number(kid)) })
const PLACE = ['people-credentials', 'a-one', 'password']

describe('sealing', () => {
  it('is opened with the same key for the same place, and never looks the same twice', () => {
    const sealing = sealingWith([key('1')])
    const [one, two] = [sealing.seal('argon2id$x', PLACE), sealing.seal('argon2id$x', PLACE)]
    expect(sealing.open(one, PLACE)).toBe('argon2id$x')
    expect(one).not.toBe(two)
    expect(one).not.toContain('argon2')
  })

  it('is not opened for another account, another Secret or another namespace', () => {
    const sealing = sealingWith([key('1')])
    const sealed = sealing.seal('secret', PLACE)
    for (const place of [
      ['people-credentials', 'a-two', 'password'],
      ['people-credentials', 'a-one', 'sessions'],
      ['others-credentials', 'a-one', 'password'],
      ['people-credentials', 'a-one'],
    ])
      expect(sealing.open(sealed, place)).toBeUndefined()
  })

  it('that was cut, changed, or made with another key is not opened', () => {
    const sealing = sealingWith([key('1')])
    const sealed = sealing.seal('secret', PLACE)
    const [kid = '', nonce = '', body = ''] = sealed.split('.')
    const flipped = Buffer.from(body, 'base64url')
    flipped[0] = (flipped[0] ?? 0) ^ 1
    for (const broken of [
      '',
      'nonsense',
      sealed.slice(0, -1),
      [kid, nonce, ''].join('.'),
      [kid, '', body].join('.'),
      [kid, nonce, flipped.toString('base64url')].join('.'),
      ['2', nonce, body].join('.'),
    ])
      expect(sealing.open(broken, PLACE), broken).toBeUndefined()
    expect(sealingWith([{ kid: '1', secret: Buffer.alloc(32, 9) }]).open(sealed, PLACE)).toBeUndefined()
  })

  it('uses the newest key and still opens what older ones sealed', () => {
    const old = sealingWith([key('1')]).seal('secret', PLACE)
    const sealing = sealingWith([key('1'), key('2')])
    expect(sealing.open(old, PLACE)).toBe('secret')
    expect(sealing.seal('secret', PLACE)).toMatch(/^2\./)
  })
})
