import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { folderReader } from '../../src/source/folder.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'

const ALICE = 'alice@acme.example'
const thing = (kind: string, name: string, spec: string) =>
  `apiVersion: roster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`
const alice = (more = '') =>
  thing('User', 'alice', `{email: ${ALICE}${more}, memberships: [{organization: acme, roles: [editor]}]}`)
const other = (name: string) => thing('Role', name, '{organization: acme}')
const base = `${thing('Organization', 'acme', '{}')}---\n${thing('Role', 'editor', '{organization: acme, allow: ["documents:*"]}')}`

describe('a person whose file moves to another source', () => {
  let root: string
  let realm: Realm
  let hub: SourceHub

  const options: RealmOptions = {
    reconcilers: world => {
      hub = new SourceHub({
        changed: name => realm.loop.controller('Source')?.wake(name),
        open: ({ spec }) => folderReader({ path: spec.folder?.path ?? expect.fail('a folder') }),
      })
      return [
        sourceReconciler(world, { hub, sync: syncRevision }),
        userReconciler(world),
        invitationReconciler(world),
      ] as unknown as Reconciler[]
    },
  }
  const write = (source: string, files: Record<string, string>) => {
    const folder = join(root, source)
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  }
  const source = (name: string, spec: object = {}) =>
    realm.declare(
      'Source',
      name,
      { folder: { path: join(root, name) }, prune: true, ...spec },
      { manager: 'local/root' },
    )
  const ready = async (name: string) => {
    const { conditions } = (await realm.store.get('Source', name))?.status ?? {}
    const found = conditions?.find(({ type }) => type === 'Ready')
    return `${found?.status} ${found?.reason} ${found?.message}`
  }
  const holder = async () => {
    const user = await realm.store.get('User', 'alice')
    const owners = user ? await realm.store.owners({ kind: 'User', name: 'alice' }) : []
    const managers = new Set(owners.map(({ manager }) => manager).filter(manager => manager.startsWith('source/')))
    return {
      uid: user?.metadata.uid,
      source: user?.metadata.labels?.['roster.dev/source'],
      managers: [...managers],
      marks: Object.keys(user?.metadata.annotations ?? {}).filter(key => /going|taken-from/.test(key)),
    }
  }
  const joined = async () => (await realm.membership('acme', ALICE))?.settled?.roles
  /** Has one source read, and nothing else that has time. */
  const look = async (name: string) => {
    realm.loop.controller('Source')?.wake(name)
    await realm.run()
  }

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'roster-moving-'))
    realm = await openRealm(options)
    write('first', { 'base.yaml': base, 'alice.yaml': alice() })
    write('second', { 'second.yaml': other('auditor') })
    await source('first')
    await source('second')
    await realm.run()
    expect(realm.mailer.sent).toHaveLength(1)
  })
  afterEach(async () => {
    await realm[Symbol.asyncDispose]()
    await hub.close()
    rmSync(root, { recursive: true, force: true })
  })

  /** She accepted before, or not: then her link must go on working. */
  describe.each(['who has joined', 'who is invited'])('%s', who => {
    beforeEach(async () => {
      if (who === 'who has joined') {
        await realm.accept('acme', ALICE)
        await realm.run()
        expect(await joined()).toEqual(['editor'])
      }
    })
    const move = () => {
      write('first', { 'base.yaml': base })
      write('second', { 'second.yaml': other('auditor'), 'alice.yaml': alice() })
    }
    const unharmed = async (before: Awaited<ReturnType<typeof holder>>) => {
      const mails = realm.mailer.sent.map(({ subject }) => subject)
      expect(mails).toEqual(who === 'who has joined' ? ['invitation', 'welcome'] : ['invitation'])
      await realm.pass(2 * HOUR)
      expect(await holder()).toEqual({ ...before, source: 'second', managers: ['source/second'] })
      if (who === 'who has joined') expect(await joined()).toEqual(['editor'])
      expect((await realm.membership('acme', ALICE))?.ended).toBeUndefined()
      expect((await realm.membership('acme', ALICE))?.attempts.some(one => one.withdrawnTime)).toBe(false)
      expect(realm.mailer.sent.map(({ subject }) => subject)).toEqual(mails)
      expect(await ready('first')).toMatch(/^True Succeeded /)
      expect(await ready('second')).toMatch(/^True Succeeded /)
    }

    it('keeps everything when the one that lost the file looks first', async () => {
      const before = await holder()
      move()
      await look('first')
      await unharmed(before)
    })
    it('keeps everything when the one that got the file looks first', async () => {
      const before = await holder()
      move()
      await look('second')
      await unharmed(before)
    })
    it('keeps everything when both have it for a while', async () => {
      const before = await holder()
      write('second', { 'second.yaml': other('auditor'), 'alice.yaml': alice() })
      await look('second')
      expect(await ready('second')).toMatch(/^False Conflict User\/alice \(alice.yaml:1\) is kept by source first/)
      await realm.pass(HOUR)
      expect((await holder()).source).toBe('first')
      move()
      await look('first')
      await unharmed(before)
    })
    it('keeps everything when the process ends in between', async () => {
      const before = await holder()
      move()
      await hub.close()
      await realm.restart(options)
      await look('second')
      await unharmed(before)
    })
    it('keeps everything while the other one cannot be read', async () => {
      const before = await holder()
      move()
      write('second', { 'second.yaml': 'kind: [', 'alice.yaml': alice() })
      await look('first')
      await realm.pass(HOUR / 2)
      expect(await ready('first')).toContain('stay until Source/second was read: they may have moved there')
      expect(await holder()).toEqual(before)
      move()
      await look('second')
      await unharmed(before)
    })
  })

  it('is removed after an hour in which the other one cannot be read', async () => {
    write('second', { 'second.yaml': 'kind: [' })
    write('first', { 'base.yaml': base })
    await look('first')
    await realm.pass(HOUR / 2)
    expect((await holder()).uid).toBeDefined()
    await realm.pass(HOUR)
    expect((await holder()).uid).toBeUndefined()
  })

  it('is removed at once where no other source has her', async () => {
    write('first', { 'base.yaml': base })
    await look('first')
    expect((await holder()).uid).toBeUndefined()
  })

  it('has what the new one says, and no longer what only the old one said', async () => {
    write('first', { 'base.yaml': base, 'alice.yaml': alice(', givenName: Alice, locale: de') })
    await look('first')
    write('first', { 'base.yaml': base })
    write('second', { 'second.yaml': other('auditor'), 'alice.yaml': alice(', givenName: Alicia') })
    await look('first')
    await realm.pass(HOUR)
    expect((await realm.store.get('User', 'alice'))?.spec).toEqual({
      email: ALICE,
      givenName: 'Alicia',
      memberships: [{ organization: 'acme', roles: ['editor'] }],
    })
    const events = await realm.store.events.list({ ref: { kind: 'User', name: 'alice' } })
    expect(events.map(({ reason, message }) => `${reason} ${message}`)).toContain(
      'TakenOver Source/second took it over from Source/first, which no longer declares it',
    )
  })

  it('stays with the first where the second may not have her, and is not removed for it', async () => {
    await source('second', { may: { kinds: ['Role'] } })
    await realm.run()
    const before = await holder()
    write('first', { 'base.yaml': base })
    write('second', { 'second.yaml': other('auditor'), 'alice.yaml': alice() })
    await look('first')
    await realm.pass(HOUR)
    expect(await holder()).toEqual(before)
    expect(await ready('first')).toContain('User/alice is declared by Source/second now, which takes it over')
    expect(await ready('second')).toMatch(/^False NotAllowed /)
  })

  it('is not taken from a source that is empty by mistake', async () => {
    const before = await holder()
    write('first', {})
    write('second', { 'second.yaml': other('auditor'), 'alice.yaml': alice() })
    await look('first')
    await look('second')
    await realm.pass(HOUR)
    expect(await holder()).toEqual(before)
    expect(await ready('first')).toMatch(/^False EmptySource /)
  })

  it('is taken over to the end, wherever the process ended', async () => {
    for (const writes of [1, 2]) {
      const [from, to] = writes === 1 ? ['first', 'second'] : ['second', 'first']
      const stay = { [`${from}.yaml`]: from === 'first' ? base : other('auditor') }
      const get = { [`${to}.yaml`]: to === 'first' ? base : other('auditor'), 'alice.yaml': alice() }
      write(from, stay)
      await realm.run()
      let left = writes
      const apply = realm.store.apply.bind(realm.store)
      await realm.restart({
        ...options,
        wrap: store =>
          new Proxy(store, {
            get: (target, key) => {
              const value = Reflect.get(target, key)
              if (key !== 'apply') return typeof value === 'function' ? value.bind(target) : value
              return async (...given: Parameters<typeof apply>) => {
                const [desired] = given
                if (desired.kind === 'User' && left-- <= 0) throw new Error('the process ends here')
                return target.apply(...given)
              }
            },
          }),
      })
      write(to, get)
      // The one that lets go has the other one look.
      await expect(look(from)).rejects.toThrow('the process ends here')
      expect((await holder()).marks).toEqual(['roster.dev/taken-from'])
      await hub.close()
      await realm.restart(options)
      await realm.run()
      await realm.pass(HOUR)
      expect(await holder()).toMatchObject({ source: to, managers: [`source/${to}`], marks: [] })
    }
  })
})
