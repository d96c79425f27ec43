import { describe, expect, it } from 'vitest'
import { deliveryOf, type Failure } from '../../src/mail/delivery.ts'

describe('what a failure means for the mail', () => {
  // stage, code → outcome, whether the server is down
  it.each([
    ['Session', undefined, 'NotSent', true],
    ['Session', 421, 'NotSent', true],
    ['Session', 454, 'NotSent', true],
    ['Session', 535, 'NotSent', true],
    ['Session', 554, 'NotSent', true],
    ['Sender', 421, 'NotSent', true],
    ['Sender', 451, 'NotSent', undefined],
    ['Sender', 530, 'NotSent', true],
    ['Sender', 550, 'NotSent', undefined],
    ['Sender', 552, 'Refused', undefined],
    ['Sender', 553, 'NotSent', undefined],
    ['Recipient', 421, 'NotSent', true],
    ['Recipient', 450, 'NotSent', undefined],
    ['Recipient', 452, 'NotSent', undefined],
    ['Recipient', 501, 'Refused', undefined],
    ['Recipient', 503, 'NotSent', true],
    ['Recipient', 530, 'NotSent', true],
    ['Recipient', 550, 'Refused', undefined],
    ['Recipient', 554, 'Refused', undefined],
    ['Data', 451, 'NotSent', undefined],
    ['Data', 502, 'NotSent', true],
    ['Data', 554, 'Refused', undefined],
    ['Answer', 421, 'NotSent', true],
    ['Answer', 452, 'NotSent', undefined],
    ['Answer', 552, 'Refused', undefined],
    ['Answer', 554, 'Refused', undefined],
    ['Answer', undefined, 'Unknown', undefined],
    ['Answer', 250, 'Unknown', undefined],
    ['Recipient', 250, 'NotSent', true],
  ] satisfies [Failure['stage'], number | undefined, string, true | undefined][])(
    '%s, %s: %s',
    (stage, code, outcome, serverDown) => {
      const failure: Failure = { stage, ...(code === undefined ? {} : { code }), response: 'x' }
      expect(deliveryOf(failure)).toEqual({ outcome, response: 'x', ...(serverDown ? { serverDown } : {}) })
    },
  )

  it('shows the answer on one line of 200 characters, with what is hidden in it', () => {
    const { response } = deliveryOf({
      stage: 'Recipient',
      code: 550,
      response: `550-first\r\n550 \u001b[31mred\u202e ${'x'.repeat(500)}`,
    })
    expect(response).toMatch(/^550-first 550 \\u001b\[31mred\\u202e x+…$/)
    expect([...response]).toHaveLength(200)
  })
})
