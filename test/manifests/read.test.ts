import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findFiles } from '../../src/manifests/files.ts'
import { stopsRevision } from '../../src/manifests/finding.ts'
import { readManifests } from '../../src/manifests/read.ts'
import { ACME_LINES, API, acme, brief, findingsOf, read, user } from './reading.ts'

const alice = user('alice', '{email: alice@acme.example, memberships: [{organization: acme, roles: [editor]}]}')

describe('manifests in a text', () => {
  it('come back in order with the line in which they begin', async () => {
    const { resources, findings } = await read(acme + alice)
    expect(findings).toEqual([])
    expect(
      resources.map(
        ({ manifest, origin }) => `${manifest.kind}/${manifest.metadata.name} ${origin.file}:${origin.line}`,
      ),
    ).toEqual([
      'Organization/acme a.yaml:1',
      'Role/editor a.yaml:6',
      'Role/viewer a.yaml:11',
      'LicensePool/suite a.yaml:16',
      `User/alice a.yaml:${ACME_LINES + 1}`,
    ])
  })

  it('may stand in Lists, with the line of each item', async () => {
    const list = `apiVersion: v1
kind: List
items:
  - ${alice.trimEnd().replaceAll('\n', '\n    ')}
  - ${API}
    kind: Role
    metadata: {name: x}
    spec: {organization: acme, alow: []}
`
    const { resources, findings } = await read(acme + list)
    expect(resources.at(-1)?.origin.line).toBe(ACME_LINES + 4)
    expect(findings.map(brief)).toEqual([`${ACME_LINES + 11}:32 error unknown-field`])
    expect(findings[0]?.path).toBe('/spec/alow')
  })

  it('may be JSON', async () => {
    const json = JSON.stringify(
      {
        apiVersion: 'roster.dev/v1alpha1',
        kind: 'Organization',
        metadata: { name: 'acme' },
        spec: { timeZone: 'Europe/Berlin' },
      },
      null,
      '\t',
    )
    const { resources, findings } = await read(json, {}, 'a.json')
    expect(findings).toEqual([])
    expect(resources[0]?.manifest.spec).toEqual({ timeZone: 'Europe/Berlin' })
  })

  it('are nothing where there are only comments and empty documents', async () => {
    const { resources, findings, skipped } = await read('# nothing\n---\n---\n# here\n...\n')
    expect({ resources, findings, skipped }).toEqual({ resources: [], findings: [], skipped: 0 })
  })

  it('do not hide each other when one is broken', async () => {
    const found = await findingsOf(
      `a: [\n---\n${acme}${user('alice', '{email: alice@acme.example, memberships: [{organization: acme, roles: [editr]}]}')}---\n"x\n---\nkind: [\n`,
    )
    expect(found).toEqual([
      expect.stringMatching(/^1:5 error yaml-syntax/),
      expect.stringMatching(/^\d+:\d+ error reference-not-found: role "editr" does not exist; did you mean "editor"\?/),
      expect.stringMatching(/error yaml-syntax/),
      expect.stringMatching(/error yaml-syntax/),
    ])
  })

  it('with errors of their own are left out, and references to them are not dangling', async () => {
    const text = `${API}\nkind: Organization\nmetadata: {name: acme}\nspec: {timezone: UTC}\n---\n${API}\nkind: Role\nmetadata: {name: editor}\nspec: {organization: acme}\n`
    const { resources, findings } = await read(text)
    expect(resources.map(({ manifest }) => manifest.kind)).toEqual(['Role'])
    expect(findings.map(brief)).toEqual(['4:8 error unknown-field'])
  })
})

describe('an object that is not ours', () => {
  it('is skipped and counted when it is well-formed', async () => {
    const text = [
      'v1\nkind: ConfigMap',
      'apps/v1\nkind: Deployment',
      'rbac.authorization.k8s.io/v1\nkind: Role',
      'kustomize.config.k8s.io/v1beta1\nkind: Kustomization',
    ]
      .map(head => `apiVersion: ${head}\nmetadata: {name: x}\n`)
      .join('---\n')
    const { resources, findings, skipped } = await read(text)
    expect({ resources, findings, skipped }).toEqual({ resources: [], findings: [], skipped: 4 })
  })

  it.each<[string, string, RegExp]>([
    ['apiVersion: roster.dv/v1alpha1\nkind: User', 'wrong-group', /write apiVersion: roster.dev\/v1alpha1/],
    ['apiVersion: Roster.dev/v1alpha1\nkind: User', 'wrong-group', /is not our group/],
    ['apiVersion: rotser.dev/v1\nkind: Anything', 'wrong-group', /is not our group/],
    ['apiVersion: v1\nkind: User', 'wrong-group', /is not our group/],
    ['apiVersion: v1alpha1\nkind: user', 'wrong-group', /is not our group/],
    ['apiVersion: roster.dev/v1\nkind: User', 'wrong-group', /not a version/],
    ['apiVersion: roster.dev/v1alpha1\nkind: Usr', 'unknown-kind', /did you mean "User"/],
    ['apiVersion: roster.dev/v1alpha1\nkind: user', 'unknown-kind', /did you mean "User"/],
    ['apiVersion: roster.dev/v1alpha1\nkind: Membership', 'record-in-manifest', /only Roster writes it/],
    ['apiVersion: roster.dev/v1alpha1', 'not-a-manifest', /kind is missing/],
    ['kind: User', 'not-a-manifest', /apiVersion is missing: write/],
    ['kind: 3\napiVersion: v1', 'not-a-manifest', /kind must be text/],
    ['- a\n- b', 'not-a-manifest', /this is a list/],
    ['just text', 'not-a-manifest', /this is a text/],
    ['{}', 'not-a-manifest', /kind is missing/],
    ['apiVersion: v1\nkind: List', 'not-a-manifest', /needs items/],
  ])('is an error where it could be a typo: %j', async (head, rule, message) => {
    const { findings, skipped } = await read(`${head}\n`)
    expect(skipped).toBe(0)
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ severity: 'error', rule, message: expect.stringMatching(message) as unknown })
    expect(findings.some(stopsRevision)).toBe(true)
  })
})

describe('a folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roster-manifests-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (path: string, text: string | Buffer): Promise<void> => {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  const briefs = async (): Promise<string[]> =>
    (await readManifests([{ path: folder }], { relativeTo: folder })).findings.map(
      finding => `${finding.file}:${brief(finding)}`,
    )

  it('is read in the order of names, without hidden files and folders and node_modules', async () => {
    await write('b/users.yml', alice)
    await write('a.yaml', acme)
    await write('.git/x.yaml', '[')
    await write('.hidden.yaml', '[')
    await write('node_modules/x/y.yaml', '[')
    await write('README.md', '[')
    await write('c.JSON', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap' }))
    const { files, resources, findings, skipped } = await readManifests([{ path: folder }], { relativeTo: folder })
    expect(findings).toEqual([])
    expect({ files, skipped }).toEqual({ files: 3, skipped: 1 })
    expect([...new Set(resources.map(({ origin }) => origin.file))]).toEqual(['a.yaml', 'b/users.yml'])
  })

  it('is not left through a symbolic link', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'roster-outside-'))
    await writeFile(join(outside, 'secret.yaml'), '[')
    await write('real/a.yaml', acme)
    await symlink('real/a.yaml', join(folder, 'inside.yaml'))
    await symlink(join(outside, 'secret.yaml'), join(folder, 'out.yaml'))
    await symlink(outside, join(folder, 'outfolder'))
    await symlink('nowhere', join(folder, 'broken.yaml'))
    await symlink('loop.yaml', join(folder, 'loop.yaml'))
    await symlink('..', join(folder, 'real/up'))
    await symlink('/dev/zero', join(folder, 'zero.yaml'))
    const found = await briefs()
    await rm(outside, { recursive: true })
    expect(found.filter(text => !text.includes('duplicate-resource'))).toEqual([
      'broken.yaml:1:1 error symlink-outside',
      'loop.yaml:1:1 error symlink-outside',
      'out.yaml:1:1 error symlink-outside',
      'outfolder:1:1 error symlink-outside',
      'real/up:1:1 warning symlink-folder',
      'zero.yaml:1:1 error symlink-outside',
    ])
  })

  it('are read up to a bound, each and all together', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(folder, `${name}.yaml`), '#'.repeat(400))
    await writeFile(join(folder, 'e.yaml'), '#'.repeat(600))
    const found = await Array.fromAsync(findFiles(folder, { relativeTo: folder, maxBytes: 500, mostBytes: 1000 }))
    // Which of the equal ones are read is nobody's business.
    expect(found.filter(one => 'text' in one)).toHaveLength(2)
    expect(found.flatMap(one => ('finding' in one ? one.finding.rule : []))).toEqual(Array(3).fill('too-large'))
    expect(found.at(-1)).toMatchObject({ finding: { file: 'e.yaml', message: expect.stringContaining('split it') } })
  })

  it.runIf(process.platform === 'linux')('says of a name that is not UTF-8 what is wrong with it', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe]), Buffer.from('.yaml')]), '')
    const { findings } = await readManifests([{ path: folder }])
    expect(findings.map(({ message }) => message)).toEqual(['has a name that is not UTF-8; rename it'])
  })

  it('does not wait for a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')])
    expect(await briefs()).toEqual(['pipe.yaml:1:1 error special-file'])
    const { findings } = await readManifests([{ path: join(folder, 'pipe.yaml') }])
    expect(findings.map(brief)).toEqual(['1:1 error special-file'])
  })

  it('may be missing', async () => {
    const { findings, files } = await readManifests([{ path: join(folder, 'no/where.yaml') }, { path: '/dev/null' }])
    expect(files).toBe(0)
    expect(findings.map(({ rule }) => rule).sort()).toEqual(['special-file', 'unreadable-file'])
  })

  it('says which file is not UTF-8, and reads the others', async () => {
    await write('a.yaml', acme)
    await write('latin.yaml', Buffer.from('name: a\nname: M\xfcller\n', 'latin1'))
    await write('utf16.yaml', Buffer.from('\ufeffa: 1', 'utf16le'))
    await write('nul.yaml', Buffer.from('a: 1\nb: \0'))
    await write('bom.yaml', `\ufeff${alice}`)
    const { findings, resources } = await readManifests([{ path: folder }], { relativeTo: folder })
    expect(findings.map(finding => `${finding.file}:${brief(finding)}`)).toEqual([
      'latin.yaml:2:1 error encoding',
      'nul.yaml:2:1 error encoding',
      'utf16.yaml:1:1 error encoding',
    ])
    expect(resources).toHaveLength(5)
    expect(resources.find(({ origin }) => origin.file === 'bom.yaml')?.origin.line).toBe(1)
  })
})
