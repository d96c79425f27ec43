import { API_VERSION } from '../../src/api/names.ts'
import { reconcilersOf } from '../../src/app/world.ts'
import { isJoined } from '../../src/decide/membership.ts'
import { membershipName } from '../../src/decide/record-names.ts'
import { type FileReading, readManifests, readText } from '../../src/manifests/read.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { revisionOf } from '../../src/source/folder.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { DAY, openRealm, type Realm } from '../fakes/realm.ts'
import { guardedCommits, waitedFor } from './commits.ts'
import { type Document, type Documents, type HeldSet, Oracle } from './oracle.ts'
import type { Shape } from './organization.ts'

const MINUTE = 60_000
const SOURCES = ['people', 'islands']

/** What one commit, or one Approval, made of the realm, beside what it was to make. */
export interface Guarded {
  what: string
  /** Sets that are held because of it, by the oracle. */
  held: readonly HeldSet[]
  /** Whether it took something from somebody. */
  took: boolean
  /** What is not as the oracle says, in words: none, or something is wrong. */
  differing: string[]
  /** Seconds until everything was worked out. */
  seconds: number
}

/**
 * A stream of commits that the real sources, reconcilers and guard take in, with the minutes and hours between them on a clock of its own. What is held is approved
 * a few commits later, or taken back.
 */
export async function* replayGuarded(commits: number, shape?: Shape): AsyncGenerator<Guarded> {
  const stream = guardedCommits(shape)
  const { documents } = stream
  const oracle = new Oracle()
  let number = 0
  const readings = new Map<string, { document: Document; reading: FileReading }>()
  const revision = async (source: string) => {
    const files = [...documents].filter(([, document]) => document.source === source)
    const read = files.map(([key, document]) => {
      const known = readings.get(key)
      if (known?.document === document) return known.reading
      const reading = readText({ file: `${key}.yaml`, text: textOf(document) })
      readings.set(key, { document, reading })
      return reading
    })
    return revisionOf(await readManifests(read), `c${number}`)
  }
  await using realm = await openRealm({
    collectFor: 10_000,
    reconcilers: world => {
      const hub = new SourceHub({
        open: ({ name }) => ({
          read: () => revision(name),
          watch: () => () => undefined,
          close: async () => undefined,
        }),
        changed: name => realm.loop.controller('Source')?.wake(name),
      })
      return [sourceReconciler(world, { hub, sync: syncRevision }), ...reconcilersOf(world)] as unknown as Reconciler[]
    },
  })
  const { clock } = realm
  for (const name of SOURCES)
    await realm.declare(
      'Source',
      name,
      { git: { url: `https://git.example/${name}.git`, interval: '24h' }, prune: true },
      { manager: 'local/root' },
    )
  const settle = async () => {
    for (const name of SOURCES) realm.loop.controller('Source')?.wake(name)
    await realm.pass(MINUTE)
  }
  /** Who was invited accepts: admins do. */
  const accept = async () => {
    for (const { spec } of (await realm.store.list('Membership')).items)
      if (spec.attempts.length > 0 && !spec.joined) {
        await realm.accept(spec.organization, spec.address)
        oracle.accept(spec.address)
      }
    await realm.pass(MINUTE)
  }
  oracle.know(documents)
  await settle()
  await accept()
  oracle.commit(documents, clock.now(), 0)
  yield {
    what: 'the beginning',
    held: [],
    took: false,
    differing: await differing(realm, documents, oracle),
    seconds: 0,
  }
  await realm.pass(2 * DAY)

  for (number = 1; number <= commits; number++) {
    let gap = [7, 23, 41, 90][number % 4] as number
    // What counts for 24 hours does so to the second; here nothing hangs on a minute.
    while (oracle.isLossAt(clock.now() + gap * MINUTE - DAY)) gap += 7
    await realm.pass(gap * MINUTE)
    // Days on which much was released take nothing more: now and then one passes.
    if (number % 40 === 0) await realm.pass(DAY + 5 * MINUTE)
    const begun = performance.now()
    const before = sizeOf(oracle)
    const old = waitedFor(oracle.held, number, 6)
    let what: string
    let held: HeldSet[] = []
    if (old && number % 2 === 0) {
      what = `commit ${number}: an Approval of what was held since ${old.since}`
      await approve(realm, old, oracle, `a${number}`)
      await settle()
      oracle.approve(old, clock.now())
    } else {
      if (old && number % 5 !== 0) {
        stream.revert(old.since)
        what = `commit ${number}: ${old.since} is taken back`
      } else what = `commit ${number}: ${stream.next(oracle, clock.now(), number).what}`
      oracle.know(documents)
      const at = clock.now()
      await settle()
      held = oracle.commit(documents, at, number)
      const invited = (await realm.store.list('Membership')).items.some(
        ({ spec }) => spec.attempts.length > 0 && !spec.joined,
      )
      if (invited) {
        await accept()
        held.push(...oracle.commit(documents, clock.now(), number))
      }
    }
    yield {
      what,
      held,
      took: sizeOf(oracle) < before,
      differing: await differing(realm, documents, oracle),
      seconds: (performance.now() - begun) / 1000,
    }
  }
}

const sizeOf = ({ settled }: Oracle): number => settled.values().reduce((sum, words) => sum + words.size, 0)
const textOf = ({ kind, name, labels, spec }: Document): string =>
  JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, ...(labels && { labels }) }, spec })

const recordOf = (key: string): string => {
  const [organization = '', address = ''] = key.split(' ')
  return membershipName(organization, address)
}

const approve = async (realm: Realm, set: HeldSet, oracle: Oracle, name: string): Promise<void> => {
  const records = new Set(oracle.wantedOf(set).map(recordOf))
  const found = (await realm.store.list('RemovalSet')).items.find(
    ({ spec }) => spec.state === 'Held' && spec.removals?.some(key => records.has(key.split('/')[0] ?? '')),
  )
  if (!found?.spec.hash) return
  await realm.declare(
    'Approval',
    name,
    {
      organization: set.organization,
      releases: found.spec.hash,
      reason: 'asked for',
      expirationTime: new Date(realm.clock.now() + DAY).toISOString(),
    },
    { manager: 'local/bob' },
  )
}

/** What the store holds, against what the documents and the oracle say. */
const differing = async ({ store }: Realm, documents: Documents, oracle: Oracle): Promise<string[]> => {
  const wrong: string[] = []
  const records = (await store.list('Membership')).items.filter(({ spec }) => isJoined(spec))
  const access = new Map(
    records.map(({ spec: { organization, address, settled } }) => [
      `${organization} ${address}`,
      new Set([
        'member',
        ...(settled?.suspended ? [] : ['not suspended']),
        ...(settled?.roles ?? []).map(one => `role ${one}`),
        ...(settled?.groups ?? []).map(one => `group ${one}`),
        ...(settled?.permissions ?? []),
      ]),
    ]),
  )
  for (const key of new Set([...access.keys(), ...oracle.settled.keys()])) {
    const [is, should] = [access.get(key), oracle.settled.get(key)]
    const extra = [...(is ?? [])].filter(one => !should?.has(one))
    const less = [...(should ?? [])].filter(one => one !== 'admin' && !is?.has(one))
    if (extra.length > 0) wrong.push(`${key} has ${extra.join(', ')}`)
    if (less.length > 0) wrong.push(`${key} lacks ${less.join(', ')}`)
  }

  const keyOf = new Map(records.map(({ metadata, spec }) => [metadata.name, `${spec.organization} ${spec.address}`]))
  const losing = new Set(
    records.flatMap(({ metadata, spec }) => (spec.losing ? [`${metadata.name}/${spec.losing.digest}`] : [])),
  )
  const held = (await store.list('RemovalSet')).items.flatMap(({ spec }) =>
    spec.state === 'Held'
      ? [
          `${spec.reason}: ${(spec.removals ?? [])
            .filter(one => losing.delete(one))
            .map(one => keyOf.get(one.split('/')[0] ?? ''))
            .sort()
            .join(', ')}`,
        ]
      : [],
  )
  for (const one of losing) wrong.push(`${keyOf.get(one.split('/')[0] ?? '')} is to lose something and no set names it`)
  const should = oracle.held.map(set => `${set.reason}: ${oracle.wantedOf(set).sort().join(', ')}`)
  for (const one of held) if (!should.includes(one)) wrong.push(`held, and not to be: ${one}`)
  for (const one of should) if (!held.includes(one)) wrong.push(`not held: ${one}`)

  const standing = new Map<string, string>()
  for (const kind of ['Organization', 'Role', 'Group', 'User'] as const)
    for (const { metadata, spec } of (await store.list(kind)).items)
      standing.set(`${kind}/${metadata.name}`, sorted(spec))
  const keeps = new Set(oracle.held.flatMap(set => oracle.wantedOf(set).map(key => key.split(' ')[1])))
  for (const key of new Set([...standing.keys(), ...documents.keys()])) {
    const declared = documents.get(key)
    if (declared && sorted(declared.spec) === standing.get(key)) continue
    // Who is gone from the documents stays as long as what they have is held.
    if (!declared && keeps.has(JSON.parse(standing.get(key) ?? '{}').email)) continue
    wrong.push(`${key} is ${standing.get(key)} and declared as ${declared && sorted(declared.spec)}`)
  }
  return wrong
}

/** Fields by name, and memberships by organization: their order says nothing, and an empty list of items as much as none. */
const sorted = (value: unknown): string =>
  JSON.stringify(value, (key, one) => {
    if (key === 'memberships') return one.toSorted(byOrganization)
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one
    return Object.fromEntries(
      Object.entries(one)
        .filter(([, value]) => !(Array.isArray(value) && value.length === 0))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  })
const byOrganization = (a: { organization: string }, b: { organization: string }): number =>
  a.organization < b.organization ? -1 : 1
