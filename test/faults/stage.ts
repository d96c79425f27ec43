import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCredentials } from '../../src/accounts/credentials.ts'
import { keysOf } from '../../src/accounts/keyring.ts'
import { createLinks } from '../../src/accounts/links.ts'
import { RosterError } from '../../src/api/errors.ts'
import type { Membership } from '../../src/api/membership.ts'
import type { RemovalSet } from '../../src/api/removalset.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { messageId } from '../../src/decide/record-names.ts'
import { mailComposer } from '../../src/mail/composer.ts'
import { readManifests, readText } from '../../src/manifests/read.ts'
import { createPortal, type Portal } from '../../src/portal/portal.ts'
import type { CredentialStore } from '../../src/ports/credentials.ts'
import type { SourceParts } from '../../src/reconcilers/source.ts'
import { revisionOf } from '../../src/source/folder.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { type FakeClock, settled } from '../fakes/clock.ts'
import { noDirectories } from '../fakes/directories.ts'
import { openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'
import type { ReceivedMail } from '../peers/smtp.ts'
import { cheapPasswords, type Seen, Visitor } from '../portal/site.ts'
import { type Faults, type FaultyStore, faultyStore } from './faulty-store.ts'
import { olderView, type Snapshot, snapshotOf } from './older-view.ts'
import { overriding } from './overriding.ts'
import type { Post } from './post.ts'
import { type SeatWrite, watchingSeats } from './seats.ts'

const PUBLIC_URL = 'https://portal.example'
const PASSWORD = 'a long walk by the sea'
const MINUTE = 60_000

/** Where a story is played: a whole realm with every reconciler, its portal, and a real mail server beside it. Its process may die, and comes back by itself. */
export interface Stage extends AsyncDisposable {
  readonly realm: Realm
  /** Files of the source `people`, path → text; read every five minutes. */
  readonly files: Map<string, string>
  /** Licence keys of every pool, one a line. */
  keys: string
  /** The person opens the newest link that they were mailed, and joins. */
  accept(address: string): Promise<void>
  decline(address: string): Promise<void>
  /** Lets so many milliseconds pass. A process that dies is followed by another one. */
  live(milliseconds: number): Promise<void>
  /** From now on, this goes wrong. `older`: what comes back after a crash sees the world at first as it was so many writes before it. */
  disturb(faults: Faults & { older?: number }): Promise<void>
  /** Counts of what could have gone wrong since {@link disturb}. */
  readonly counts: Readonly<Pick<FaultyStore, 'writes' | 'conditional' | 'told' | 'crashed'>>
  /** Mails that the mail server took, in order. */
  mails(): readonly ReceivedMail[]
  /** Message-IDs that the mail server had taken and the record did not know of when the process died. */
  readonly unanswered: ReadonlySet<string>
  readonly seats: readonly SeatWrite[]
}

/** The same in every process: links and fingerprints outlive a crash. */
const KEYS = keysOf(
  new Map(
    (['link', 'form', 'fingerprint'] as const).map(purpose => [
      purpose,
      [{ kid: '1', secret: createHash('sha256').update(purpose).digest() }],
    ]),
  ),
)

export interface StageOptions {
  post: Post
  /** Whatever an event failed to tell is met this much later. Milliseconds. */
  relistEvery: number
  /** Instead of an embedded one; closed by whoever gave it. */
  store?: ResourceStore
  clock?: FakeClock
}

export const openStage = async ({ post, relistEvery, ...settings }: StageOptions): Promise<Stage> => {
  const { peer } = post
  const mailed = peer.mails.length
  const mails = () => peer.mails.slice(mailed)
  const files = new Map<string, string>()
  const seats: SeatWrite[] = []
  const unanswered = new Set<string>()
  let keys = ''
  let closed = false
  let older: number | undefined
  let snapshot: Snapshot | undefined
  let faulty: FaultyStore
  let credentials: CredentialStore | undefined
  const folder = mkdtempSync(join(tmpdir(), 'roster-stage-'))

  const realm = await openRealm({ ...settings, reconcilers: () => [] })
  const { clock } = realm
  post.follow(clock)
  const { realm: id, epoch } = await realm.store.info()
  const links = createLinks({ keys: KEYS, publicUrl: PUBLIC_URL, realm: id })
  const mailer = overriding(post.mailer, {
    send: (...sent: Parameters<typeof post.mailer.send>) => faulty.sideEffect(() => post.mailer.send(...sent)),
  })
  const audit = overriding(realm.audit, {
    append: (entry: Parameters<typeof realm.audit.append>[0]) => faulty.sideEffect(() => realm.audit.append(entry)),
  })
  const composer = mailComposer({ from: { address: 'roster@portal.example' } })
  const secrets = { read: async () => ({ value: keys, hosts: [] }) }

  /** What was applied of a source is remembered only as long as its process lives. */
  const sources = (): SourceParts => ({
    sync: syncRevision,
    hub: new SourceHub({
      open: () => ({
        read: async () => revisionOf(await readManifests([...files].map(([file, text]) => readText({ file, text })))),
        watch: () => () => undefined,
        close: async () => undefined,
      }),
      changed: name => realm.loop.controller('Source')?.wake(name),
    }),
  })

  const options: RealmOptions = {
    relistEvery,
    reconcilers: world =>
      reconcilersOf({ ...world, composer, secrets, links }, { sources: sources(), directories: noDirectories }),
    mailer,
    audit,
  }
  const begin = (faults: Faults, view = (store: ResourceStore) => store) =>
    realm.restart({
      ...options,
      wrap: store => {
        faulty = faultyStore(view(watchingSeats(store, write => seats.push(write))), faults)
        return faulty
      },
    })
  await begin({})
  const died = { counts: undefined as Pick<FaultyStore, 'writes' | 'conditional' | 'told' | 'crashed'> | undefined }

  /** Another process, on what the dead one left. */
  const comeBack = async () => {
    const { writes, conditional, told, crashed } = faulty
    died.counts = { writes, conditional, told, crashed }
    const { store } = realm
    const open = openMails([...(await store.list('Membership')).items, ...(await store.list('RemovalSet')).items])
    for (const { parsed } of mails())
      if (parsed.messageId && open.has(parsed.messageId)) unanswered.add(parsed.messageId)
    if (!snapshot) return begin({})
    const held: { view?: ReturnType<typeof olderView> } = {}
    const at = snapshot
    await begin({}, store => (held.view = olderView(store, at)))
    // Whatever it does on what it believes; most of its writes are refused.
    await realm.run().catch(error => {
      if (!(error instanceof RosterError)) throw error
    })
    held.view?.catchUp()
  }

  /** A watch that broke is opened again after a pause, for which this clock has to move. */
  const waitOut = async () => {
    const [of, { watches }] = [faulty, faulty]
    while (faulty === of && !faulty.crashed && faulty.watches === watches && !closed) {
      await settled()
      await clock.advance(50)
    }
  }

  /** Whether the process died of this; then another one has begun. Whatever else is wrong with a key is tried again by itself. */
  const survived = async (error: unknown): Promise<void> => {
    if (faulty.crashed) return comeBack()
    if (!(error instanceof RosterError) || error.retry !== 'backoff') throw error
  }

  const portal = (): Portal => {
    credentials ??= openCredentials(join(folder, 'credentials.sqlite'))
    const open = credentials
    const counted =
      <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
      (...args: A) =>
        faulty.sideEffect(() => act.apply(open, args))
    return createPortal({
      store: faulty.beside(realm.store),
      lookups: realm.loop.informer.cache,
      credentials: overriding(open, {
        insertPassword: counted(open.insertPassword),
        createSession: counted(open.createSession),
      }),
      keys: KEYS,
      links,
      clock,
      audit,
      publicUrl: PUBLIC_URL,
      epoch,
      secrets,
      passwords: cheapPasswords,
    })
  }

  /** The newest link, as often as the portal breaks. */
  const visit = async (address: string, answer: (visitor: Visitor, page: Seen) => Promise<Seen>) => {
    for (;;) {
      const link = newestLink(mails(), address)
      const visitor = new Visitor(portal(), PUBLIC_URL)
      const page = await visitor.open(new URL(link).pathname)
      const { joined, declined } = (await realm.membership('acme', address)) ?? {}
      // An answer that was lost had arrived.
      if (joined ?? declined) return
      const seen = page.status < 500 ? await answer(visitor, page) : page
      if (seen.status < 500) return
      if (!faulty.crashed) throw new Error(`the portal failed: ${seen.body}`)
      await comeBack()
    }
  }

  return {
    realm,
    files,
    get keys() {
      return keys
    },
    set keys(lines) {
      keys = lines
    },
    mails,
    seats,
    unanswered,
    get counts() {
      return died.counts ?? faulty
    },
    accept: address =>
      visit(address, (visitor, page) => visitor.submit(page, '/invitation', { password: PASSWORD, repeat: PASSWORD })),
    decline: address => visit(address, (visitor, page) => visitor.submit(page, '/invitation/decline')),
    async live(milliseconds) {
      const end = clock.now() + milliseconds
      for (let wait = milliseconds; ; wait = Math.max(end - clock.now(), 5 * MINUTE)) {
        try {
          await realm.pass(wait)
          return
        } catch (error) {
          await survived(error)
        }
      }
    },
    async disturb({ older: age, ...faults }) {
      older = age
      await begin({
        ...faults,
        onGone: () => void waitOut(),
        onWrite: async number => {
          if (older !== undefined && faults.crash && number === Math.max(1, faults.crash.atWrite - older))
            snapshot = await snapshotOf(realm.store)
        },
      })
    },
    async [Symbol.asyncDispose]() {
      closed = true
      await realm[Symbol.asyncDispose]()
      await credentials?.[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Message-IDs of mails that were claimed and have no outcome. */
const openMails = (records: readonly (Membership | RemovalSet)[]): Set<string> => {
  const { hostname } = new URL(PUBLIC_URL)
  return new Set(
    records.flatMap(({ metadata, spec }) => {
      const slots = [
        ...(spec.mails ?? []).map(({ key, outcome }) => ({ key, outcome })),
        ...('attempts' in spec ? spec.attempts : []).map(({ number, outcome }) => ({
          key: `attempts/${number}`,
          outcome,
        })),
      ]
      return slots.flatMap(({ key, outcome }) => (outcome ? [] : messageId(metadata.name, key, hostname)))
    }),
  )
}

const newestLink = (mails: readonly ReceivedMail[], address: string): string => {
  const links = mails
    .filter(({ to }) => to.includes(address))
    .flatMap(({ parsed }) => /https:\/\/portal\.example\/invitations\/\S+/.exec(parsed.text ?? '')?.[0] ?? [])
  const link = links.at(-1)
  if (link === undefined) throw new Error(`${address} has no link`)
  return link
}
