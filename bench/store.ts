import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SpecOf, StatusOf } from '../src/api/kinds.ts'
import { openEmbeddedStore } from '../src/store/embedded/store.ts'
import type { ResourceStore } from '../src/store/store.ts'
import type { Bench, Row } from './bench.ts'

const DURABLE = 4_000
const PLAIN = 20_000
const LISTED = 100_000
const ROUNDS = 3
const manager = 'source/people'
const clock = { now: () => Date.now(), at: () => () => undefined, suspect: false }

/** A person of about 1 KB, spec and status together, as most are. */
const userSpec = (at: number): SpecOf<'User'> => ({
  email: `person-${at}@acme.example`,
  givenName: 'Person',
  familyName: `Number ${at}`,
  displayName: `Person Number ${at}`,
  locale: 'en',
  memberships: ['acme', 'acme-labs'].map(organization => ({
    organization,
    roles: ['editor', 'billing'],
    join: 'Invitation' as const,
  })),
})
const userStatus = (at: number, round: number): StatusOf<'User'> => ({
  state: round % 2 === 0 ? 'Invited' : 'Active',
  memberships: ['acme', 'acme-labs'].map(organization => ({
    organization,
    state: 'Active',
    roles: ['editor', 'billing'],
  })),
  conditions: (['Ready', 'Joined'] as const).map(type => ({
    type,
    status: 'True',
    reason: 'Succeeded',
    message: `person ${at} is a member of two organizations`,
    lastTransitionTime: '2026-01-05T09:00:00.000Z',
    observedGeneration: 1,
  })),
})
const name = (at: number) => `person-${at}`

/** The embedded store against the same writes by `node:sqlite` alone: one row with the same columns and indexes, one transaction each, the same durability. */
export const store: Bench = {
  name: 'embedded store',
  async run() {
    const ours = { create: Infinity, replace: Infinity, status: Infinity, many: Infinity }
    const raw = { create: Infinity, replace: Infinity, status: Infinity }
    for (let round = 0; round < ROUNDS; round++) {
      keepFastest(raw, await inFolder(async folder => rawWrites(folder)))
      keepFastest(ours, await inFolder(storeWrites))
    }
    const lists = await inFolder(listing)
    const against = 'node:sqlite'
    const rows: Row[] = [
      { name: 'create, one after the other', figure: ours.create, floor: raw.create, unit: 'µs', against, aim: 2 },
      { name: 'replace a record', figure: ours.replace, floor: raw.replace, unit: 'µs', against, aim: 2 },
      { name: 'write a status', figure: ours.status, floor: raw.status, unit: 'µs', against, aim: 2 },
      { name: 'create, 64 at once', figure: ours.many, floor: raw.create, unit: 'µs', against, aim: 1 },
      {
        name: 'list 100,000 users',
        figure: lists.ours,
        floor: lists.raw,
        unit: 'µs a user',
        against: 'select, JSON.parse',
        aim: 2,
      },
    ]
    return rows
  },
}

const keepFastest = <T extends Record<string, number>>(best: T, round: { [K in keyof T]: number }): void => {
  for (const key of Object.keys(best) as (keyof T)[])
    best[key] = Math.min(best[key] as number, round[key] as number) as T[keyof T]
}

const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Microseconds each. */
const timed = async (count: number, work: () => Promise<void> | void): Promise<number> => {
  const start = performance.now()
  await work()
  return ((performance.now() - start) * 1000) / count
}

const storeWrites = async (folder: string) => {
  const embedded = await openEmbeddedStore({ folder, clock })
  try {
    const create = (at: number) =>
      embedded.create({ kind: 'User', metadata: { name: name(at) }, spec: userSpec(at) }, { manager })
    const uids: string[] = []
    const created = await timed(DURABLE, async () => {
      for (let at = 0; at < DURABLE; at++) uids.push((await create(at)).metadata.uid)
    })
    const many = await timed(DURABLE, async () => {
      let next = DURABLE
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (next < 2 * DURABLE) await create(next++)
        }),
      )
    })
    const replaced = await replaces(embedded)
    const status = await timed(PLAIN, async () => {
      for (let at = 0; at < PLAIN; at++) {
        const target = at % DURABLE
        await embedded.patchStatus({ kind: 'User', name: name(target) }, userStatus(target, Math.floor(at / DURABLE)), {
          ifUid: uids[target] ?? '',
        })
      }
    })
    return { create: created, many, replace: replaced, status }
  } finally {
    await embedded[Symbol.asyncDispose]()
  }
}

const replaces = async (embedded: ResourceStore): Promise<number> => {
  const account = (version: number) => ({ address: 'person@acme.example', credentialVersion: version })
  let { metadata } = await embedded.create(
    { kind: 'Account', metadata: { name: 'a-person' }, spec: account(0) },
    { manager },
  )
  return timed(DURABLE, async () => {
    for (let at = 1; at <= DURABLE; at++) {
      ;({ metadata } = await embedded.replace(
        { kind: 'Account', name: 'a-person', spec: account(at) },
        { ifVersion: metadata.resourceVersion },
      ))
    }
  })
}

const openRaw = (folder: string): DatabaseSync => {
  const db = new DatabaseSync(join(folder, 'raw.sqlite'))
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384;
    CREATE TABLE objects (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, version INTEGER NOT NULL, spec TEXT NOT NULL,
      status TEXT);
    CREATE UNIQUE INDEX by_name ON objects (kind, name); CREATE UNIQUE INDEX by_version ON objects (version);`)
  return db
}

const rawWrites = async (folder: string) => {
  const db = openRaw(folder)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const insert = db.prepare('INSERT INTO objects (kind, name, uid, version, spec) VALUES (?, ?, ?, ?, ?)')
  const replace = db.prepare('UPDATE objects SET version = ?, spec = ? WHERE kind = ? AND name = ? AND version = ?')
  const patch = db.prepare('UPDATE objects SET version = ?, status = ? WHERE kind = ? AND name = ? AND uid = ?')
  const transaction = (write: () => void) => {
    begin.run()
    write()
    commit.run()
  }
  let version = 0
  const uids: string[] = []
  db.exec('PRAGMA synchronous = FULL')
  const create = await timed(DURABLE, () => {
    for (let at = 0; at < DURABLE; at++) {
      uids.push(randomUUID())
      transaction(() => insert.run('User', name(at), uids[at] ?? '', ++version, JSON.stringify(userSpec(at))))
    }
  })
  const account = (at: number) => JSON.stringify({ address: 'person@acme.example', credentialVersion: at })
  insert.run('Account', 'a-person', randomUUID(), ++version, account(0))
  const replaced = await timed(DURABLE, () => {
    for (let at = 1; at <= DURABLE; at++) {
      const before = version
      transaction(() => replace.run(++version, account(at), 'Account', 'a-person', before))
    }
  })
  db.exec('PRAGMA synchronous = NORMAL')
  const status = await timed(PLAIN, () => {
    for (let at = 0; at < PLAIN; at++) {
      const target = at % DURABLE
      const text = JSON.stringify(userStatus(target, Math.floor(at / DURABLE)))
      transaction(() => patch.run(++version, text, 'User', name(target), uids[target] ?? ''))
    }
  })
  db.close()
  return { create, replace: replaced, status }
}

const listing = async (folder: string) => {
  const embedded = await openEmbeddedStore({ folder, clock })
  const uids = await Promise.all(
    Array.from({ length: LISTED }, (_, at) =>
      embedded.create(
        { kind: 'User', metadata: { name: name(at), labels: { team: 'ops' } }, spec: userSpec(at) },
        { manager },
      ),
    ),
  )
  await Promise.all(
    uids.map(({ metadata }, at) =>
      embedded.patchStatus({ kind: 'User', name: metadata.name }, userStatus(at, 1), { ifUid: metadata.uid }),
    ),
  )
  const db = new DatabaseSync(join(folder, 'roster.sqlite'), { readOnly: true })
  const select = db.prepare(
    `SELECT name, uid, version, meta, spec, status FROM objects WHERE kind = 'User' ORDER BY name`,
  )
  let ours = Infinity
  let raw = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    raw = Math.min(
      raw,
      await timed(LISTED, () => {
        const users: unknown[] = []
        for (const row of select.all() as { meta: string; spec: string; status: string }[]) {
          users.push({ ...row, meta: JSON.parse(row.meta), spec: JSON.parse(row.spec), status: JSON.parse(row.status) })
        }
      }),
    )
    ours = Math.min(
      ours,
      await timed(LISTED, async () => {
        await embedded.list('User')
      }),
    )
  }
  db.close()
  await embedded[Symbol.asyncDispose]()
  return { ours, raw }
}
