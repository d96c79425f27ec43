import { describe, expect, it } from 'vitest'
import { effectiveValues, type Saying, sourcesShown } from '../../src/decide/profile.ts'

const say = (directory: string, user: Partial<Saying['user']>, further: Partial<Saying> = {}): Saying => ({
  directory,
  id: '1',
  user: { active: true, ...user },
  ...further,
})
const values = (declared: Parameters<typeof effectiveValues>[0], sayings: Saying[]) =>
  Object.fromEntries(
    Object.entries(effectiveValues(declared, sayings)).map(([field, { value, from }]) => [
      field,
      from ? `${value} (${from.directory})` : value,
    ]),
  )

describe('what is in force of what is said', () => {
  it('is what is declared, then what the first directory says by name that says anything', () => {
    expect(
      values({ givenName: 'Alice', displayName: 'Alice S.' }, [
        say('okta', { givenName: 'Al', familyName: 'Smith-Okta', locale: 'de' }),
        say('hr', { givenName: 'Ally', familyName: 'Smith', displayName: 'Ally Smith' }),
      ]),
    ).toEqual({ displayName: 'Alice S.', givenName: 'Alice', familyName: 'Smith (hr)', locale: 'de (okta)' })
  })

  it('is nothing of whoever is no longer there', () => {
    expect(values({}, [say('hr', { givenName: 'Ally' }, { missingTime: '2026-03-02T09:00:00Z' })])).toEqual({})
  })

  it('is no language that is none', () => {
    expect(values({}, [say('hr', { locale: 'German' }), say('okta', { locale: 'en-GB' })])).toEqual({
      locale: 'en-GB (okta)',
    })
  })

  it.each([
    ['of declared parts', { givenName: 'Alice', familyName: 'Smith' }, 'Alice Smith'],
    ['of what is declared of them, whatever a directory says', { givenName: 'Alice' }, 'Alice'],
    ['as a directory says', {}, 'Dr. Ally Smith (hr)'],
  ])('makes a full name %s', (_, declared, name) => {
    const hr = say('hr', { givenName: 'Ally', familyName: 'Smith', displayName: 'Dr. Ally Smith' })
    expect(values(declared, [hr])['displayName']).toBe(name)
  })

  it('makes a full name of the parts that a directory says', () => {
    expect(values({}, [say('hr', { givenName: 'Ally', familyName: 'Smith' })])['displayName']).toBe('Ally Smith (hr)')
  })
})

describe('what is shown of sources', () => {
  it('is ordered by directory, with who is gone or disabled', () => {
    expect(
      sourcesShown([
        say('okta', { email: 'a@acme.example', active: false }),
        say('hr', { login: 'a' }, { missingTime: '2026-03-02T09:00:00Z' }),
      ]),
    ).toEqual([
      { directory: 'hr', id: '1', login: 'a', missingTime: '2026-03-02T09:00:00Z' },
      { directory: 'okta', id: '1', email: 'a@acme.example', disabled: true },
    ])
  })

  it('is no more than sixteen, of two kilobytes each, the address before all', () => {
    const wide = '𝒜'
    const all = Array.from({ length: 20 }, (_, at) =>
      say(`d${at}`, {
        login: wide.repeat(255),
        email: `${'a'.repeat(60)}@acme.example`,
        aliases: Array.from({ length: 20 }, (__, of) => `${'b'.repeat(60)}${of}@acme.example`),
        givenName: wide.repeat(100),
        familyName: wide.repeat(100),
        displayName: wide.repeat(200),
      }),
    )
    const shown = sourcesShown(all)
    expect(shown).toHaveLength(16)
    for (const source of shown) {
      expect(Buffer.byteLength(JSON.stringify(source))).toBeLessThanOrEqual(2048)
      expect(source).toMatchObject({ email: expect.any(String), displayName: expect.any(String) })
    }
  })
})
