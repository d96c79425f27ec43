import { describe, expect, it } from 'vitest'
import { transplanted } from '../../src/decide/transplant.ts'

const newUid = (uid: string) => ({ 'u-1': 'U-1', 'i-1': 'I-1' })[uid]

describe('a record whose objects have new uids', () => {
  it('points at the new ones, in every place where a Membership holds one', () => {
    const spec = {
      user: { name: 'alice', uid: 'u-1' },
      series: [
        { number: 1, openedBy: 'declaration', time: 'T' },
        { number: 2, openedBy: 'invitation/i-1', time: 'T' },
        { number: 3, openedBy: 'resend/i-1', time: 'T' },
      ],
      grants: [{ invitation: 'carol', uid: 'i-1', roles: [], by: 'b', time: 'T' }],
    }
    expect(transplanted('Membership', spec, newUid)).toEqual({
      user: { name: 'alice', uid: 'U-1' },
      series: [spec.series[0], { number: 2, openedBy: 'invitation/I-1', time: 'T' }, spec.series[2]],
      grants: [{ ...spec.grants[0], uid: 'I-1' }],
    })
  })

  it('points at the new ones, in every place where a SeatLedger holds one', () => {
    const of = (holder: string) => ({ slots: [{ holder }], keys: [{ holder }], waiting: [{ holder }] })
    expect(transplanted('SeatLedger', of('user/u-1'), newUid)).toEqual(of('user/U-1'))
    expect(transplanted('SeatLedger', of('address/u-1'), newUid)).toEqual(of('address/u-1'))
  })

  it('goes on pointing at nobody where the object is gone', () => {
    const spec = { user: { name: 'x', uid: 'gone' }, series: [], grants: [] }
    expect(transplanted('Membership', spec, newUid)).toEqual(spec)
    expect(transplanted('Account', { address: 'u-1' }, newUid)).toEqual({ address: 'u-1' })
  })
})
