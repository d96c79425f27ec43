import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Keys } from '../accounts/keys.ts'
import { macOf, sameText } from '../accounts/mac.ts'
import type { Clock } from '../ports/clock.ts'
import type { Cookies } from './cookies.ts'

/** How long a form that lies open can still be sent. */
const LIFE = 12 * 3_600_000

/** Why a form was not taken; the error page says it in words. */
export class FormError extends HTTPException {
  readonly why: 'stale' | 'foreign'
  constructor(why: 'stale' | 'foreign') {
    super(403)
    this.why = why
  }
}

/** Protects forms against being sent by other sites: where they come from is looked at, and each carries a token of ours. */
export interface Forms {
  /** @param about what exactly the form does, so that it does nothing else: `accept`, and which invitation; `sign-out`, and whose session */
  token(c: Context, ...about: string[]): string
  /** The fields of a form. @throws FormError; HTTPException 415 for what is no form */
  read(c: Context, ...about: string[]): Promise<ReadonlyMap<string, string>>
}

export const createForms = ({
  keys,
  clock,
  cookies,
  publicUrl,
  random,
}: {
  keys: Keys
  clock: Clock
  cookies: Cookies
  publicUrl: string
  random: (size: number) => Buffer
}): Forms => {
  const sign = (kid: string, visit: string, time: string, about: readonly string[]): string | undefined => {
    const key = keys.verifying('form', kid)
    return key && macOf(key.secret, ['roster form v1', visit, time, ...about])
  }
  const visits = new WeakMap<Request, string>()
  const visitOf = (c: Context): string => {
    const visit = cookies.get(c, 'visit') ?? visits.get(c.req.raw)
    if (visit && /^[A-Za-z0-9_-]{22}$/.test(visit)) return visit
    const made = random(16).toString('base64url')
    visits.set(c.req.raw, made)
    cookies.set(c, 'visit', made)
    return made
  }
  return {
    token: (c, ...about) => {
      const { kid } = keys.signing('form')
      const time = clock.now().toString(36)
      return `${kid}.${time}.${sign(kid, visitOf(c), time, about)}`
    },
    read: async (c, ...about) => {
      if (!comesFromUs(c, publicUrl)) throw new FormError('foreign')
      if (c.req.header('content-type')?.split(';')[0]?.trim() !== 'application/x-www-form-urlencoded')
        throw new HTTPException(415)
      const fields = new Map(new URLSearchParams(await c.req.text()))
      const [kid = '', time = '', mac = ''] = (fields.get('form') ?? '').split('.')
      const visit = cookies.get(c, 'visit')
      const age = clock.now() - Number.parseInt(time, 36)
      const expected = visit && sign(kid, visit, time, about)
      if (!expected || !sameText(expected, mac) || !(age >= 0 && age < LIFE)) throw new FormError('stale')
      return fields
    },
  }
}

/** Browsers say where a POST comes from (Fetch, `Origin`; Fetch Metadata, `Sec-Fetch-Site`). What says nothing still needs the form's token. */
const comesFromUs = (c: Context, publicUrl: string): boolean => {
  const origin = c.req.header('origin')
  const site = c.req.header('sec-fetch-site')
  return (origin === undefined || origin === publicUrl) && (site === undefined || site === 'same-origin')
}
