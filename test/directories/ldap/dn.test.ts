import { describe, expect, it } from 'vitest'
import { normalDn } from '../../../src/directories/ldap/dn.ts'

describe('distinguished names', () => {
  it.each([
    ['UID=Ann , OU=People,DC=acme', 'uid=ann,ou=people,dc=acme'],
    ['cn=Doe\\, Ann,dc=acme', 'cn="Doe, Ann",dc=acme'],
    ['cn=Doe\\2c Ann,dc=acme', 'cn=doe\\,  ann , dc=acme'],
    ['cn=M\\c3\\bcller', 'cn=Müller'],
    ['cn=a+uid=b', 'UID=b + CN=A'],
    ['2.5.4.3=a', 'commonName=a'],
    ['OID.2.5.4.3=a', 'cn=a'],
    ['cn=#0c0161', 'cn=a'],
    ['cn=a;dc=b', 'cn=a,dc=b'],
  ])('%s is %s', (one, other) => {
    expect(normalDn(one)).toBe(normalDn(other))
    expect(normalDn(one)).toBeDefined()
  })
  it.each([
    ['cn=a,dc=b', 'cn=a\\,dc\\=b'],
    ['cn=a+uid=b', 'cn=a\\+uid\\=b'],
    ['cn=a', 'uid=a'],
    ['cn=a,dc=b', 'dc=b,cn=a'],
    ['cn=a b', 'cn=ab'],
  ])('%s is not %s', (one, other) => {
    expect(normalDn(one)).not.toBe(normalDn(other))
  })
  it.each(['people', '=a', 'cn="a', 'cn=a\\', 'cn=#zz', 'cn=\\ff', 'cn=a,'])('%s is none', dn => {
    expect(normalDn(dn)).toBeUndefined()
  })
})
