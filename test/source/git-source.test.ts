import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'
import { sourceReconciler } from '../../src/reconcilers/source.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { gitReader } from '../../src/source/git.ts'
import { SourceHub } from '../../src/source/hub.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { openRealm, type Realm } from '../fakes/realm.ts'
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

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'roster-source-'))
    repository = testRepository(join(root, 'served'))
    server = await openGitServer({ root: join(root, 'served') })
    realm = await openRealm({
      reconcilers: world => {
        hub = new SourceHub({
          changed: () => undefined,
          open: ({ name, spec }) =>
            gitReader({
              name,
              git: spec.git ?? expect.fail('a git source'),
              folder: join(root, 'copies'),
              secrets: world.secrets,
              dialer: dialer({ allowPrivate: ['127.0.0.1'] }),
              clock: world.clock,
            }),
        })
        return [sourceReconciler(world, { hub, sync: syncRevision })] as unknown as Reconciler[]
      },
    })
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
})
