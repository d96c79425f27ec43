import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { mailComposer } from '../../src/mail/composer.ts'
import type { World } from '../../src/reconcilers/context.ts'
import { directoryReconciler } from '../../src/reconcilers/directory.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { organizationReconciler } from '../../src/reconcilers/organization.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { type FakeDirectory, fakeDirectory } from '../fakes/directories.ts'
import { DAY, HOUR, openRealm, type Realm, type RealmOptions } from '../fakes/realm.ts'
import { openPost, type Post } from '../faults/post.ts'

const MINUTE = 60_000
let post: Post
let realm: Realm
let service: FakeDirectory
let begun: number
/** The mail server is a real one; the directory is told how its reads end. */
const options: RealmOptions = {
  reconcilers: own => {
    const world: World = { ...own, composer: mailComposer({ from: { address: 'roster@portal.example' } }) }
    const directories = directoryReconciler(world, { driver: async () => service, release: async () => undefined })
    return [
      organizationReconciler(world),
      userReconciler(world),
      invitationReconciler(world),
      directories,
    ] as unknown as Reconciler[]
  },
}

beforeAll(async () => {
  post = await openPost()
})
afterAll(() => post[Symbol.asyncDispose]())
beforeEach(async () => {
  service = fakeDirectory([{ users: [{ id: 'ann', email: 'ann@acme.example', active: true }] }])
  realm = await openRealm({ ...options, mailer: post.mailer })
  post.follow(realm.clock)
  await acme()
  await realm.declare('Role', 'admin', { organization: 'acme', allow: ['users:*'] })
  for (const [name, locale] of [
    ['bob', 'en'],
    ['eva', 'de'],
  ] as const)
    await realm.declare('User', name, {
      email: `${name}@acme.example`,
      locale,
      memberships: [{ organization: 'acme', roles: ['admin'], join: 'None' }],
    })
  await realm.declare('Directory', 'hr', {
    organization: 'acme',
    type: 'File',
    file: { path: 'people.csv', columns: { id: 'number' } },
    policy: 'Observe',
    interval: '1h',
  })
  await realm.run()
  begun = post.peer.mails.length
})
afterEach(() => realm[Symbol.asyncDispose]())

const acme = (frozen = false) => realm.declare('Organization', 'acme', { domains: ['acme.example'], frozen })
const fails = () => {
  service.ends = { outcome: 'Failed', reason: 'Unreachable', message: 'no answer from hr.acme.example' }
}
const works = () => {
  service.ends = { outcome: 'Complete' }
}
/** Who was mailed that, in the order of addresses. */
const told = () =>
  post.peer.mails
    .slice(begun)
    .map(({ to: [to], parsed }) => ({ to, subject: parsed.subject, text: parsed.text ?? '' }))
    .sort((a, b) => ((a.to ?? '') < (b.to ?? '') ? -1 : 1))
const whom = () => told().map(({ to }) => to)
const BOTH = ['bob@acme.example', 'eva@acme.example']

describe('a directory of which nothing complete was read for two intervals', () => {
  it('is told to each admin once, in their language, with what is wrong and what to do', async () => {
    fails()
    await realm.pass(HOUR + 59 * MINUTE)
    expect(told()).toEqual([])
    await realm.pass(2 * MINUTE)
    expect(told()).toMatchObject([
      { to: 'bob@acme.example', subject: 'acme: the directory hr cannot be read' },
      { to: 'eva@acme.example', subject: 'acme: Das Verzeichnis hr ist nicht zu lesen' },
    ])
    for (const { text } of told())
      for (const said of ['no answer from hr. acme. example', 'Directory/hr', 'roster check directory/hr'])
        expect(text).toContain(said)
    // Neither later, nor by another process.
    await realm.pass(DAY)
    await realm.restart({ ...options, mailer: post.mailer })
    await realm.runAll()
    await realm.pass(5 * DAY)
    expect(whom()).toEqual(BOTH)
  })

  it('is told anew when it was read in between', async () => {
    fails()
    await realm.pass(3 * HOUR)
    works()
    await realm.pass(2 * HOUR)
    fails()
    await realm.pass(HOUR)
    expect(whom()).toEqual(BOTH)
    await realm.pass(3 * HOUR)
    expect(whom()).toEqual([...BOTH, ...BOTH].sort())
  })

  it('is told when the mail server is back, once', async () => {
    fails()
    post.peer.treat('defer', 'defer', 'defer', 'defer')
    await realm.pass(6 * HOUR)
    expect(whom()).toEqual(BOTH)
  })

  it('is told when nothing is frozen any more, unless it was read by then', async () => {
    await acme(true)
    fails()
    await realm.pass(6 * HOUR)
    expect(told()).toEqual([])
    await acme(false)
    await realm.pass(HOUR)
    expect(whom()).toEqual(BOTH)
    works()
    await realm.pass(HOUR)
    await acme(true)
    fails()
    await realm.pass(6 * HOUR)
    works()
    await realm.pass(HOUR)
    await acme(false)
    await realm.pass(DAY)
    expect(whom()).toEqual(BOTH)
  })

  it('is no news after three days', async () => {
    await acme(true)
    fails()
    await realm.pass(4 * DAY)
    await acme(false)
    await realm.pass(DAY)
    expect(told()).toEqual([])
  })
})
