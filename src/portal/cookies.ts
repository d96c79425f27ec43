import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { isLoopback } from '../api/loopback.ts'

/** What is kept in a browser. All are invisible to scripts and none is sent along with requests that another site makes, but for plain links. */
export const COOKIES = {
  /** The session's token. */
  session: { maxAge: undefined },
  /** The token of the invitation that is being answered, so that the address of the page is clean: as long as somebody may read and think. */
  invitation: { maxAge: 2 * 3600 },
  signInLink: { maxAge: 10 * 60 },
  /** Random; forms are bound to it. */
  visit: { maxAge: undefined },
  /** The language chosen on a page. */
  language: { maxAge: 365 * 24 * 3600 },
  /** That this browser was let in before, for which account: see `accounts/tries`. */
  known: { maxAge: 180 * 24 * 3600 },
} as const
export type CookieName = keyof typeof COOKIES

export interface Cookies {
  get(c: Context, name: CookieName): string | undefined
  set(c: Context, name: CookieName, value: string): void
  clear(c: Context, name: CookieName): void
}

/**
 * `__Host-` and `Secure` where the public URL is https or on loopback, which browsers trust alike (RFC 6265bis section 4.1.3.2; Secure Contexts section 3.1).
 */
export const createCookies = (publicUrl: string): Cookies => {
  const secure = publicUrl.startsWith('https:') || isLoopback(new URL(publicUrl).hostname)
  const nameOf = (name: CookieName): string => `${secure ? '__Host-' : ''}roster-${name}`
  return {
    get: (c, name) => getCookie(c, nameOf(name)),
    set: (c, name, value) => {
      const { maxAge } = COOKIES[name]
      setCookie(c, nameOf(name), value, {
        path: '/',
        httpOnly: true,
        sameSite: 'Lax',
        secure,
        ...(maxAge === undefined ? {} : { maxAge }),
      })
    },
    clear: (c, name) => {
      deleteCookie(c, nameOf(name), { path: '/', secure })
    },
  }
}
