import { describe, expect, test } from 'vitest'
import type { AnyResource } from '../../src/api/kinds.ts'
import { isSo, standingText, wantedOf } from '../../src/app/waiting.ts'

const user = {
  apiVersion: 'roster.dev/v1alpha1',
  kind: 'User',
  metadata: { name: 'alice' },
  spec: { email: 'alice@acme.example' },
  status: { state: 'Active', conditions: [{ type: 'Ready', status: 'False', reason: 'GaveUp', message: 'why' }] },
} as unknown as AnyResource

describe('what is waited for', () => {
  test.each([
    ['delete', { is: 'gone' }],
    ['create', { is: 'there' }],
    ['condition=Ready', { is: 'condition', type: 'Ready', status: 'True' }],
    ['condition=Ready=false', { is: 'condition', type: 'Ready', status: 'False' }],
    ['state=Active', { is: 'field', path: 'status.state', value: 'Active' }],
    ['spec.email=a@b.example', { is: 'field', path: 'spec.email', value: 'a@b.example' }],
    ['jsonpath={.status.state}=Active', { is: 'field', path: 'status.state', value: 'Active' }],
    ['jsonpath=.status.state="Active"', { is: 'field', path: 'status.state', value: 'Active' }],
  ])('%s', (text, wanted) => expect(wantedOf(text)).toEqual(wanted))

  test.each(['', 'ready', 'condition=', 'state=', '{.status}=x'])('%j is nothing to wait for', text =>
    expect(() => wantedOf(text)).toThrow('cannot be waited for'),
  )

  test.each([
    ['delete', undefined, true],
    ['delete', user, false],
    ['create', user, true],
    ['condition=Ready', undefined, false],
    ['condition=ready=False', user, true],
    ['condition=Ready', user, false],
    ['state=Active', user, true],
    ['state=Invited', user, false],
  ])('%s', (text, object, so) => expect(isSo(wantedOf(text), object)).toBe(so))

  test('what is not so is told as it stands', () => {
    expect(standingText(wantedOf('condition=Ready'), user)).toBe('Ready is False: GaveUp: why')
    expect(standingText(wantedOf('state=Left'), user)).toBe('status.state is Active')
    expect(standingText(wantedOf('state=Left'), undefined)).toBe('it does not exist')
  })
})
