import { describe, expect, it } from 'vitest'
import { type Place, placeText } from '../../../src/app/why/place.ts'

const invited = (attempt: Record<string, unknown>): string =>
  placeText({
    organization: 'acme',
    standing: 'Invited',
    timeZone: 'UTC',
    snapshot: { now: Date.parse('2026-11-22T12:00:00Z'), cache: { get: () => undefined } },
    membership: { spec: { attempts: [{ expirationTime: '2026-11-23T12:00:00Z', ...attempt }] } },
  } as unknown as Place).text

describe('where somebody stands who is invited', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['sent', { outcome: 'Sent' }, 'not joined yet; the link works until Mon 23 Nov 2026, 12:00 UTC'],
    [
      'not taken by the server yet',
      { outcome: 'NotSent', response: '451 try later' },
      'the invitation has not been sent yet: 451 try later',
    ],
    [
      'refused by the server',
      { outcome: 'Refused', response: '550 no such user' },
      'the mail server refused the invitation: 550 no such user',
    ],
    [
      'withdrawn before it was sent',
      { outcome: 'NotSent', withdrawnTime: '2026-11-22T11:00:00Z' },
      'the link was withdrawn',
    ],
  ])('is told as the mail stands: %s', (_, attempt, text) => {
    expect(invited(attempt)).toBe(text)
  })
})
