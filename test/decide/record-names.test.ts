import { describe, expect, it } from 'vitest'
import {
  accountName,
  generatedName,
  generatedUserName,
  membershipName,
  messageId,
} from '../../src/decide/record-names.ts'

describe('names of records', () => {
  it('derive from what they are about, whatever the spelling', () => {
    expect(membershipName('acme', 'Alice@Acme.example')).toBe(membershipName('acme', 'alice@ACME.example'))
    expect(accountName('alice@acme.example')).toMatch(/^a-[a-z2-7]{26}$/)
    expect(membershipName('acme', 'alice@acme.example')).toMatch(/^m-[a-z2-7]{26}$/)
  })
  it('never collide by moving letters between the parts', () => {
    expect(membershipName('ab', 'c@d')).not.toBe(membershipName('a', 'bc@d'))
    expect(generatedName('x', 'ab', 'c')).not.toBe(generatedName('x', 'a', 'bc'))
  })
  it('are readable DNS labels', () => {
    expect(generatedUserName('Carol.Smith@partner.example')).toMatch(/^carol-smith-[a-z2-7]{10}$/)
    expect(generatedName('Ünsäglich Läng'.repeat(5), 'x')).toMatch(/^[a-z0-9][a-z0-9-]{0,29}-[a-z2-7]{10}$/)
    expect(generatedName('***', 'x')).toMatch(/^x-[a-z2-7]{10}$/)
  })
  it('stay the same for ever: links and mails hang on them', () => {
    expect(membershipName('acme', 'a@b')).toBe('m-evxokyn3mkpgvwyip3ztlaxrw5')
    expect(messageId('m-1', 'invitation/1', 'h.example')).toBe('<s6ngl4eivjw6x2jnhvmpj5wttg.m-1@h.example>')
  })
})
