import { describe, expect, it } from 'vitest'
import { representationOf, userOf } from '../../../src/directories/keycloak/users.ts'

describe('a person of the admin API', () => {
  it('is told with what is there', () => {
    const item = { id: '1', username: 'ann', email: 'ann@acme.example', firstName: 'Ann', lastName: '', enabled: true }
    expect(userOf({ ...item, attributes: { locale: ['de'] } }, {})).toEqual({
      id: '1',
      login: 'ann',
      email: 'ann@acme.example',
      givenName: 'Ann',
      locale: 'de',
      active: true,
    })
    expect(userOf({ id: '2', username: 'ben', enabled: false }, {})).toEqual({ id: '2', login: 'ben', active: false })
  })

  it('has further addresses and a language in attributes that are named', () => {
    const spec = { aliasesAttribute: 'mails', localeAttribute: 'language' }
    const attributes = { mails: ['z@acme.example', 'A@acme.example', 'a@acme.example', ''], language: ['fr', 'de'] }
    expect(userOf({ id: '1', username: 'a', email: 'a@acme.example', attributes }, spec)).toMatchObject({
      aliases: ['z@acme.example'],
      locale: 'fr',
    })
    expect([representationOf(spec), representationOf({})]).toEqual([
      { briefRepresentation: 'false' },
      { briefRepresentation: 'true' },
    ])
  })

  it('takes nothing that is no text, and no attribute that everything has', () => {
    const odd = { id: '1', username: 7, email: null, attributes: { locale: { de: 1 } } }
    expect(userOf(odd, {})).toEqual({ id: '1', active: true })
    expect(userOf(odd, { aliasesAttribute: 'constructor', localeAttribute: 'toString' })).toEqual({
      id: '1',
      active: true,
    })
    expect(userOf({ id: '1', attributes: ['x'] }, {})).toEqual({ id: '1', active: true })
  })
})
