import { createHash } from 'node:crypto'
import type { ResourceOf, SpecOf } from '../../src/api/kinds.ts'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { API_VERSION, type DeclaredKind, KINDS } from '../../src/api/names.ts'
import { restoringLoop } from '../../src/app/restored.ts'
import { DERIVING } from '../../src/app/world.ts'
import { takesAccess } from '../../src/decide/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import type { Restored } from '../../src/decide/restoring.ts'
import type { Effects } from '../../src/effects/effects.ts'
import { liveEffects } from '../../src/effects/live.ts'
import type { AuditLog } from '../../src/ports/audit.ts'
import type { LinkSigner } from '../../src/ports/links.ts'
import type { Mailer } from '../../src/ports/mailer.ts'
import { approvalReconciler } from '../../src/reconcilers/approval.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { stoppedIn } from '../../src/reconcilers/frozen.ts'
import { groupsOver } from '../../src/reconcilers/groupsover.ts'
import { guardReconciler } from '../../src/reconcilers/guard.ts'
import { indexes } from '../../src/reconcilers/indexes.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { Lines } from '../../src/reconcilers/lines.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import { type Loop, openLoop, type Rest, type World as RuntimeWorld } from '../../src/runtime/loop.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { HeldLease, ResourceStore } from '../../src/store/store.ts'
import { type FakeAudit, fakeAudit } from './audit.ts'
import { type FakeClock, fakeClock } from './clock.ts'
import { fakeComposer } from './composer.ts'
import { type FakeMailer, fakeMailer } from './mailer.ts'

export interface Realm extends AsyncDisposable {
  readonly clock: FakeClock
  readonly mailer: FakeMailer
  readonly audit: FakeAudit
  readonly store: ResourceStore
  readonly loop: Loop
  readonly world: World
  /** Declares something, as source `people` unless said otherwise. */
  declare<K extends DeclaredKind>(
    kind: K,
    name: string,
    spec: SpecOf<K>,
    options?: { manager?: string; labels?: Record<string, string> },
  ): Promise<ResourceOf<K>>
  remove(kind: DeclaredKind, name: string): Promise<void>
  /** Runs everything that is ready now. @throws the first error of a key */
  run(): Promise<Rest>
  /** As {@link run}, after waking every key. */
  runAll(): Promise<Rest>
  /** Moves the clock on, running each key at its time. */
  pass(milliseconds: number): Promise<void>
  membership(organization: string, address: string): Promise<MembershipSpec | undefined>
  /** What the portal does: a compare-and-swap of one Membership, outside of the loop. */
  portal(organization: string, address: string, change: (spec: MembershipSpec) => MembershipSpec): Promise<void>
  accept(organization: string, address: string): Promise<void>
  /** Ends this process, hard, and begins another on the same store. */
  restart(options?: RealmOptions): Promise<void>
  /** Writes of the loop since the last call. */
  version(): Promise<string>
}

export interface RealmOptions {
  /** Wraps the store that the loop writes through. */
  wrap?: (store: ResourceStore) => ResourceStore
  effects?: (effects: Effects, store: ResourceStore) => Effects
  /** Instead of those in memory. */
  mailer?: Mailer
  audit?: AuditLog
  /** Instead of a store of its own; the realm does not close it. */
  store?: ResourceStore
  clock?: FakeClock
  reconcilers?: (world: World) => Reconciler[]
  relistEvery?: number
  /** The store came out of a backup. */
  restored?: Restored
  /** See `Removals`. Default: 0. */
  collectFor?: number
}

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

const fakeLinks: LinkSigner = {
  publicUrl: 'https://portal.example',
  invitationUrl: link =>
    `https://portal.example/invitations/${createHash('sha256').update(JSON.stringify(link)).digest('base64url')}`,
}

/** A realm in memory: a real store and a real loop, with a clock, a mail server and an audit trail that the test drives. */
export const openRealm = async (options: RealmOptions = {}): Promise<Realm> => {
  const clock = options.clock ?? fakeClock('2026-03-02T09:00:00Z')
  const mailer = fakeMailer()
  const audit = fakeAudit()
  let drawn = 0
  const store = options.store ?? (await openEmbeddedStore({ folder: ':memory:', clock, leaseDuration: 4000 * DAY }))
  let lease: HeldLease
  let loop: Loop
  let world: World & RuntimeWorld

  const start = async ({ wrap = same => same, effects: change = same => same, ...further }: RealmOptions) => {
    lease = await store.lease.acquire({ holder: 'test', signal: new AbortController().signal })
    const { epoch: storeEpoch } = await store.info()
    const restoring = restoringLoop({ store, audit }, further.restored, () => {
      for (const controller of loop.controllers) controller.wakeAll()
      loop.controller('RemovalSet')?.wake('*')
    })
    loop = await openLoop<World & RuntimeWorld>({
      store: wrap(lease.store),
      kinds: KINDS,
      indexes,
      clock,
      random: () => 0.5,
      onFilled: () => world.lines.readAll(),
      resyncEvery: 400 * DAY,
      ...(further.relistEvery !== undefined && { relistEvery: further.relistEvery }),
      reconcilers: of => {
        const own = further.reconcilers?.(of) ?? [userReconciler(of), invitationReconciler(of)]
        const guard = own.some(({ kind }) => kind === 'RemovalSet') ? [] : [guardReconciler(of), approvalReconciler(of)]
        return [...own, ...guard] as unknown as Reconciler[]
      },
      extend: ({ store: cached, cache, whenIdle, retriesBefore }) => {
        world = {
          whenIdle,
          retriesBefore,
          removals: {
            collectFor: further.collectFor ?? 0,
            retriesBefore: time => retriesBefore(DERIVING, time),
            whenComplete: async () => undefined,
          },
          store: cached,
          cache,
          effects: change(
            liveEffects({
              store: cached,
              audit: further.audit ?? audit,
              mailer: further.mailer ?? mailer,
              clock,
              lost: lease.lost,
              takes: takesAccess,
              stopped: stoppedIn(store, restoring),
            }),
            cached,
          ),
          restoring,
          clock,
          random: bytes => Buffer.alloc(bytes, ++drawn),
          composer: fakeComposer,
          links: fakeLinks,
          secrets: { read: async () => Promise.reject(new Error('no secrets here')) },
          epoch: lease.epoch,
          storeEpoch,
          fingerprint: text => createHash('sha256').update(text).digest('base64url'),
          groups: groupsOver(cache, () => clock.now()),
          lines: new Lines(cache),
        }
        return world
      },
    })
  }
  await start(options)

  const run = async () => {
    await loop.informer.caughtUp()
    const rest = await loop.runUntilIdle({ maxRuns: 20 })
    if (rest.failed[0]) throw rest.failed[0].error
    return rest
  }
  const realm: Realm = {
    clock,
    mailer,
    audit,
    store,
    get loop() {
      return loop
    },
    get world() {
      return world
    },
    async declare<K extends DeclaredKind>(
      kind: K,
      name: string,
      spec: SpecOf<K>,
      { manager = 'source/people', labels }: { manager?: string; labels?: Record<string, string> } = {},
    ) {
      const all = { ...(manager.startsWith('source/') && { 'roster.dev/source': manager.slice(7) }), ...labels }
      const manifest = { apiVersion: API_VERSION, kind, metadata: { name, labels: all }, spec }
      // The kinds of a union are not told apart by a type parameter.
      const { object } = await store.apply(manifest as never, { manager, force: true })
      return object as unknown as ResourceOf<K>
    },
    async remove(kind, name) {
      await store.delete({ kind, name })
    },
    run,
    async runAll() {
      for (const controller of loop.controllers) controller.wakeAll()
      return run()
    },
    async pass(milliseconds) {
      const end = clock.now() + milliseconds
      for (;;) {
        await run()
        // Failed keys too: their pauses are short at first.
        const times = loop.controllers.flatMap(({ queue }) => queue.later().map(({ time }) => time))
        const next = Math.min(...times.filter(time => time > clock.now()))
        if (!(next <= end)) break
        await clock.advanceTo(next)
      }
      await clock.advanceTo(end)
      await run()
    },
    async membership(organization, address) {
      return (await store.get('Membership', membershipName(organization, address)))?.spec
    },
    async portal(organization, address, change) {
      const name = membershipName(organization, address)
      const found = await store.get('Membership', name)
      if (!found) throw new Error(`${address} has no Membership in ${organization}`)
      await store.replace(
        { kind: 'Membership', name, spec: change(found.spec) },
        { ifVersion: found.metadata.resourceVersion },
      )
    },
    accept: (organization, address) =>
      realm.portal(organization, address, spec => ({
        ...spec,
        joined: {
          time: new Date(clock.now()).toISOString(),
          how: 'Link',
          ...(spec.attempts.length > 0 && { attempt: spec.attempts.at(-1)?.number as number }),
        },
      })),
    async restart(next = {}) {
      loop.abort()
      await lease.release()
      await start(next)
    },
    async version() {
      return (await store.info()).resourceVersion
    },
    async [Symbol.asyncDispose]() {
      loop.abort()
      await lease.release()
      if (!options.store) await store[Symbol.asyncDispose]()
    },
  }
  return realm
}
