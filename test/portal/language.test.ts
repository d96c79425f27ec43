import { describe, expect, it } from 'vitest'
import { acceptedLanguage, CATALOGUES, firstLanguage, shortTimeText, timeText } from '../../src/portal/language.ts'

describe('the language of a page', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['de', 'de'],
    ['de-AT', 'de'],
    ['en-GB,en;q=0.9,de;q=0.8', 'en'],
    ['fr,de;q=0.2,en;q=0.1', 'de'],
    ['fr, de;q=0, en;q=0.1', 'en'],
    ['*', undefined],
    ['x'.repeat(100_000), undefined],
    [';;;,,q=1', undefined],
  ])('asked for as %j is %s', (header, language) => {
    expect(acceptedLanguage(header)).toBe(language)
  })

  it('is the first that is known', () => {
    expect(firstLanguage(undefined, 'fr', 'de-CH', 'en')).toBe('de')
    expect(firstLanguage('fr')).toBe('en')
  })

  it('says the day and the time with their zone', () => {
    expect(timeText('2026-12-07T13:05:00.000Z', 'en', 'Europe/Berlin')).toBe(
      'Monday, 7 December 2026 at 14:05\u00a0CET',
    )
    expect(timeText('2026-12-07T13:05:00.000Z', 'de', 'Europe/Berlin')).toBe(
      'Montag, 7. Dezember 2026 um 14:05\u00a0MEZ',
    )
  })

  it('says it shorter in lists', () => {
    expect(shortTimeText('2026-12-07T13:05:00.000Z', 'en')).toBe('7 Dec 2026, 13:05\u00a0UTC')
    expect(shortTimeText('2026-12-07T13:05:00.000Z', 'de')).toBe('07.12.2026, 13:05\u00a0UTC')
  })

  it('has every text of every other', () => {
    const shape = (value: unknown, path = ''): string[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => shape(inner, `${path}.${key}`))
        : [`${path}:${typeof value}`]
    expect(shape(CATALOGUES.de)).toEqual(shape(CATALOGUES.en))
  })
})
