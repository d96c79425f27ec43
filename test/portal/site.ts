import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCredentials } from '../../src/accounts/credentials.ts'
import { type Keys, openKeys } from '../../src/accounts/keys.ts'
import { createLinks, type Links } from '../../src/accounts/links.ts'
import { createPasswords, type Passwords } from '../../src/accounts/password.ts'
import type { Attempt, MembershipSpec } from '../../src/api/membership.ts'
import { KINDS } from '../../src/api/names.ts'
import type { OrganizationSpec } from '../../src/api/organization.ts'
import type { UserSpec } from '../../src/api/user.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import type { Outbox } from '../../src/portal/outbox.ts'
import { createPortal, type Portal } from '../../src/portal/portal.ts'
import type { AuditEntry } from '../../src/ports/audit.ts'
import { timestamp } from '../../src/ports/clock.ts'
import type { CredentialStore } from '../../src/ports/credentials.ts'
import type { SecretReader } from '../../src/ports/secrets.ts'
import { indexes } from '../../src/reconcilers/indexes.ts'
import { Informer } from '../../src/runtime/informer.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'

/** A whole portal over a real store and real credentials, with a clock that the test drives. What reconcilers would write, the test writes. */
export interface Site extends AsyncDisposable {
  store: ResourceStore
  credentials: CredentialStore
  portal: Portal
  /** Another one over the same store and credentials, as in another process. */
  replica(): Portal
  links: Links
  keys: Keys
  clock: FakeClock
  /** The audit trail so far. */
  audit: AuditEntry[]
  /** What was reported as gone wrong inside. */
  problems: unknown[]
  publicUrl: string
  /** A new membership, as the Invitation reconciler would leave it after the mail. @returns path of the link, and the name of the record */
  invite(address: string, options?: InviteOptions): Promise<{ link: string; name: string }>
  /** Changes a record as a reconciler would. */
  change(name: string, how: (spec: MembershipSpec) => MembershipSpec): Promise<void>
  membership(name: string): Promise<MembershipSpec>
  /** Resolves when the portal's lookups know everything that is in the store. */
  known(): Promise<void>
  visitor(options?: { client?: string; language?: string; portal?: Portal }): Visitor
}

export interface InviteOptions {
  organization?: string
  roles?: string[]
  purpose?: Attempt['purpose']
  validFor?: number
  message?: string
  invitedBy?: string
  /** The User behind it; false: none. */
  user?: false | Partial<UserSpec>
}

/** Cheap on purpose: the cost of a hash has its own test. */
export const cheapPasswords = createPasswords({ cost: { memory: 8, passes: 1, parallelism: 1 } })

export const openSite = async (
  options: {
    publicUrl?: string
    outbox?: Outbox
    acme?: OrganizationSpec
    clock?: FakeClock
    passwords?: Passwords
    secrets?: SecretReader
  } = {},
): Promise<Site> => {
  const { publicUrl = 'http://127.0.0.1:8080', outbox } = options
  const folder = mkdtempSync(join(tmpdir(), 'roster-portal-'))
  const clock = options.clock ?? fakeClock()
  const store = await openEmbeddedStore({ folder: ':memory:', clock })
  const credentials = openCredentials(join(folder, 'credentials.sqlite'))
  const keys = openKeys(join(folder, 'keys'))
  const { realm, epoch } = await store.info()
  const links = createLinks({ keys, publicUrl, realm })
  const informer = new Informer({ store, kinds: KINDS, indexes, clock, random: () => 0 })
  const { ended } = await informer.start()
  const audit: AuditEntry[] = []
  const problems: unknown[] = []
  const replica = () =>
    createPortal({
      store,
      lookups: informer.cache,
      credentials,
      keys,
      links,
      clock,
      audit: { append: async entry => void audit.push(entry), [Symbol.asyncDispose]: async () => {} },
      secrets: options.secrets ?? { read: () => Promise.reject(new Error('no secrets here')) },
      publicUrl,
      epoch,
      outbox,
      passwords: options.passwords ?? cheapPasswords,
      report: problem => problems.push(problem),
    })
  const portal = replica()
  const manager = 'source/people'
  await store.create({ kind: 'Organization', metadata: { name: 'acme' }, spec: options.acme ?? ACME }, { manager })
  for (const [name, description, allow] of ROLES)
    await store.create(
      {
        kind: 'Role',
        metadata: { name },
        spec: { organization: 'acme', displayName: name[0]?.toUpperCase() + name.slice(1), description, allow },
      },
      { manager },
    )

  const change: Site['change'] = async (name, how) => {
    const before = await store.get('Membership', name)
    if (!before) throw new Error(`there is no ${name}`)
    await store.replace(
      { kind: 'Membership', name, spec: how(before.spec) },
      { ifVersion: before.metadata.resourceVersion },
    )
    await informer.caughtUp()
  }

  return {
    store,
    credentials,
    portal,
    replica,
    links,
    keys,
    clock,
    audit,
    problems,
    publicUrl,
    change,
    membership: async name => {
      const record = await store.get('Membership', name)
      if (!record) throw new Error(`there is no ${name}`)
      return record.spec
    },
    known: () => informer.caughtUp(),
    invite: async (
      address,
      {
        organization = 'acme',
        roles = [],
        purpose = 'Invitation',
        validFor = 24 * 3_600_000,
        message,
        invitedBy,
        user = {},
      } = {},
    ) => {
      const name = membershipName(organization, address)
      const now = clock.now()
      const short = address.split('@')[0] ?? ''
      const declared =
        user &&
        (await store.create(
          { kind: 'User', metadata: { name: short }, spec: { email: address, ...user } },
          { manager },
        ))
      await store.create(
        {
          kind: 'Invitation',
          metadata: { name: short },
          spec: {
            email: address,
            organization,
            roles,
            ...(message ? { message } : {}),
            ...(invitedBy ? { invitedBy } : {}),
          },
        },
        { manager },
      )
      const attempt = attemptOf({ number: 1, series: 1, purpose, roles, now, validFor })
      const nonce = randomBytes(32).toString('base64url')
      await store.create(
        {
          kind: 'Membership',
          metadata: { name },
          spec: {
            organization,
            address,
            ...(declared ? { user: { name: declared.metadata.name, uid: declared.metadata.uid } } : {}),
            since: timestamp(now),
            nonce,
            series: [{ number: 1, openedBy: 'declaration', time: timestamp(now) }],
            attempts: [attempt],
            mails: [],
            grants: [],
            ...(purpose === 'SetUp' ? { joined: { time: timestamp(now), how: 'Declared' } } : {}),
          },
        },
        { manager: 'controller' },
      )
      await informer.caughtUp()
      const url = links.invitationUrl({
        membership: name,
        attempt: 1,
        nonce,
        address,
        expirationTime: attempt.expirationTime,
      })
      return { link: new URL(url).pathname, name }
    },
    visitor: ({ portal: other, ...visit } = {}) => new Visitor(other ?? portal, publicUrl, visit),
    [Symbol.asyncDispose]: async () => {
      await informer.stop()
      await ended
      await credentials[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const attemptOf = (of: {
  number: number
  series: number
  purpose?: Attempt['purpose']
  roles?: string[]
  now: number
  validFor?: number
}): Attempt => ({
  number: of.number,
  series: of.series,
  purpose: of.purpose ?? 'Invitation',
  actor: 'source/people',
  automatic: false,
  roles: of.roles ?? [],
  claimedTime: timestamp(of.now),
  epoch: 1,
  deadline: timestamp(of.now + 120_000),
  tries: 1,
  outcome: 'Sent',
  outcomeTime: timestamp(of.now),
  expirationTime: timestamp(of.now + (of.validFor ?? 24 * 3_600_000)),
})

export const ACME: OrganizationSpec = {
  displayName: 'Acme GmbH',
  customerId: '10042',
  domains: ['acme.example'],
  timeZone: 'Europe/Berlin',
  contacts: [{ name: 'Bob Berg', email: 'bob@acme.example', phone: '+49 30 1234567', purpose: 'Support' }],
  portal: {
    productName: 'CloudHub',
    homeUrl: 'https://app.acme.example',
    links: [
      { title: 'Service status', url: 'https://status.acme.example' },
      { title: 'Data sheet', url: 'https://acme.example/sheet.pdf', type: 'Document' },
    ],
    help: [{ question: 'How do I restore a file?', answer: 'Open the file list, choose the day, then “Restore”.' }],
    feedback: { email: 'feedback@acme.example' },
    privacyUrl: 'https://acme.example/privacy',
  },
}

const ROLES: readonly [string, string, string[]][] = [
  ['editor', 'Writes and reviews documents', ['documents:*', 'users:read']],
  ['billing', 'Sees and pays invoices', ['invoices:read', 'invoices:pay']],
  ['inviter', 'Invites people', ['invitations:create']],
]

/** A browser without a screen: keeps cookies, follows nothing by itself, and sends forms the way a page does. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly #portal: Portal
  readonly #publicUrl: string
  readonly #client: string
  readonly #language: string | undefined
  /** Every answer so far, for what must never be in one. */
  readonly answers: { status: number; headers: string; body: string }[] = []

  constructor(
    portal: Portal,
    publicUrl: string,
    { client = '127.0.0.1', language }: { client?: string; language?: string } = {},
  ) {
    this.#portal = portal
    this.#publicUrl = publicUrl
    this.#client = client
    this.#language = language
  }

  async send(
    method: string,
    path: string,
    options: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<Seen> {
    const headers = new Headers(options.headers)
    if (this.cookies.size > 0)
      headers.set('cookie', [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    if (this.#language) headers.set('accept-language', this.#language)
    const request = new Request(new URL(path, this.#publicUrl), {
      method,
      headers,
      ...(options.body === undefined ? {} : { body: options.body }),
      redirect: 'manual',
    })
    const response = await this.#portal.fetch(request, { incoming: { socket: { remoteAddress: this.#client } } })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = cookie.split('; ')
      const at = pair.indexOf('=')
      const gone = attributes.some(attribute => attribute.toLowerCase() === 'max-age=0')
      if (gone) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), decodeURIComponent(pair.slice(at + 1)))
    }
    const body = await response.text()
    this.answers.push({ status: response.status, headers: JSON.stringify([...response.headers]), body })
    return {
      status: response.status,
      location: response.headers.get('location') ?? undefined,
      headers: response.headers,
      body,
    }
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Seen> {
    return this.send('GET', path, { headers })
  }

  /** Follows redirects as a browser does. */
  async open(path: string): Promise<Seen> {
    let seen = await this.get(path)
    for (let hops = 0; seen.location !== undefined && hops < 5; hops++) seen = await this.get(seen.location)
    return seen
  }

  /** Sends the form of a page that leads to `action`, with these fields filled in. */
  submit(
    page: Pick<Seen, 'body'>,
    action: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Seen> {
    const form = page.body.split('<form').find(part => part.includes(`action="${action}"`))
    const token = form && /name="form" value="([^"]+)"/.exec(form)?.[1]
    if (!token) throw new Error(`no form leads to ${action} in: ${page.body}`)
    return this.post(action, { form: token, ...fields }, headers)
  }

  post(action: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Seen> {
    return this.send('POST', action, {
      body: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: this.#publicUrl,
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    })
  }
}

export interface Seen {
  status: number
  location: string | undefined
  headers: Headers
  body: string
}
