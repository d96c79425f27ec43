import { describe, expect, it } from 'vitest'
import { Malformed } from '../../../src/directories/ldap/ber.ts'
import { decode, Inbox } from '../../../src/directories/ldap/message.ts'
import fc from '../../properties.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('messages of a server', () => {
  it.each([
    ['reaches beyond what holds it', '020101 640a 0401 61 3005 3003 0455'],
    ['has a length of four bytes with the highest bit', '020101 6408 0484ffffffff 3000'],
    ['has no definite length', '020101 6480 0000'],
    ['has no result code', '020101 6504 0400 0400'],
    ['has a number of five bytes', '02050101010101 6500'],
    ['is none that we know', '020101 4200'],
    ['is empty', ''],
  ])('are refused when one %s', (_, message) => {
    expect(() => decode(hex(message))).toThrow(Malformed)
  })

  it('are refused before they are kept, when one is too long', () => {
    const inbox = new Inbox()
    inbox.push(hex('3084 7fffffff'))
    expect(() => inbox.next()).toThrow(/64 MiB/)
  })

  it('are refused or read, and never looped over, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        try {
          decode(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
        }
      }),
    )
  })

  it('come out whole, however the bytes are cut', () => {
    const message = hex('3009 020101 6104 0a0100 00')
    const stream = Buffer.concat([message, message, message])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 })), cuts => {
        const inbox = new Inbox()
        const found: Buffer[] = []
        let at = 0
        for (const size of [...cuts, stream.length]) {
          inbox.push(stream.subarray(at, at + size))
          at += size
          for (let next = inbox.next(); next; next = inbox.next()) found.push(next)
        }
        expect(found).toEqual(Array.from({ length: 3 }, () => message.subarray(2)))
        expect(inbox.empty).toBe(true)
      }),
    )
  })
})
