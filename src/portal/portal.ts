import { randomBytes } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import type { Keys } from '../accounts/keys.ts'
import type { Links } from '../accounts/links.ts'
import { createPasswords, type Passwords } from '../accounts/password.ts'
import { createSessions } from '../accounts/sessions.ts'
import { createSignInLinks } from '../accounts/sign-in-links.ts'
import { createTries } from '../accounts/tries.ts'
import { type OrganizationSettings, placement, settingsOf } from '../decide/settings.ts'
import type { AuditLog } from '../ports/audit.ts'
import type { Clock } from '../ports/clock.ts'
import type { CredentialStore } from '../ports/credentials.ts'
import type { SecretReader } from '../ports/secrets.ts'
import type { ResourceStore } from '../store/store.ts'
import { createDesk } from './desk.ts'
import { errorPage, type Report } from './errors.ts'
import { strictHeaders } from './headers.ts'
import { homeRoutes } from './home-routes.ts'
import { createRefreshes } from './hook-refresh.ts'
import { HOOK_PATH, hookRoutes } from './hook-routes.ts'
import { invitationRoutes } from './invitation-routes.ts'
import { createLine } from './line.ts'
import type { Lookups } from './lookups.ts'
import type { Outbox } from './outbox.ts'
import { outboxRoutes } from './outbox-routes.ts'
import { createPeople } from './people.ts'
import { type Listening, listen } from './server.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { STYLE, STYLE_PATH } from './style.ts'

/** Bytes of a form: a password, an address, a token, and room. */
const MOST_BYTES = 16 * 1024

export interface PortalOptions {
  store: ResourceStore
  lookups: Lookups
  credentials: CredentialStore
  keys: Keys
  links: Links
  clock: Clock
  audit: AuditLog
  /** Of webhooks. */
  secrets: SecretReader
  /** With scheme and host, without a path. What a request calls the host is never believed. */
  publicUrl: string
  /** Of the store: sessions of an older one are dead. */
  epoch: number
  /** Where mail stays that no server takes; absent: there is a mail server. */
  outbox?: Outbox | undefined
  passwords?: Passwords | undefined
  random?: ((size: number) => Buffer) | undefined
  /** Told about what went wrong inside. */
  report?: Report | undefined
}

/** The pages for people: accept, sign in, home. It writes records by compare-and-swap and request annotations; never a status. */
export interface Portal {
  fetch(request: Request, env?: object): Response | Promise<Response>
  /** @throws ListenError */
  listen(at: { host: string; port: number }): Promise<Listening>
}

export const createPortal = (options: PortalOptions): Portal => {
  const {
    store,
    lookups,
    credentials,
    keys,
    links,
    clock,
    audit,
    secrets,
    epoch,
    outbox,
    report = () => {},
    random = randomBytes,
  } = options
  const publicUrl = new URL(options.publicUrl).origin
  const desk = createDesk({
    store,
    lookups,
    people: createPeople({ store, lookups, now: () => clock.now() }),
    settings: name => organizationSettings(lookups, name),
    credentials,
    keys,
    links,
    passwords: options.passwords ?? createPasswords(),
    sessions: createSessions({ credentials, clock, epoch, random }),
    signInLinks: createSignInLinks({ credentials, clock, epoch, publicUrl, random }),
    tries: createTries({ credentials, clock }),
    clock,
    audit,
    publicUrl,
    outbox,
    random,
    inLine: createLine(),
  })
  const app = new Hono()
  app.use(strictHeaders(publicUrl))
  const refreshes = createRefreshes({
    store,
    clock,
    random,
    failed: error => report({ method: 'POST', route: HOOK_PATH, error }),
  })
  // Before the limit of forms: bodies of hooks are larger.
  hookRoutes(app, { lookups, secrets, clock, refreshes, report })
  app.use(
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: () => {
        throw new HTTPException(413)
      },
    }),
  )
  app.get(STYLE_PATH, c =>
    c.body(STYLE, 200, {
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    }),
  )
  homeRoutes(app, desk)
  invitationRoutes(app, desk)
  signInRoutes(app, desk)
  outboxRoutes(app, desk)
  app.notFound(c => errorPage(desk, c, new HTTPException(404), report))
  app.onError((error, c) => errorPage(desk, c, error, report))
  return {
    fetch: (request, env = {}) => app.fetch(request, env),
    listen: async at => {
      const listening = await listen((request, env) => app.fetch(request, env), at)
      const close = async (): Promise<void> => {
        await listening.close()
        refreshes.close()
      }
      return { ...listening, close }
    },
  }
}

/** Undefined for an organization that is not there. */
const organizationSettings = (lookups: Lookups, name: string): OrganizationSettings | undefined => {
  const { chain } = placement(name, one => lookups.get('Organization', one))
  return chain.length === 0 ? undefined : settingsOf(chain)
}
