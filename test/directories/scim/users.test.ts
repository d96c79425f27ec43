import { describe, expect, it } from 'vitest'
import { userOf } from '../../../src/directories/scim/users.ts'

describe('a person of SCIM', () => {
  it('is told as RFC 7643 section 8.2 shows a full one', () => {
    const user = userOf(
      {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        id: '2819c223',
        externalId: '701984',
        userName: 'bjensen@example.com',
        name: { formatted: 'Ms. Barbara J Jensen, III', familyName: 'Jensen', givenName: 'Barbara' },
        displayName: 'Babs Jensen',
        emails: [
          { value: 'babs@jensen.example', type: 'home' },
          { value: 'bjensen@example.com', type: 'work', primary: true },
        ],
        preferredLanguage: 'en-US',
        locale: 'de-DE',
        active: true,
      },
      '2819c223',
    )
    expect(user).toEqual({
      id: '2819c223',
      externalId: '701984',
      login: 'bjensen@example.com',
      email: 'bjensen@example.com',
      aliases: ['babs@jensen.example'],
      givenName: 'Barbara',
      familyName: 'Jensen',
      displayName: 'Babs Jensen',
      locale: 'en-US',
      active: true,
    })
  })

  it('needs nothing but an id, as the identities without anybody behind them that GitHub tells', () => {
    const nobody = { id: 'e7f1', userName: null, emails: [], name: null, externalId: null }
    expect(userOf(nobody, 'e7f1')).toEqual({ id: 'e7f1', active: true })
  })

  it.each([
    ['the primary one', [{ value: 'a@x.example' }, { value: 'b@x.example', primary: true }], 'b@x.example'],
    [
      'the primary one, said as text',
      [
        { value: 'a@x.example', primary: 'false' },
        { value: 'b@x.example', primary: 'True' },
      ],
      'b@x.example',
    ],
    [
      'one for work, where none is primary',
      [
        { value: 'a@x.example', type: 'home' },
        { value: 'b@x.example', type: 'Work' },
      ],
      'b@x.example',
    ],
    ['the only one, whatever it is for', [{ value: 'a@x.example', type: 'other' }], 'a@x.example'],
    ['the login, where several could be', [{ value: 'a@x.example' }, { value: 'Login@x.example' }], 'Login@x.example'],
    [
      'the first by the alphabet, where nothing else tells',
      [{ value: 'b@x.example' }, { value: 'a@x.example' }],
      'a@x.example',
    ],
    ['one that is not in an object', ['a@x.example'], 'a@x.example'],
    ['one that is not in a list', { value: 'a@x.example' }, 'a@x.example'],
  ])('has as the main address %s', (_, emails, email) => {
    const found = userOf({ id: '1', userName: 'login@x.example', emails }, '1')
    expect(found.email).toBe(email)
    const all = [emails].flat().map(each => (typeof each === 'string' ? each : each.value))
    expect([found.email, ...(found.aliases ?? [])].sort()).toEqual([...all].sort())
  })

  it('has each address once, in whatever order and case they come', () => {
    const emails = [
      { value: 'B@x.example' },
      { value: 'a@x.example', primary: true },
      { value: 'b@X.example', type: 'work' },
    ]
    const [one, other] = [emails, emails.toReversed()].map(emails => userOf({ emails }, '1'))
    expect(one).toEqual({ id: '1', email: 'a@x.example', aliases: ['B@x.example'], active: true })
    expect(other?.aliases?.map(alias => alias.toLowerCase())).toEqual(['b@x.example'])
  })

  it('has no address that is only a login, since a login need not take mail', () => {
    expect(userOf({ userName: 'ann@acme.example' }, '1').email).toBeUndefined()
  })

  it.each([
    [true, true],
    [false, false],
    ['False', false],
    ['true', true],
    [undefined, true],
    [null, true],
  ])('whose active is %j is in use: %s', (active, expected) => {
    expect(userOf({ active }, '1').active).toBe(expected)
  })

  it.each([
    [{ preferredLanguage: 'da, en-gb;q=0.8, en;q=0.7' }, 'da'],
    [{ preferredLanguage: ' ', locale: 'de' }, 'de'],
    [{ locale: 'de-CH' }, 'de-CH'],
    [{}, undefined],
  ])('speaks, by %j, %s', (said, locale) => {
    expect(userOf(said, '1').locale).toBe(locale)
  })

  it('is found under names of attributes in any case, and with numbers for text', () => {
    const user = userOf({ username: 4711, NAME: { givenname: 'Ann' }, displayname: 'Ann M.' }, '7')
    expect(user).toEqual({ id: '7', login: '4711', givenName: 'Ann', displayName: 'Ann M.', active: true })
  })

  it('has the formatted name where there is none to show', () => {
    expect(userOf({ name: { formatted: 'Ann Meyer' } }, '1').displayName).toBe('Ann Meyer')
  })

  it.each([{ emails: [null, {}, { value: '' }, [], 3.5] }, { name: ['Ann'] }, { userName: {} }, { active: {} }])(
    'leaves out what is not as the standard has it: %j',
    said => {
      expect(userOf(said, '1')).toEqual({ id: '1', active: true })
    },
  )
})
