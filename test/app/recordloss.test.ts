import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { API_VERSION, MANAGERS } from '../../src/api/names.ts'
import { openRealm } from '../../src/app/openrealm.ts'
import type { Realm } from '../../src/app/realm.ts'
import { acceptRecordLoss, planRecordLoss, RecordsLostError } from '../../src/app/recordloss.ts'
import { rehearse } from '../../src/app/rehearsal.ts'
import { startRun } from '../../src/app/run.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { listMails } from '../../src/mail/folder.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { eventually } from '../e2e/process.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roster-recordloss-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** More than may be missing. */
const PEOPLE = ['ann', 'bob', 'eve', 'ida', 'kim', 'lea', 'max', 'zoe']
const settings = () =>
  resolveSettings({
    flags: {
      data: join(folder, 'data'),
      listen: '127.0.0.1:0',
      opsListen: '127.0.0.1:0',
      publicUrl: 'http://127.0.0.1:9',
    },
    environment: {},
    cwd: folder,
  }).settings
const open = () => openRealm({ settings: settings(), environment: {}, create: true })
const run = (realm: Realm) =>
  startRun({ realm, log: noLog(), sources: [], cwd: folder, signal: new AbortController().signal, ops: false })
const mails = () => listMails(join(folder, 'data', 'mail'))

const declare = async (store: ResourceStore) => {
  const by = { manager: MANAGERS.local('it') }
  await store.apply(
    {
      apiVersion: API_VERSION,
      kind: 'Organization',
      metadata: { name: 'acme' },
      spec: { displayName: 'Acme GmbH', domains: ['acme.example'] },
    },
    by,
  )
  for (const name of PEOPLE)
    await store.apply(
      {
        apiVersion: API_VERSION,
        kind: 'User',
        metadata: { name },
        spec: { email: `${name}@acme.example`, memberships: [{ organization: 'acme' }] },
      },
      by,
    )
}
/** Takes records away as somebody does who takes the finalizers off, too. */
const strip = async (store: ResourceStore) => {
  for (const { metadata } of (await store.list('Membership')).items) {
    const ref = { kind: 'Membership' as const, name: metadata.name }
    await store.setFinalizers(ref, [], { ifVersion: metadata.resourceVersion })
    await store.delete(ref)
  }
}
/** A realm in which everybody was invited. */
const invited = async () => {
  await using realm = await open()
  await declare(realm.store)
  await using running = await run(realm)
  await running.firstPass
  await eventually(async () => (await mails()).length === PEOPLE.length, 'all are invited')
}

describe('a realm whose records are gone', () => {
  it('does not start: nobody is mailed, nothing is made, and it is told at the organization', async () => {
    await invited()
    await using realm = await open()
    await strip(realm.store)
    await expect(run(realm)).rejects.toThrow('records of this realm are gone: 0 of 8 Membership')
    expect(await mails()).toHaveLength(PEOPLE.length)
    expect((await realm.store.list('Membership')).items).toEqual([])
    expect((await realm.store.lease.read())?.held).toBe(false)
    const events = await realm.store.events.list({ ref: { kind: 'Organization', name: 'acme' } })
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toContain('Warning RecordsLost')
    // A plan would be about a world that never comes.
    await expect(
      rehearse(realm, async () => undefined, { signal: new AbortController().signal, all: true }),
    ).rejects.toBeInstanceOf(RecordsLostError)
  })

  it('goes on without them once that is accepted', async () => {
    await invited()
    await using realm = await open()
    await strip(realm.store)
    const losses = await planRecordLoss(realm)
    expect(losses).toEqual([{ kind: 'Membership', noted: 8, found: 0 }])
    await acceptRecordLoss(realm, losses)
    expect(await planRecordLoss(realm)).toEqual([])
    await using running = await run(realm)
    await running.firstPass
    const { items } = await realm.store.list('Membership')
    expect(items.map(({ spec }) => spec.attempts.length)).toEqual(PEOPLE.map(() => 1))
  })

  it('ends when they go while it runs, and no later start takes those made anew for them', async () => {
    await invited()
    await using realm = await open()
    {
      await using running = await run(realm)
      await running.firstPass
      await using other = await open()
      await strip(other.store)
      expect(await running.ended).toMatchObject({ why: 'failed', error: { name: 'RecordsLostError' } })
    }
    await expect(run(realm)).rejects.toBeInstanceOf(RecordsLostError)
    const losses = await planRecordLoss(realm)
    expect(losses).toMatchObject([{ kind: 'Membership' }])
    await acceptRecordLoss(realm, losses)
    await (await run(realm))[Symbol.asyncDispose]()
  })

  it('is not one of an older release, which counted none: it does so at its first start', async () => {
    await invited()
    await using realm = await open()
    await realm.store.mark(() => ({}))
    await (await run(realm))[Symbol.asyncDispose]()
    expect((await realm.store.marks()).records).toEqual({ Membership: 8 })
  })
})
