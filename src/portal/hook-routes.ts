import type { Context, Hono } from 'hono'
import { RosterError } from '../api/errors.ts'
import type { Source } from '../api/source.ts'
import type { Clock } from '../ports/clock.ts'
import type { SecretReader } from '../ports/secrets.ts'
import type { Report } from './errors.ts'
import { BodyRefused, createBodies, createGate } from './hook-limits.ts'
import type { Refreshes } from './hook-refresh.ts'
import { isSigned, LEAST_SECRET } from './hook-signature.ts'
import { repositoryPath, subjectOf, UnreadableBody } from './hook-subject.ts'
import type { Lookups } from './lookups.ts'

export const HOOK_PATH = '/hooks/git'

/** How long a secret that was read is kept: a flood asks the store for none, and a new one counts soon. */
const KEPT = 15_000

export interface HookOptions {
  lookups: Lookups
  secrets: SecretReader
  clock: Clock
  refreshes: Refreshes
  report: Report
}

/**
 * Takes what Git servers tell after a push. Whoever knows the secret of a Source can have it read a little earlier than its interval would, and nothing else: what is read, and from where,
 * stands in the Source. A delivery is sent again at no harm.
 */
export const hookRoutes = (app: Hono, options: HookOptions): void => {
  const { clock, refreshes, report } = options
  const gate = createGate(clock)
  const bodyOf = createBodies()
  const secretsOf = createSecrets(options)

  app.post(HOOK_PATH, async c => {
    if (!gate.enter()) return busy(c)
    try {
      const body = await bodyOf(c.req.raw)
      const vouched: Source[] = []
      // Every one is tried, whatever was found: the time says nothing.
      for (const { source, secret } of await secretsOf())
        if (isSigned({ headers: c.req.raw.headers, body }, secret, clock.now())) vouched.push(source)
      // One answer for a wrong signature, a missing one, and for nobody who waits for any.
      if (vouched.length === 0) return c.text('not accepted\n', 401)
      gate.vouched()
      const subject = subjectOf(body, c.req.header('content-type') ?? '')
      const concerned = vouched.filter(({ spec }) => {
        const path = repositoryPath(spec.git?.url ?? '')
        return subject === undefined || path === undefined || subject.has(path)
      })
      for (const { metadata } of concerned) refreshes.ask(metadata)
      const names = concerned.map(({ metadata }) => `Source/${metadata.name}`).join(', ')
      return c.text(names === '' ? 'no Source with this secret reads this repository\n' : `${names} is read\n`, 202)
    } catch (error) {
      if (error instanceof BodyRefused)
        return error.status === 429 ? busy(c) : c.text(`${error.message}\n`, error.status)
      if (error instanceof UnreadableBody) return c.text(`${error.message}\n`, 400)
      const passing = error instanceof RosterError && error.retry === 'backoff'
      if (!passing) report({ method: 'POST', route: HOOK_PATH, error })
      return c.text('try again later\n', passing ? 503 : 500, { 'retry-after': '5' })
    }
  })
  app.all(HOOK_PATH, c => c.text('POST only\n', 405, { allow: 'POST' }))
}

const busy = (c: Context): Response => c.text('too many at once\n', 429, { 'retry-after': '5' })

/** The secrets of all Sources that have one. A secret that cannot be used is reported once, and counts for nobody. */
const createSecrets = ({ lookups, secrets, clock, report }: HookOptions) => {
  const kept = new Map<string, { until: number; value: string | undefined; trouble?: string }>()
  const secretOf = async ({ metadata, spec }: Source): Promise<string | undefined> => {
    const ref = spec.git?.webhookSecretRef
    if (!ref) return undefined
    const id = `${metadata.uid} ${ref.name}/${ref.key}`
    const known = kept.get(id)
    if (known && clock.now() < known.until) return known.value
    const read = await secrets.read(ref, `source/${metadata.name}`).then(
      ({ value }) => ({ value, trouble: troubleWith(value) }),
      (error: unknown) => ({ value: undefined, trouble: error }),
    )
    const trouble = read.trouble === undefined ? undefined : String(read.trouble)
    if (read.trouble !== undefined && trouble !== known?.trouble)
      report({ method: 'POST', route: `${HOOK_PATH} (Source/${metadata.name})`, error: read.trouble })
    const value = trouble === undefined ? read.value : undefined
    kept.set(id, { until: clock.now() + KEPT, value, ...(trouble !== undefined && { trouble }) })
    return value
  }
  return async (): Promise<{ source: Source; secret: string }[]> => {
    const found: { source: Source; secret: string }[] = []
    const sources = lookups.by('Source', 'webhook', 'yes')
    for (const [id, { until }] of kept)
      if (until + KEPT < clock.now() && kept.size > 2 * sources.length) kept.delete(id)
    for (const source of sources) {
      const secret = await secretOf(source)
      if (secret !== undefined) found.push({ source, secret })
    }
    return found
  }
}

const troubleWith = (secret: string): string | undefined =>
  secret.length < LEAST_SECRET
    ? `the secret of the webhook has fewer than ${LEAST_SECRET} characters and counts for nobody; make a longer one`
    : undefined
