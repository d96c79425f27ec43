import { describe, expect, it } from 'vitest'
import { dialects, guidText, sidText } from '../../../src/directories/ldap/dialect.ts'
import { groupOf } from '../../../src/directories/ldap/groups.ts'
import { Known } from '../../../src/directories/ldap/known.ts'
import type { Entry } from '../../../src/directories/ldap/message.ts'
import { usersOf } from '../../../src/directories/ldap/users.ts'

// No Active Directory is at hand: what it answers is written after [MS-ADTS] and [MS-DTYP].
const dialect = dialects.ActiveDirectory
const entry = (dn: string, attributes: Record<string, (string | Buffer)[]>): Entry => ({
  dn,
  size: 0,
  attributes: new Map(
    Object.entries(attributes).map(([name, values]) => [name.toLowerCase(), values.map(value => Buffer.from(value))]),
  ),
})
const guid = (last: number) => Buffer.from([...Buffer.from('33221100554477668899aabbccddee', 'hex'), last])
const sid = (rid: number) => {
  const bytes = Buffer.from('010500000000000515000000010000000200000003000000ffffffff', 'hex')
  bytes.writeUInt32LE(rid, 24)
  return bytes
}
const dn = (name: string) => `CN=${name},OU=People,DC=acme,DC=example`

const known = (count: number) => {
  const known = new Known()
  for (let index = 0; index < count; index++) known.addUser(dn(`u${index}`), `id-${index}`, [], undefined)
  return known
}
const group = (attributes: Record<string, (string | Buffer)[]>) =>
  entry('CN=All,DC=acme,DC=example', { cn: ['All'], objectGUID: [guid(1)], ...attributes })
const members = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => dn(`U${from + index}`))
const spec = { base: 'DC=acme,DC=example' }

describe('the dialect of Active Directory', () => {
  it('writes a GUID and a SID as everybody does', () => {
    expect(guidText(guid(0xff))).toBe('00112233-4455-6677-8899-aabbccddeeff')
    expect(guidText(Buffer.alloc(15))).toBeUndefined()
    expect(sidText(sid(513))).toBe('S-1-5-21-1-2-3-513')
    expect(sidText(Buffer.from('0109', 'hex'))).toBeUndefined()
  })

  it.each([
    ['512', true],
    ['514', false],
    ['66050', false],
    ['66048', true],
  ])('takes userAccountControl %s for active: %s', (value, active) => {
    expect(dialect.active(entry('', { userAccountControl: [value] }))).toBe(active)
  })

  it('tells people with the address that Exchange calls the main one, and members by primary group', async () => {
    const found = new Known()
    const person = entry(dn('u'), {
      objectGUID: [guid(2)],
      objectSid: [sid(1104)],
      primaryGroupID: ['513'],
      sAMAccountName: ['u'],
      mail: ['a@acme.example', 'u@acme.example'],
      proxyAddresses: ['smtp:old@acme.example', 'SMTP:A@acme.example', 'x500:/o=acme', 'smtp:U@acme.example'],
    })
    const users = usersOf([person, person], { spec, dialect, known: found, onMissing: () => expect.fail() })
    expect(users).toEqual([
      {
        id: guidText(guid(2)),
        login: 'u',
        email: 'a@acme.example',
        aliases: ['old@acme.example', 'u@acme.example'],
        active: true,
      },
    ])
    const more = async () => expect.fail()
    const told = await groupOf(group({ objectSid: [sid(513)] }), 'g', { spec, dialect, known: found, more })
    expect(told?.users).toEqual([guidText(guid(2))])
  })

  it('asks for members in ranges until the last one', async () => {
    const asked: string[] = []
    const more = async (_: string, attribute: string) => {
      asked.push(attribute)
      const from = Number(/=(\d+)/.exec(attribute)?.[1])
      const to = Math.min(from + 1500, 3100)
      return group({ member: [], [`member;range=${from}-${to === 3100 ? '*' : to - 1}`]: members(from, to) })
    }
    const first = group({ member: [], 'member;range=0-1499': members(0, 1500) })
    const told = await groupOf(first, 'g', { spec, dialect, known: known(3100), more })
    expect(new Set(told?.users).size).toBe(3100)
    expect(asked).toEqual(['member;range=1500-*', 'member;range=3000-*'])
  })

  it.each([
    ['is gone', undefined],
    ['begins elsewhere', group({ 'member;range=1600-*': [] })],
    ['comes without a range', group({ member: [dn('u0')] })],
    ['comes backwards', group({ 'member;range=1500-7': [dn('u0')] })],
  ])('tells no group where a range %s', async (_, answer) => {
    const first = group({ 'member;range=0-1499': members(0, 1500) })
    expect(await groupOf(first, 'g', { spec, dialect, known: known(1), more: async () => answer })).toBeUndefined()
  })

  it('knows which references lead to no people', () => {
    expect(dialect.harmless('ldap://DomainDnsZones.acme.example/DC=DomainDnsZones,DC=acme,DC=example')).toBe(true)
    expect(dialect.harmless('ldap://acme.example/CN=Configuration,DC=acme,DC=example')).toBe(true)
    expect(dialect.harmless('ldap://sub.acme.example/DC=sub,DC=acme,DC=example')).toBe(false)
  })
})
