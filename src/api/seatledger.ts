import Type, { type Static } from 'typebox'
import type { Resource } from './resource.ts'
import { address, choice, integer, type KindDefinition, object, reference, text, time, unset } from './schema.ts'

/** A person: `user/<uid>` of the User, else `address/<address>`. */
const holder = (description: string) => text(description, 300)

const slot = object('One seat that is taken. A slot that is not listed is free.', {
  slot: integer('Number of the seat in the whole pool, from 0.', 0, 999_999),
  holder: holder('Who has it.'),
  address: unset(
    address('Address of the membership for which it was given: how the same person is found under another User.'),
  ),
  state: choice('`Reserved` for an invited person, `Used`, or `Releasing` until `releaseTime`.', [
    'Reserved',
    'Used',
    'Releasing',
  ]),
  since: time('Since when.'),
  releaseTime: unset(time('When a releasing seat becomes free.')),
})

const key = object('A licence key that was handed out; it is never given to somebody else.', {
  fingerprint: Type.String({ description: 'HMAC of the key, base64url.', maxLength: 64 }),
  holder: holder('Who has it.'),
  address: unset(address('Address of the membership for which it was claimed, where it was mailed to.')),
  slot: integer('For which seat.', 0, 999_999),
  time: time('When it was claimed.'),
})

const waiting = object('Somebody who waits for seats.', {
  holder: holder('Who.'),
  since: time('Since when.'),
  quantity: integer('How many seats.', 1, 100),
})

const spec = object(
  'One page of the seats of a pool: at most 1,000 slots, with any numbers; what is given at once lies on one page. No number stands on two pages.',
  {
    pool: reference('LicensePool', 'Which pool.'),
    page: integer('Number of the page, from 0.', 0, 999),
    slots: Type.Array(slot, { description: 'Taken seats, by number.', maxItems: 1000 }),
    keys: Type.Array(key, { description: 'Keys handed out for seats of this page.', maxItems: 5000 }),
    waiting: unset(
      Type.Array(waiting, { description: 'Who waits, first in line first. On page 0 only.', maxItems: 20_000 }),
    ),
  },
)

export type SeatLedgerSpec = Static<typeof spec>
export type Slot = Static<typeof slot>
export type SeatKey = Static<typeof key>
export type SeatLedger = Resource<'SeatLedger', SeatLedgerSpec, never>

export const seatLedger: KindDefinition = {
  kind: 'SeatLedger',
  plural: 'seatledgers',
  singular: 'seatledger',
  shortNames: [],
  description: "Record: one page of a pool's seats.",
  record: true,
  spec,
  columns: [
    { name: 'Pool', type: 'string', jsonPath: '.spec.pool', description: 'Which pool.' },
    { name: 'Page', type: 'integer', jsonPath: '.spec.page', description: 'Number of the page.' },
  ],
  rules: [],
  maxNameLength: 253,
  example: '',
}
