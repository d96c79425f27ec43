import { describe, expect, it, test } from 'vitest'
import { checkOf, checksOf, type KeyChecks, lostKeys } from '../../src/accounts/keycheck.ts'
import { type KeyPurpose, keysOf } from '../../src/accounts/keyring.ts'

const secret = (fill: number) => Buffer.alloc(32, fill)
const ALL = ['link', 'form', 'fingerprint', 'credentials'] as const satisfies readonly KeyPurpose[]

describe('the check value of a key', () => {
  it('is the same for the same key in the same place, and another one for every other', () => {
    const check = checkOf('link', { kid: '1', secret: secret(1) })
    expect(checkOf('link', { kid: '1', secret: secret(1) })).toBe(check)
    expect(checkOf('link', { kid: '1', secret: secret(2) })).not.toBe(check)
    expect(checkOf('link', { kid: '2', secret: secret(1) })).not.toBe(check)
    expect(checkOf('form', { kid: '1', secret: secret(1) })).not.toBe(check)
  })

  it('is nothing that the key says of anything else', () => {
    const rings = new Map(ALL.map(purpose => [purpose, [{ kid: '1', secret: secret(7) }]]))
    const keys = keysOf(rings)
    expect(keys.checks).toEqual(checksOf(rings))
    const said = Object.values(keys.checks)
    expect(new Set(said).size).toBe(4)
    for (const check of said) {
      expect(Buffer.from(check, 'base64url')).toHaveLength(16)
      expect(keys.fingerprint(`roster key check fingerprint.1`)).not.toContain(check)
      expect(secret(7).toString('base64url')).not.toContain(check)
    }
  })
})

describe('keys that were in use', () => {
  /** `link.1=a fingerprint.1=b` */
  const checks = (text: string): KeyChecks =>
    Object.fromEntries(text.split(' ').flatMap(one => (one === '' ? [] : [one.split('=') as [string, string]])))

  test.each([
    ['nothing was known, so nothing is lost', '', 'link.1=a', ''],
    [
      'all are there',
      'link.1=a form.1=b fingerprint.1=c credentials.1=d',
      'link.1=a form.1=b fingerprint.1=c credentials.1=d',
      '',
    ],
    [
      'all are gone',
      'link.1=a form.1=b fingerprint.1=c credentials.1=d',
      '',
      'link.1 missing, form.1 missing, fingerprint.1 missing, credentials.1 missing',
    ],
    [
      'all were made anew',
      'link.1=a fingerprint.1=c',
      'link.1=x fingerprint.1=y',
      'link.1 another, fingerprint.1 another',
    ],
    ['a newer one was put beside', 'link.1=a credentials.1=d', 'link.1=a link.2=e credentials.1=d credentials.2=f', ''],
    ['an old link key was taken away beside a newer one that is known', 'link.1=a link.2=b', 'link.2=b', ''],
    ['the only link key was replaced by a newer one that nobody knows', 'link.1=a', 'link.2=b', 'link.1 missing'],
    [
      'of link keys only one is left that no longer verifies',
      'link.1=a link.2=b link.3=c',
      'link.1=a',
      'link.2 missing, link.3 missing',
    ],
    ['ten is newer than nine', 'link.8=a link.9=b link.10=c', 'link.10=c', ''],
    [
      'a key of credentials is gone beside a newer one',
      'credentials.1=a credentials.2=b',
      'credentials.2=b',
      'credentials.1 missing',
    ],
    [
      'the first fingerprint key is gone beside a newer one',
      'fingerprint.1=a fingerprint.2=b',
      'fingerprint.2=b',
      'fingerprint.1 missing',
    ],
    ['a later fingerprint key, which is not used, is gone', 'fingerprint.1=a fingerprint.2=b', 'fingerprint.1=a', ''],
    [
      'an older fingerprint key was put before the first',
      'fingerprint.2=b',
      'fingerprint.1=x fingerprint.2=b',
      'fingerprint.2 another',
    ],
    ['a purpose that was not known comes with a new release', 'link.1=a', 'link.1=a credentials.1=d', ''],
  ])('%s', (_, known, found, lost) => {
    const text = lostKeys(checks(known), checks(found), ALL).map(({ name, how }) => `${name} ${how}`)
    expect(text.join(', ')).toBe(lost)
  })

  it('for a purpose that this realm does not have are not missed', () => {
    expect(lostKeys(checks('credentials.1=a'), {}, ['link', 'form', 'fingerprint'])).toEqual([])
  })
})
