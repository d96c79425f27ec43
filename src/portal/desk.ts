import type { Context } from 'hono'
import { macOf, sameText } from '../accounts/mac.ts'
import type { LiveSession } from '../accounts/sessions.ts'
import type { Account } from '../api/account.ts'
import { escapeText } from '../api/escape.ts'
import { isLoopback } from '../api/loopback.ts'
import { clientOf } from './client.ts'
import { type Cookies, createCookies } from './cookies.ts'
import { createForms, type Forms } from './forms.ts'
import { acceptedLanguage, CATALOGUES, firstLanguage, type Language, languageOf } from './language.ts'
import { layout, type Page } from './layout.ts'
import type { Parts } from './parts.ts'
import type { Person } from './people.ts'
import type { Texts } from './texts/en.ts'

/** One request: who asks, in which language, from where. */
export interface Visit {
  language: Language
  t: Texts
  client: string
  /** Signed in, and may be in at this moment. */
  person: Person | undefined
  session: LiveSession | undefined
}

export interface Frames {
  path: string
  brand?: string | undefined
  privacyUrl?: string | undefined
  status?: 200 | 400 | 401 | 403 | 404 | 405 | 413 | 422 | 429 | 500 | 503
}

/** Where every route begins and ends. */
export interface Desk extends Parts {
  cookies: Cookies
  forms: Forms
  /** @param hint the language of what the page is about, where the person has chosen none */
  visit(c: Context, hint?: string): Promise<Visit>
  /** Somebody of whom nothing is read: for pages about a trouble in reading. */
  stranger(c: Context): Visit
  show(c: Context, visit: Visit, page: Page & Frames): Promise<Response>
  /** Signs in: a new session, and the browser is remembered as one that was let in. */
  letIn(c: Context, account: Account): Promise<void>
  /** Signs out, in the store and in the browser. */
  letOut(c: Context, session: LiveSession | undefined): Promise<void>
  /** Whether this browser was let in before for this account. */
  isKnown(c: Context, account: string): boolean
}

/** Controls, and what turns the direction of the text around it: a name could make another word of the page read backwards. */
const TURNING = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

export const createDesk = (parts: Parts): Desk => {
  const { keys, clock, publicUrl, random, sessions, people } = parts
  const cookies = createCookies(publicUrl)
  const forms = createForms({ keys, clock, cookies, publicUrl, random })
  const proxied = !isLoopback(new URL(publicUrl).hostname)
  const knownMark = (kid: string, account: string): string | undefined => {
    const key = keys.verifying('form', kid)
    return key && macOf(key.secret, ['roster known browser v1', account])
  }

  const signedIn = async (c: Context): Promise<{ session: LiveSession; person: Person } | undefined> => {
    const session = await sessions.find(cookies.get(c, 'session'))
    const person = session && (await people.byAccount(session.account))
    if (!session || !person?.entry.may) return undefined
    return person.account.spec.credentialVersion === session.credentialVersion ? { session, person } : undefined
  }

  const chosenLanguage = (c: Context): Language | undefined => {
    const asked = languageOf(c.req.query('lang'))
    if (asked) cookies.set(c, 'language', asked)
    return asked ?? languageOf(cookies.get(c, 'language'))
  }

  const visitIn = (c: Context, language: Language, who?: { session: LiveSession; person: Person }): Visit => ({
    language,
    t: CATALOGUES[language],
    client: clientOf(c, { proxied }),
    person: who?.person,
    session: who?.session,
  })

  return {
    ...parts,
    cookies,
    forms,
    stranger: c =>
      visitIn(
        c,
        firstLanguage(languageOf(cookies.get(c, 'language')), acceptedLanguage(c.req.header('accept-language'))),
      ),
    visit: async (c, hint) => {
      const who = await signedIn(c)
      const language = firstLanguage(
        chosenLanguage(c),
        who?.person.account.spec.language,
        hint,
        acceptedLanguage(c.req.header('accept-language')),
      )
      return visitIn(c, language, who)
    },
    show: async (c, { language, t, person, session }, { status = 200, path, brand, privacyUrl, ...page }) => {
      const signedIn = person &&
        session && { address: person.account.spec.address, signOutToken: forms.token(c, 'sign-out') }
      const document = await layout({ language, t, path, brand, privacyUrl, signedIn }, page)
      return c.html(document.replace(TURNING, escapeText), status)
    },
    letIn: async (c, account) => {
      cookies.set(c, 'session', await sessions.start(account.metadata.name, account.spec.credentialVersion))
      const { kid } = keys.signing('form')
      cookies.set(c, 'known', `${kid}.${knownMark(kid, account.metadata.name)}`)
    },
    letOut: async (c, session) => {
      if (session) await sessions.end(session)
      cookies.clear(c, 'session')
    },
    isKnown: (c, account) => {
      const [kid = '', mark = ''] = (cookies.get(c, 'known') ?? '').split('.')
      const expected = knownMark(kid, account)
      return expected !== undefined && sameText(expected, mark)
    },
  }
}
