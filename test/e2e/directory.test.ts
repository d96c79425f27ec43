import { utimesSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Directory } from '../../src/api/directory.ts'
import { manifestsWith } from '../directories/office.ts'
import { eventually, Workplace } from './process.ts'

const MANIFESTS = manifestsWith(
  'hr',
  `  type: File
  file: {path: people.csv, columns: {id: number, email: mail, groups: teams}}
  policy: Observe
`,
)
const LONG_AGO = new Date('2026-01-01T00:00:00Z')

const office = async () => {
  const place = await Workplace.make()
  const files = join(place.folder, 'files')
  await mkdir(join(place.folder, 'acme'))
  await mkdir(files)
  await writeFile(join(place.folder, 'acme', 'acme.yaml'), MANIFESTS)
  const export_ = async (...rows: string[]): Promise<void> => {
    const path = join(files, 'people.csv')
    await writeFile(path, `${['number,mail,teams', ...rows].join('\n')}\n`)
    // An export that has stood still for a while.
    utimesSync(path, LONG_AGO, LONG_AGO)
  }
  return { place, write: export_ }
}

describe('a directory beside a running controller', () => {
  it('is read at the start and when somebody asks, and can be looked into from the command line', async () => {
    const { place, write } = await office()
    await using _ = place
    await write('1,Ann@ACME.example,red', '2,ben@acme.example,red;blue', '3,guest@partner.example,')
    const alone = await place.roster('sync', 'directory/hr')
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('there is no store')])

    const running = await place.run('acme', '--directory-files', 'files')
    const { status } = await place.json<Directory>('get', 'directory', 'hr')
    expect(status).toMatchObject({
      lastSync: { outcome: 'Complete', users: 3, groups: 2, created: 5 },
      people: { declared: 1, unknown: 1, external: 1 },
    })
    await write('1,ann@acme.example,red', '4,dora@acme.example,red')
    const synced = await place.roster('sync', 'dir/hr')
    expect([synced.code, synced.err]).toEqual([0, ''])
    expect(synced.out).toBe(
      [
        'directory/hr: everything was read',
        '  there    2 people, 1 group',
        '  changes  1 new, 0 changed, 3 gone',
        '  of them  1 declared, 1 not declared',
        '',
      ].join('\n'),
    )
    await write()
    const empty = await place.roster('sync', 'hr')
    expect([empty.code, empty.out]).toEqual([1, expect.stringContaining('nobody is taken for gone')])
    expect((await place.json<{ items: unknown[] }>('get', 'directoryrecords')).items).toHaveLength(6)
    const accepted = await place.roster('sync', 'hr', '--allow-empty')
    expect([accepted.code, accepted.out]).toEqual([0, expect.stringContaining('0 new, 0 changed, 3 gone')])
    expect((await running.stop()).code).toBe(0)

    await write('1,ann@acme.example,red')
    const checked = await place.roster('check', 'hr', '--directory-files', 'files')
    expect([checked.code, checked.err]).toEqual([0, ''])
    expect(checked.out).toContain('✓ read people.csv')
    expect(checked.out).toContain('such as  1, ann@acme.example (declared)')
    const without = await place.roster('check', 'hr')
    expect([without.code, without.out]).toEqual([1, expect.stringContaining('--directory-files')])
    const unknown = await place.roster('check', 'hq')
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('did you mean "hr"')])
    const wrong = await place.roster('sync', 'user/ann')
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('roster reconcile')])
    const late = await place.roster('sync', 'hr')
    expect([late.code, late.err]).toEqual([0, expect.stringContaining('No controller runs on this store')])
  }, 120_000)

  it('imports: a plan says beforehand whom it brings, and who is gone loses it as the plan of the guard allows', async () => {
    const { place, write } = await office()
    await using _ = place
    await write('1,ann@acme.example,red', '2,ben@acme.example,red', '3,guest@partner.example,')
    const first = await place.run('acme', '--directory-files', 'files')
    expect((await first.stop()).code).toBe(0)

    const manifests = join(place.folder, 'acme', 'acme.yaml')
    const imports = `  policy: Import
  import: {join: None, roles: [reader], onRemoved: Remove}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: reader}
spec: {organization: acme, allow: ['reports:read']}
`
    await writeFile(manifests, MANIFESTS.replace('  policy: Observe\n', imports))
    expect((await place.roster('validate', 'acme')).code).toBe(0)
    const plan = await place.roster('plan', 'acme')
    expect(plan.out).toMatch(/ann\b.*reader/s)
    expect(plan.out).toContain('ben@acme.example')
    expect(plan.out).toContain('guest@partner.example')

    const running = await place.run('acme', '--directory-files', 'files')
    const { status } = await place.json<Directory>('get', 'directory', 'hr')
    expect(status).toMatchObject({ people: { declared: 1, imported: 3 } })
    expect((await place.roster('can', 'ben@acme.example', 'reports:read', '--in', 'acme')).code).toBe(0)
    const why = await place.roster('why', 'ben@acme.example', 'reader')
    expect(why.out).toContain('given to everybody in Directory/hr (acme.yaml:')

    const checked = await place.roster('check', 'hr', '--directory-files', 'files')
    expect(checked.out).toContain('policy   Import: 3 of them belong to acme by it, or would')
    await write('1,ann@acme.example,red', '3,guest@partner.example,')
    expect((await place.roster('sync', 'hr')).code).toBe(0)
    const canStill = () => place.roster('can', 'ben@acme.example', 'reports:read', '--in', 'acme')
    await eventually(async () => ((await canStill()).code === 1 ? true : undefined), 'ben has lost it', 60_000)
    const gone = await place.roster('why', 'ben@acme.example')
    expect(gone.out).toContain('by directory/hr: Directory/hr no longer has them')
    expect((await running.stop()).code).toBe(0)
  }, 120_000)

  it('is looked into as it would import, with what its mapping makes of people', async () => {
    const { place, write } = await office()
    await using _ = place
    await write('1,ann@old.example,red', '2,ben@old.example,red')
    const imports = `  policy: Import
  import: {join: None, mapping: {email: 'user.email.split("@")[0] + "@acme.example"'}}
`
    await writeFile(join(place.folder, 'acme', 'acme.yaml'), MANIFESTS.replace('  policy: Observe\n', imports))
    expect((await place.roster('apply', 'acme')).code).toBe(0)
    const checked = await place.roster('check', 'hr', '--directory-files', 'files')
    expect(checked.out).toContain('1 declared, 1 not declared')
    expect(checked.out).toContain('policy   Import: 2 of them belong to acme by it, or would')
  }, 60_000)
})
