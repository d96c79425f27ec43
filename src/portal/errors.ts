import type { Context } from 'hono'
import { html } from 'hono/html'
import { HTTPException } from 'hono/http-exception'
import { RosterError } from '../api/errors.ts'
import type { Desk, Frames, Visit } from './desk.ts'
import { FormError } from './forms.ts'
import { messagePage } from './message-page.ts'

/** Told about what went wrong inside, never with an address that was asked for: it may carry a token. */
export type Report = (problem: { method: string; route: string; error: unknown }) => void

/** Turns whatever a route threw into a page. What is not on purpose is reported, and the page says nothing about it. */
export const errorPage = async (desk: Desk, c: Context, error: Error, report: Report): Promise<Response> => {
  const { status, texts, known } = describe(desk, error)
  if (!known) report({ method: c.req.method, route: routeOf(c), error })
  const visit: Visit = await desk.visit(c).catch(() => desk.stranger(c))
  const [title, text] = texts(visit.t.error)
  if (status === 503) c.header('retry-after', '5')
  const start = html`<p class="go"><a href="/">${visit.t.error.start}</a></p>`
  return desk.show(c, visit, { ...messagePage(title, [text], start), path: '/', status })
}

type Words = Visit['t']['error']
interface Described {
  status: NonNullable<Frames['status']>
  known: boolean
  texts: (words: Words) => [string, string]
}

const describe = (desk: Desk, error: Error): Described => {
  if (error instanceof FormError)
    return {
      status: 403,
      known: true,
      texts: words =>
        error.why === 'stale' ? [words.stale, words.staleText] : [words.foreign, words.foreignText(desk.publicUrl)],
    }
  // Starting, or too many passwords at once: in a moment it will do. A store that is locked, or a disk that is full, is reported beside.
  if (error instanceof RosterError && error.retry === 'backoff') {
    const known = error.reason !== 'Conflict' && error.reason !== 'NotAllowed'
    return { status: 503, known, texts: words => [words.busy, words.busyText] }
  }
  if (error instanceof HTTPException) {
    if (error.status === 404) return { status: 404, known: true, texts: words => [words.notFound, words.notFoundText] }
    if (error.status === 413) return { status: 413, known: true, texts: words => [words.tooLarge, words.tooLargeText] }
    if (error.status === 405) return { status: 405, known: true, texts: words => [words.method, words.notFoundText] }
    if (error.status < 500) return { status: 400, known: true, texts: words => [words.stale, words.staleText] }
  }
  // Whoever asked went away in the middle: nobody reads the page, and nothing is wrong here.
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET')
    return { status: 400, known: true, texts: words => [words.stale, words.staleText] }
  return { status: 500, known: false, texts: words => [words.failed, words.failedText] }
}

/** The pattern of the route, `/invitations/:token`, not the address. */
const routeOf = (c: Context): string => {
  const routes = c.req.matchedRoutes.filter(({ path }) => path !== '/*' && path !== '*')
  return routes.at(-1)?.path ?? '*'
}
