import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'
import { SecretError } from '../../src/app/secrets.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { type GitReaderOptions, gitReader } from '../../src/source/git.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'
import { describeWith } from '../parts.ts'
import { type GitServer, openGitServer } from '../peers/git-server.ts'
import { organizationYaml, roleYaml, type TestRepository, testRepository } from './repository.ts'

const MINUTE = 60_000

describeWith('git', 'a source in Git', () => {
  let root: string
  let repository: TestRepository
  let server: GitServer
  let realm: Realm
  let hub: SourceHub
  let signers: string | undefined
  let secret: string | undefined
  let limits: GitReaderOptions['limits']

  const options: RealmOptions = {
    reconcilers: world => {
      hub = new SourceHub({
        changed: () => undefined,
        open: ({ name, spec }) =>
          gitReader({
            name,
            git: spec.git ?? expect.fail('a git source'),
            folder: join(root, 'copies'),
            secrets: {
              read: async ({ name }) => {
                if (secret === undefined) throw new SecretError('SecretNotFound', `there is no secret ${name}`)
                return { value: secret, hosts: ['127.0.0.1'] }
              },
            },
            dialer: dialer({ allowPrivate: ['127.0.0.1'] }),
            clock: world.clock,
            signers,
            ...(limits && { limits }),
          }),
      })
      return [sourceReconciler(world, { hub, sync: syncRevision })] as unknown as Reconciler[]
    },
  }

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'roster-source-'))
    signers = undefined
    secret = undefined
    limits = undefined
    repository = testRepository(join(root, 'served'))
    server = await openGitServer({ root: join(root, 'served') })
    realm = await openRealm(options)
  })
  afterEach(async () => {
    await realm[Symbol.asyncDispose]()
    await hub.close()
    await server[Symbol.asyncDispose]()
    rmSync(root, { recursive: true, force: true })
  })

  const ready = async () => {
    const { conditions, lastAppliedRevision } = (await realm.store.get('Source', 'people'))?.status ?? {}
    const found = conditions?.find(({ type }) => type === 'Ready')
    return `${found?.status} ${found?.reason} ${lastAppliedRevision}`
  }

  it('notes on each document who changed its file last, and on no other object anything', async () => {
    const roles = ['editor', 'viewer', 'admin'].map(name => [`roles/${name}.yaml`, roleYaml(name)])
    const first = repository.commit({ 'acme.yaml': organizationYaml, ...Object.fromEntries(roles) })
    const git = { url: `${server.url}/people.git`, ref: 'main', interval: '1m' }
    await realm.declare('Source', 'people', { git, prune: true }, { manager: 'local/root' })
    await realm.run()
    const notes = async (name: string) => {
      const { annotations = {} } = (await realm.store.get('Role', name))?.metadata ?? {}
      return ['revision', 'commit', 'author'].map(note => annotations[`roster.dev/${note}`])
    }
    // The repository begins with this commit.
    expect(await notes('editor')).toEqual([first, first, 'Ada'])
    const untouched = await realm.store.get('Role', 'admin')

    const second = repository.commit(
      { 'roles/editor.yaml': roleYaml('editor', { displayName: 'E' }) },
      undefined,
      'Bea',
    )
    const third = repository.commit(
      { 'roles/viewer.yaml': roleYaml('viewer', { displayName: 'V' }) },
      undefined,
      'Cem\u001b[31m',
    )
    await realm.pass(MINUTE)
    expect(await notes('editor')).toEqual([third, second, 'Bea'])
    expect(await notes('viewer')).toEqual([third, third, 'Cem\u001b[31m'])
    expect(await realm.store.get('Role', 'admin')).toEqual(untouched)

    // A document may not say who wrote it.
    const forged = roleYaml('viewer', { displayName: 'W' }).replace(
      '{name: viewer}',
      '{name: viewer, annotations: {roster.dev/author: Eve}}',
    )
    repository.commit({ 'roles/viewer.yaml': forged }, undefined, 'Mallory')
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False InvalidManifests ${third}`)
    expect(await notes('viewer')).toEqual([third, third, 'Cem\u001b[31m'])
  })

  const declare = async (more: object = {}) => {
    const git = { url: `${server.url}/people.git`, ref: 'main', interval: '1m', ...more }
    await realm.declare('Source', 'people', { git, prune: true }, { manager: 'local/root' })
  }

  /** Who changed what, as noted on it. */
  const told = async (name: string) => {
    const { annotations = {} } = (await realm.store.get('Role', name))?.metadata ?? {}
    return ['revision', 'commit', 'author', 'unchanged-since'].map(note => annotations[`roster.dev/${note}`])
  }

  it('names the author of what was there before the first commit that it read, and writes nothing for it afterwards', async () => {
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor'), 'roles/owner.yaml': roleYaml('owner') })
    const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Bea')
    repository.git('checkout', '--quiet', '-b', 'side')
    const side = repository.commit({ 'roles/editor.yaml': roleYaml('editor', { displayName: 'E' }) }, undefined, 'Cem')
    repository.git('checkout', '--quiet', 'main')
    repository.commit({ 'roles/owner.yaml': roleYaml('owner', { displayName: 'O' }) }, undefined, 'Eve')
    const kept = repository.commit({ 'roles/owner.yaml': roleYaml('owner') }, undefined, 'Dan')
    repository.git('merge', '--quiet', '--no-ff', '-m', 'merge', 'side')
    repository.git('push', '--quiet', 'origin', 'HEAD:main')
    const tip = repository.git('rev-parse', 'HEAD')
    await declare({ path: 'roles' })
    await realm.run()
    expect(await told('editor')).toEqual([tip, side, 'Cem', undefined])
    expect(await told('viewer')).toEqual([tip, second, 'Bea', undefined])
    expect(await told('owner')).toEqual([tip, kept, 'Dan', undefined])

    const versions = async () => (await realm.store.list('Role')).items.map(one => one.metadata.resourceVersion)
    const before = await versions()
    const asked = server.requests.length
    await realm.pass(MINUTE)
    expect(await versions()).toEqual(before)
    // The same commit is one question, which names no object.
    expect(server.requests.slice(asked).filter(({ command }) => command === 'fetch')).toEqual([])
  })

  it('names the author also where a server gives no commits by id', async () => {
    await server[Symbol.asyncDispose]()
    server = await openGitServer({ root: join(root, 'served'), protocol: 0 })
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor') }, undefined, 'Bea')
    repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Cem')
    await declare({ path: 'roles' })
    await realm.run()
    expect((await told('editor'))[2]).toBe('Bea')
    expect((await told('viewer'))[2]).toBe('Cem')
  })

  it('says since when a file did not change, where its history is longer than is read', async () => {
    limits = { history: { depth: 2, commits: 100, bytes: 1024 * 1024 } }
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor') })
    const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Bea')
    const third = repository.commit({ 'roles/owner.yaml': roleYaml('owner') }, undefined, 'Cem')
    await declare({ path: 'roles' })
    await realm.run()
    expect(await told('owner')).toEqual([third, third, 'Cem', undefined])
    expect(await told('editor')).toEqual([third, undefined, undefined, second])
    // The oldest that was read seems to have made all that it has.
    expect(await told('viewer')).toEqual([third, undefined, undefined, second])

    // What changes afterwards has its author, and no note on what it was before.
    const fourth = repository.commit(
      { 'roles/editor.yaml': roleYaml('editor', { displayName: 'E' }) },
      undefined,
      'Dan',
    )
    await realm.pass(MINUTE)
    expect(await told('editor')).toEqual([fourth, fourth, 'Dan', undefined])
  })

  it('applies at once what has a history that is too large, and says no more than it knows', async () => {
    limits = { history: { depth: 1_000, commits: 100, bytes: 1 } }
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor') })
    const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Bea')
    await declare({ path: 'roles' })
    await realm.run()
    expect(await ready()).toBe(`True Succeeded ${second}`)
    expect(await told('editor')).toEqual([second, undefined, undefined, second])
  })

  it('asks for the history again where the server failed, and keeps what it applied meanwhile', async () => {
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor') })
    const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Bea')
    // Objects are asked for twice: for the commit, and for its history.
    server.onFetch = () =>
      queueMicrotask(() => {
        server.onFetch = () => {
          server.fault = { at: 'fetch', does: { status: 503 } }
        }
      })
    await declare({ path: 'roles' })
    await realm.run()
    expect(await ready()).toBe(`True Succeeded ${second}`)
    expect(await told('viewer')).toEqual([second, undefined, undefined, undefined])
    server.fault = undefined
    await realm.pass(MINUTE)
    expect(await told('viewer')).toEqual([second, second, 'Bea', undefined])
  })

  it('names the author of each of a thousand files that change in one pass', async () => {
    await realm.declare('Organization', 'acme', {}, { manager: 'local/root' })
    repository.commit({ 'roles/editor.yaml': roleYaml('editor') })
    await declare({ path: 'roles' })
    await realm.run()
    const many = (from: number) =>
      Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`roles/r${from + n}.yaml`, roleYaml(`r${from + n}`)]))
    const second = repository.commit(many(0), undefined, 'Bea')
    const third = repository.commit(many(500), undefined, 'Cem')
    await realm.pass(MINUTE)
    for (const name of ['r0', 'r499']) expect(await told(name)).toEqual([third, second, 'Bea', undefined])
    for (const name of ['r500', 'r999']) expect(await told(name)).toEqual([third, third, 'Cem', undefined])
  }, 60_000)

  it('follows a merge to who wrote the change, not to who merged it', async () => {
    repository.commit({ 'acme.yaml': organizationYaml, 'roles/editor.yaml': roleYaml('editor') })
    const git = { url: `${server.url}/people.git`, ref: 'main', interval: '1m' }
    await realm.declare('Source', 'people', { git }, { manager: 'local/root' })
    await realm.run()
    repository.git('checkout', '--quiet', '-b', 'side')
    const side = repository.commit({ 'roles/editor.yaml': roleYaml('editor', { displayName: 'E' }) }, undefined, 'Bea')
    repository.git('checkout', '--quiet', 'main')
    repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, undefined, 'Cem')
    repository.git('merge', '--quiet', '--no-ff', '-m', 'merge', 'side')
    repository.git('push', '--quiet', 'origin', 'HEAD:main')
    await realm.pass(MINUTE)
    expect((await realm.store.get('Role', 'editor'))?.metadata.annotations).toMatchObject({
      'roster.dev/commit': side,
      'roster.dev/author': 'Bea',
    })
  })

  it('follows its branch through failures of the server, and comes back by itself', async () => {
    const first = repository.commit({ 'acme.yaml': organizationYaml, 'roles/editor.yaml': roleYaml('editor') })
    const git = { url: `${server.url}/people.git`, ref: 'main', interval: '1m' }
    await realm.declare('Source', 'people', { git, prune: true }, { manager: 'local/root' })
    await realm.run()
    expect(await ready()).toBe(`True Succeeded ${first}`)
    expect((await realm.store.get('Role', 'editor'))?.metadata.annotations).toMatchObject({
      'roster.dev/source-path': 'roles/editor.yaml:1',
      'roster.dev/revision': first,
    })

    const second = repository.commit({ 'roles/editor.yaml': null, 'roles/viewer.yaml': roleYaml('viewer') })
    server.fault = { at: 'all', does: { status: 503 } }
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False Unreachable ${first}`)
    const before = await realm.version()
    await realm.pass(2 * MINUTE)
    expect(await realm.version()).toBe(before)
    server.fault = undefined
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`True Succeeded ${second}`)
    expect((await realm.store.list('Role')).items.map(({ metadata }) => metadata.name)).toEqual(['viewer'])

    repository.git('push', '--quiet', 'origin', 'main:renamed')
    repository.git('--git-dir', repository.bare, 'symbolic-ref', 'HEAD', 'refs/heads/renamed')
    repository.git('push', '--quiet', 'origin', ':main')
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False RevisionNotFound ${second}`)
    expect(await realm.store.get('Role', 'viewer')).toBeDefined()
  })

  const message = async () =>
    (await realm.store.get('Source', 'people'))?.status?.conditions?.find(({ type }) => type === 'Ready')?.message
  const roles = async () => (await realm.store.list('Role')).items.map(({ metadata }) => metadata.name).join(' ')
  const acme = { 'acme.yaml': organizationYaml, 'roles/editor.yaml': roleYaml('editor') }
  const push = (commit: string) => {
    repository.git('reset', '--quiet', '--hard', commit)
    repository.git('push', '--quiet', '--force', 'origin', 'main')
  }

  describe.each(['one process', 'a restart in between'])('whose history was rewritten, in %s', how => {
    const pass = async () => {
      if (how === 'a restart in between') {
        await hub.close()
        await realm.restart(options)
      }
      await realm.pass(MINUTE)
    }
    it('to an older commit, is held until a commit follows', async () => {
      const first = repository.commit(acme)
      await declare()
      await realm.run()
      const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
      await pass()
      expect(await ready()).toBe(`True Succeeded ${second}`)
      push(first)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect(await message()).toContain(`commit ${first} does not come after ${second}`)
      expect(await roles()).toBe('editor viewer')
      const before = await realm.version()
      await realm.pass(2 * MINUTE)
      expect(await realm.version()).toBe(before)
      push(second)
      const third = repository.commit({ 'roles/viewer.yaml': null })
      await pass()
      expect(await ready()).toBe(`True Succeeded ${third}`)
      expect(await roles()).toBe('editor')
    })
    it('to a commit beside, is held, also where the server has the old one no more', async () => {
      const first = repository.commit(acme)
      await declare()
      const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
      await realm.run()
      expect(await ready()).toBe(`True Succeeded ${second}`)
      push(first)
      const beside = repository.commit({ 'roles/editor.yaml': null })
      repository.git('--git-dir', repository.bare, 'reflog', 'expire', '--expire=all', '--all')
      repository.git('--git-dir', repository.bare, 'gc', '--quiet', '--prune=now')
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect(await message()).toContain(beside)
      expect(await roles()).toBe('editor viewer')
    })
    const rewritten = async () =>
      (await realm.store.get('Source', 'people'))?.status?.rewritten ?? expect.fail('no rewritten history')
    const approve = async (
      name: string,
      spec: { releases: string; organization?: string; lasts?: number },
      manager = 'local/root',
    ) => {
      const { lasts = HOUR, ...rest } = spec
      const expirationTime = new Date(realm.clock.now() + lasts).toISOString()
      await realm.declare('Approval', name, { ...rest, reason: 'the last week was wrong', expirationTime }, { manager })
    }
    const approval = async (name: string) => {
      const { status } = (await realm.store.get('Approval', name)) ?? {}
      return `${status?.state} ${status?.conditions?.find(({ type }) => type === 'Ready')?.message}`
    }
    /** A source that stands at a commit with two roles, and whose branch was set back to the one before. */
    const setBack = async () => {
      const first = repository.commit(acme)
      await declare()
      await realm.run()
      const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
      await pass()
      push(first)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      return { first, second }
    }

    it('is taken once somebody approves exactly it, once', async () => {
      const { first, second } = await setBack()
      const held = await rewritten()
      expect(held).toMatchObject({ revision: first, after: second })
      expect(await message()).toContain('or approve this one')
      await approve('back', held)
      await pass()
      expect(await ready()).toBe(`True Succeeded ${first}`)
      expect(await roles()).toBe('editor')
      expect(await approval('back')).toBe('Used it has released Source/people')
      const { items } = { items: await realm.store.events.list({ ref: { kind: 'Source', name: 'people' } }) }
      expect(items.map(({ reason, message }) => `${reason} ${message}`)).toContain(
        `HistoryReleased revision ${first} is taken instead of ${second}: Approval/back: the last week was wrong`,
      )

      // Forward again, and back again: that is another time, and the Approval was for one.
      push(second)
      await pass()
      expect(await ready()).toBe(`True Succeeded ${second}`)
      push(first)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect((await rewritten()).releases).toBe(held.releases)
      expect(await roles()).toBe('editor viewer')
      await approve('again', held)
      await pass()
      expect(await ready()).toBe(`True Succeeded ${first}`)
      const before = await realm.version()
      await realm.pass(MINUTE)
      expect(await realm.version()).toBe(before)
    })

    it('is not taken by an Approval of another commit, of an organization, of its own, an old or a long one', async () => {
      const { first, second } = await setBack()
      const { releases } = await rewritten()
      await approve('other', { releases: `sha256:${'0'.repeat(64)}` })
      await approve('organization', { releases, organization: 'acme' })
      await approve('own', { releases }, 'source/people')
      await approve('long', { releases, lasts: 8 * 24 * HOUR })
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect(await approval('organization')).toContain('Refused what it names is held of no organization')
      expect(await approval('own')).toBe('Refused Source/people cannot approve its own history')
      expect(await approval('long')).toContain('Refused it is made for more than 7 days')
      expect(await approval('other')).toContain('Waiting')
      // It goes on as it should, and is set back once more to the same: what was there already has seen nothing of it.
      await approve('early', { releases, lasts: 3 * HOUR })
      await realm.store.delete({ kind: 'Approval', name: 'early' })
      push(second)
      await pass()
      await approve('early', { releases, lasts: 3 * HOUR })
      push(first)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect(await approval('early')).toContain('Refused it was there before the history was held')
      await approve('expired', { releases, lasts: 1 })
      await realm.clock.advance(10)
      await pass()
      expect(await approval('expired')).toContain('Expired')
      expect(await roles()).toBe('editor viewer')
    })

    it('and approved, goes on from there, whatever of it can be applied', async () => {
      const { second } = await setBack()
      push(repository.git('rev-parse', `${second}^`))
      const beside = repository.commit({ 'roles/broken.yaml': 'kind: [', 'roles/auditor.yaml': roleYaml('auditor') })
      await pass()
      const held = await rewritten()
      expect(held).toMatchObject({ revision: beside, after: second })
      await approve('beside', held)
      await pass()
      expect(await ready()).toBe(`False InvalidManifests ${second}`)
      await realm.clock.advance(2 * HOUR)
      const mended = repository.commit({ 'roles/broken.yaml': null })
      await pass()
      expect(await ready()).toBe(`True Succeeded ${mended}`)
      expect(await roles()).toBe('auditor editor')
      // The commit that was left behind is no way round.
      push(second)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${mended}`)
    })

    it('on purpose, is taken once the Source names the commit, and then its branch again', async () => {
      const first = repository.commit(acme)
      await declare()
      const second = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
      await realm.run()
      push(first)
      await pass()
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      await declare({ ref: first })
      await pass()
      expect(await ready()).toBe(`True Succeeded ${first}`)
      await declare()
      await pass()
      expect(await ready()).toBe(`True Succeeded ${first}`)
      expect(await roles()).toBe('editor')
    })
  })

  it('takes many commits and merges at once as what follows', async () => {
    const first = repository.commit(acme)
    await declare()
    await realm.run()
    repository.git('checkout', '--quiet', '-b', 'topic')
    repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
    repository.git('checkout', '--quiet', 'main')
    for (const text of ['a', 'b', 'c']) repository.commit({ 'README.md': text })
    repository.git('merge', '--quiet', '--no-ff', '-m', 'merge', 'topic')
    repository.git('push', '--quiet', 'origin', 'main')
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`True Succeeded ${repository.git('rev-parse', 'HEAD')}`)
    expect(first).not.toBe(repository.git('rev-parse', 'HEAD'))
    expect(await roles()).toBe('editor viewer')
  })

  it('whose credentials are refused takes nothing away, and goes on with new ones', async () => {
    await using guarded = await openGitServer({ root: join(root, 'served'), password: 'opensesame' })
    secret = 'opensesame'
    const first = repository.commit(acme)
    await declare({ url: `${guarded.url}/people.git`, credentialsSecretRef: { name: 'git', key: 'token' } })
    await realm.run()
    expect(await ready()).toBe(`True Succeeded ${first}`)
    secret = 'changed'
    const second = repository.commit({ 'roles/editor.yaml': null, 'roles/viewer.yaml': roleYaml('viewer') })
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False CredentialsRefused ${first}`)
    expect(await message()).not.toContain('changed')
    expect(await roles()).toBe('editor')
    const before = await realm.version()
    await realm.pass(2 * MINUTE)
    expect(await realm.version()).toBe(before)
    secret = undefined
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False SecretNotFound ${first}`)
    secret = 'opensesame'
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`True Succeeded ${second}`)
    expect(await roles()).toBe('viewer')
  })

  it('refuses the whole of a revision with one broken file of many, and stays at the last good one', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`roles/r${n}.yaml`, roleYaml(`r${n}`)]))
    const first = repository.commit({ ...acme, ...many })
    await declare()
    await realm.run()
    repository.commit({ 'roles/r7.yaml': 'kind: [', 'roles/r8.yaml': null, 'roles/new.yaml': roleYaml('new') })
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`False InvalidManifests ${first}`)
    expect(await message()).toContain('roles/r7.yaml:1:')
    expect(await realm.store.get('Role', 'r8')).toBeDefined()
    expect(await realm.store.get('Role', 'new')).toBeUndefined()
  })

  it('that is emptied, or whose path is gone, takes nothing away', async () => {
    repository.commit({ 'people/acme.yaml': organizationYaml, 'people/editor.yaml': roleYaml('editor') })
    await declare({ path: 'people' })
    await realm.run()
    repository.commit({ 'people/acme.yaml': null, 'people/editor.yaml': null, 'people/README.md': 'empty' })
    await realm.pass(MINUTE)
    expect(await ready()).toMatch(/^False EmptySource /)
    repository.commit({ 'people/README.md': null, 'x.md': 'x' })
    await realm.pass(MINUTE)
    expect(await ready()).toMatch(/^False PathNotFound /)
    expect(await roles()).toBe('editor')
  })

  it('that renames a file or gives half an answer changes nothing', async () => {
    repository.commit(acme)
    await declare()
    await realm.run()
    const uid = (await realm.store.get('Role', 'editor'))?.metadata.uid
    const second = repository.commit({ 'roles/editor.yaml': null, 'acme/editor.yaml': roleYaml('editor') })
    server.fault = { at: 'fetch', does: { cutAfter: 100 } }
    await realm.pass(MINUTE)
    expect(await ready()).toMatch(/^False (Unreachable|Retrying) /)
    server.fault = undefined
    await realm.pass(MINUTE)
    expect(await ready()).toBe(`True Succeeded ${second}`)
    expect((await realm.store.get('Role', 'editor'))?.metadata).toMatchObject({
      uid,
      annotations: { 'roster.dev/source-path': 'acme/editor.yaml:1' },
    })
  })

  describe('that verifies its commits', () => {
    const key = (name: string): string => {
      const file = join(root, name)
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file])
      return file
    }
    const allow = (...keys: string[]): void => {
      signers = join(root, 'signers')
      writeFileSync(signers, keys.map(file => `ada@acme.example ${readFileSync(`${file}.pub`, 'utf8')}`).join(''))
    }
    const signWith = (file: string | undefined): void => {
      repository.git('config', 'gpg.format', 'ssh')
      repository.git('config', 'commit.gpgsign', String(file !== undefined))
      if (file !== undefined) repository.git('config', 'user.signingkey', file)
    }

    it('takes those of its keys, and no other', async () => {
      const [ours, theirs] = [key('ours'), key('theirs')]
      allow(ours)
      signWith(ours)
      const first = repository.commit(acme)
      await declare({ verify: true })
      await realm.run()
      expect(await ready()).toBe(`True Succeeded ${first}`)
      signWith(undefined)
      const unsigned = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') })
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False NotSigned ${first}`)
      expect(await message()).toContain(unsigned)
      signWith(theirs)
      // A file of signers in the repository is anybody's.
      repository.commit({
        '.gitsigners': `ada@acme.example ${readFileSync(`${theirs}.pub`, 'utf8')}`,
        '.gitconfig': '[gpg "ssh"]\n\tallowedSignersFile = .gitsigners\n',
      })
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False NotSigned ${first}`)
      expect(await roles()).toBe('editor')
      signWith(ours)
      const good = repository.commit({ '.gitsigners': null })
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`True Succeeded ${good}`)
      expect(await roles()).toBe('editor viewer')
    })
    it('does not go back to an older one that was signed', async () => {
      const ours = key('ours')
      allow(ours)
      signWith(ours)
      const first = repository.commit(acme)
      await declare({ verify: true })
      const second = repository.commit({ 'roles/editor.yaml': null })
      await realm.run()
      push(first)
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False HistoryRewritten ${second}`)
      expect(await roles()).toBe('')
    })
    it('takes a commit once its key was added', async () => {
      const [ours, theirs] = [key('ours'), key('theirs')]
      allow(ours)
      signWith(theirs)
      const first = repository.commit(acme)
      await declare({ verify: true })
      await realm.run()
      expect(await ready()).toMatch(/^False NotSigned /)
      allow(ours, theirs)
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`True Succeeded ${first}`)
    })
    it('takes a new commit only from a key that is good now, whatever date is in it', async () => {
      const [ours, next] = [key('ours'), key('next')]
      const line = (file: string, options: string) =>
        `ada@acme.example ${options} ${readFileSync(`${file}.pub`, 'utf8')}`
      const allowed = (...lines: string[]) => {
        signers = join(root, 'signers')
        writeFileSync(signers, lines.join(''))
      }
      allowed(line(ours, 'namespaces="git"'))
      signWith(ours)
      const first = repository.commit(acme, '2019-06-01T00:00:00Z')
      await declare({ verify: true })
      await realm.run()
      expect(await ready()).toBe(`True Succeeded ${first}`)

      // The key has run out: what it signed stays in force, after a restart too.
      const over = line(ours, 'namespaces="git",valid-before="20200101"')
      allowed(over, line(next, 'namespaces="git",valid-after="20200101"'))
      await hub.close()
      await realm.restart(options)
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`True Succeeded ${first}`)
      // Whoever still has it can write any date, which git believes.
      const backdated = repository.commit({ 'roles/viewer.yaml': roleYaml('viewer') }, '2019-07-01T00:00:00Z')
      writeFileSync(join(root, 'over'), over)
      repository.git('-c', `gpg.ssh.allowedSignersFile=${join(root, 'over')}`, 'verify-commit', backdated)
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False NotSigned ${first}`)
      expect(await message()).toContain('has run out, or does not count yet')
      repository.commit({ 'roles/auditor.yaml': roleYaml('auditor') })
      await realm.pass(MINUTE)
      expect(await message()).toContain('was not good at its date')

      signWith(next)
      const rotated = repository.commit({ 'roles/auditor.yaml': null })
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`True Succeeded ${rotated}`)
      // Taken out of the file, a key is revoked for all that comes.
      allowed(line(ours, 'namespaces="git"'))
      repository.commit({ 'roles/viewer.yaml': null })
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False NotSigned ${rotated}`)
      // A key that may sign files only, may not sign commits.
      allowed(line(next, 'namespaces="file"'))
      await realm.pass(MINUTE)
      expect(await ready()).toBe(`False NotSigned ${rotated}`)
      expect(await roles()).toBe('editor viewer')
    })
    it.each([
      ['-----BEGIN PGP SIGNATURE-----', 'is signed with OpenPGP, which is never taken'],
      ['-----BEGIN SIGNED MESSAGE-----', 'is signed with X.509, which is never taken'],
      ['-----BEGIN ANOTHER SIGNATURE-----', 'is signed in a way that is not known here'],
      ['-----BEGIN SSH SIGNATURE-----', 'is signed with a key that is not among the signers'],
    ])('says of a commit with %s that it is no signature, or whose', async (begin, why) => {
      allow(key('ours'))
      signWith(undefined)
      repository.commit(acme)
      await declare({ verify: true })
      const [head = '', ...body] = repository.git('cat-file', 'commit', 'HEAD').split('\n\n')
      const signature = `gpgsig ${begin}\n \n aGVsbG8=\n ${begin.replace('BEGIN', 'END')}`
      const file = join(root, 'commit')
      writeFileSync(file, `${head}\n${signature}\n\n${body.join('\n\n')}\n`)
      push(repository.git('hash-object', '-t', 'commit', '-w', file))
      await realm.run()
      expect(await ready()).toMatch(/^False NotSigned /)
      expect(await message()).toContain(why)
    })
    it('takes none where the controller knows no signers', async () => {
      repository.commit(acme)
      await declare({ verify: true })
      await realm.run()
      expect(await ready()).toMatch(/^False NotAllowed /)
      expect(await message()).toContain('--signers')
    })
  })
})
