import { de } from './texts/de.ts'
import { en, type Texts } from './texts/en.ts'

/** Language tag → catalogue. One more language is one more file and one line here. */
export const CATALOGUES = { en, de } as const satisfies Record<string, Texts>
export type Language = keyof typeof CATALOGUES
export const LANGUAGES = Object.keys(CATALOGUES) as Language[]

/** The catalogue for a tag such as `de-AT`; undefined where there is none. */
export const languageOf = (tag: string | undefined): Language | undefined => {
  const primary = tag?.toLowerCase().split('-')[0]
  return LANGUAGES.find(language => language === primary)
}

/** The first language of an `Accept-Language` header (RFC 9110 section 12.5.4) that has a catalogue. */
export const acceptedLanguage = (header: string | undefined): Language | undefined =>
  (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((part, place) => {
      const [tag = '', ...parameters] = part.trim().split(';')
      const quality = parameters
        .map(parameter => /^\s*q=([0-9.]+)\s*$/.exec(parameter)?.[1])
        .find(value => value !== undefined)
      return { tag: tag.trim(), quality: Number(quality ?? 1), place }
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || a.place - b.place)
    .map(({ tag }) => languageOf(tag))
    .find(language => language !== undefined)

/** The first that is known: chosen on a page, of the person, of the invitation, of the browser, English. */
export const firstLanguage = (...tags: (string | undefined)[]): Language =>
  tags.map(languageOf).find(language => language !== undefined) ?? 'en'

/** Day and time in words, with the time zone, which never stands alone on a line: `Monday, 7 December 2026 at 14:05 CET`. */
export const timeText = (time: string, language: Language, timeZone: string): string =>
  new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  })
    .format(new Date(time))
    .replace(/ (\S+)$/, '\u00a0$1')

/** Day and time as short as a list wants them, in UTC: `22 Nov 2026, 10:40 UTC`. */
export const shortTimeText = (time: string, language: Language): string =>
  `${new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(new Date(time))}\u00a0UTC`
