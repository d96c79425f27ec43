import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { gitReader } from '../../src/source/git.ts'
import type { Revision, SourceReader } from '../../src/source/revision.ts'
import { fakeClock } from '../fakes/clock.ts'
import { describeWith } from '../parts.ts'
import fc from '../properties.ts'
import { organizationYaml, roleYaml, type TestRepository, testRepository } from './repository.ts'

const user = (name: string, given: string) =>
  `apiVersion: roster.dev/v1alpha1\nkind: User\nmetadata: {name: ${name}}\nspec: {email: ${name}@acme.example, givenName: ${given}, memberships: [{organization: acme}]}\n`

describeWith('git', 'a repository that is read again and again', () => {
  let root: string
  let repository: TestRepository
  const readers: SourceReader[] = []

  const reader = (path?: string): SourceReader => {
    const made = gitReader({
      name: `reader-${readers.length}`,
      git: { url: `file://${repository.bare}`, ref: 'main', ...(path !== undefined && { path }) },
      folder: join(root, 'copies'),
      secrets: { read: () => Promise.reject(new Error('no secrets here')) },
      dialer: { resolve: () => Promise.reject(new Error('no network here')) } as never,
      clock: fakeClock(),
      limits: { tree: { entries: 60, file: 400, bytes: 100_000 } },
    })
    readers.push(made)
    return made
  }
  const read = (of: SourceReader, after?: string): Promise<Revision> =>
    of.read({ signal: new AbortController().signal, after }).then(what)
  /** What it says. Who wrote that depends on what was read before. */
  const what = (revision: Revision): Revision =>
    revision.outcome === 'Complete'
      ? { ...revision, manifests: revision.manifests.map(({ manifest, place }) => ({ manifest, place })) }
      : revision

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'roster-changes-'))
    repository = testRepository(join(root, 'served'))
  })
  afterEach(async () => {
    for (const each of readers.splice(0)) await each.close()
    rmSync(root, { recursive: true, force: true })
  })

  /** Files, folders that become files, names whose order is that of bytes, links, what is too large, and what is none. */
  const path = fc.constantFrom(
    'people/a.yaml',
    'people/b.yaml',
    'people/b-1.yaml',
    'people/b/c.yaml',
    'people/ö.yaml',
    'people/\u{1f600}.yaml',
    'people/\uffee.yaml',
    'people/x',
    'people/x/y.yaml',
    'people/.hidden/z.yaml',
    'README.md',
    'other/a.yaml',
  )
  const content = fc.oneof(
    { weight: 6, arbitrary: fc.nat(4).map(n => user(`u${n}`, 'Alice')) },
    { weight: 2, arbitrary: fc.nat(4).map(n => user(`u${n}`, 'Eve')) },
    { weight: 1, arbitrary: fc.nat(2).map(n => roleYaml(`r${n}`)) },
    { weight: 1, arbitrary: fc.constant({ link: 'b.yaml' }) },
    { weight: 1, arbitrary: fc.constant(`# ${'x'.repeat(500)}\n`) },
    { weight: 1, arbitrary: fc.constant('version https://git-lfs.github.com/spec/v1\n') },
    { weight: 1, arbitrary: fc.constant('kind: [') },
    { weight: 3, arbitrary: fc.constant(null) },
  )

  it('says what it says read from the beginning, whatever the commits change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.tuple(path, content), { minLength: 1, maxLength: 3 }), { minLength: 3, maxLength: 5 }),
        async commits => {
          repository.git('checkout', '--quiet', '--orphan', `branch-${readers.length}`)
          repository.git('rm', '-rq', '--cached', '--ignore-unmatch', '.')
          repository.git('clean', '-fdxq')
          repository.commit({ 'people/acme.yaml': organizationYaml })
          repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main')
          const [whole, folder] = [reader(), reader('people')]
          const first = await read(whole)
          await read(folder)
          let after = first.id
          for (const edits of commits) {
            for (const [path, content] of edits) {
              // A file in the way of a folder goes, as a person would take it away.
              if (path.startsWith('people/x/')) repository.commit({ 'people/x': null })
              repository.commit({ [path]: content })
            }
            repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main')
            const [again, below] = [await read(whole, after), await read(folder, after)]
            expect(again).toEqual(await read(reader()))
            expect(below).toEqual(await read(reader('people')))
            after = again.id
          }
        },
      ),
      { numRuns: 6, endOnFailure: true },
    )
  }, 240_000)

  it('is listed as a whole again where too much differs, or the copy was lost', async () => {
    const some = (given: string) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`u${n}.yaml`, user(`u${n}`, given)]))
    const first = repository.commit({ 'acme.yaml': organizationYaml, ...some('Alice') })
    const again = reader()
    await read(again)
    rmSync(join(root, 'copies'), { recursive: true })
    const second = repository.commit(some('Eve'))
    expect(await read(again, first)).toEqual(await read(reader()))
    expect((await read(again, first)).id).toBe(second)
    // More files than may be, of which each commit adds a few.
    for (const from of [20, 40]) {
      repository.commit(
        Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`u${from + n}.yaml`, user(`u${from + n}`, 'Al')])),
      )
      const after = await read(again)
      expect(after).toEqual(await read(reader()))
      expect(after.outcome).toBe(from === 20 ? 'Complete' : 'Failed')
    }
    // What goes makes room for what comes.
    for (const from of [0, 20, 60]) {
      const gone = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`u${from + n}.yaml`, null]))
      const came = Object.fromEntries(
        Array.from({ length: 20 }, (_, n) => [`v${from + n}.yaml`, user(`v${from + n}`, 'Al')]),
      )
      repository.commit(from === 0 ? gone : { ...gone, ...came })
      const after = await read(again)
      expect(after).toEqual(await read(reader()))
      expect(after.outcome).toBe(from === 60 ? 'Failed' : 'Complete')
    }
  }, 60_000)
})
