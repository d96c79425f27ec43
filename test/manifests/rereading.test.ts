import { describe, expect, it } from 'vitest'
import { type FileReading, readManifests, readText } from '../../src/manifests/read.ts'
import { type JudgedSet, judgeAgain } from '../../src/manifests/rereading.ts'
import fc from '../properties.ts'

const document = (kind: string, name: string, spec: object, namespace?: string) =>
  JSON.stringify({
    apiVersion: 'roster.dev/v1alpha1',
    kind,
    metadata: { name, ...(namespace && { namespace }) },
    spec,
  })

/** Few names, so that documents refer to each other, and miss each other. */
const name = fc.constantFrom('a', 'b', 'c')
const names = fc.uniqueArray(name, { maxLength: 2 })
/** Rarely what would not fit, so that sets are sound for a while. */
const seldom = <T>(usual: T, odd: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd })
const user = name.chain(called =>
  fc
    .record({
      called: seldom(called, name),
      address: seldom(called, name),
      aliases: seldom([] as string[], names),
      organization: seldom(called, name),
      roles: seldom([called], names),
      pools: seldom([called], names),
      namespace: seldom<string | undefined>(undefined, fc.constant('other')),
    })
    .map(({ called: name, address, aliases, organization, roles, pools, namespace }) => ({
      file: `${called}.yaml`,
      text: document(
        'User',
        name,
        {
          email: `${address}@acme.example`,
          aliases: aliases.map(alias => `${alias}.too@acme.example`),
          memberships: [{ organization, roles }],
          licenses: pools.map(pool => ({ pool, quantity: 1 })),
        },
        namespace,
      ),
    })),
)
const others = fc.oneof(
  name.map(name => document('Organization', name, { displayName: name })),
  fc
    .record({ name, parent: name, children: names })
    .map(({ name, parent, children }) => document('Organization', name, { parent, children })),
  fc.record({ name, organization: name }).map(({ name, organization }) => document('Role', name, { organization })),
  fc
    .record({ name, organization: name, members: names, groups: names, roles: names })
    .map(({ name, ...spec }) => document('Group', name, spec)),
  fc
    .record({ name, organization: name, invitedBy: name })
    .map(({ name, organization, invitedBy }) =>
      document('Invitation', name, { email: `${name}@partner.example`, organization, invitedBy }),
    ),
  fc
    .record({ name, organization: name })
    .map(({ name, organization }) => document('LicensePool', name, { organization, product: 'x', seats: 1 })),
  fc.constant('kind: ['),
  fc.constant(document('User', 'a', { email: 7 })),
)
const file = fc.constantFrom('a.yaml', 'b.yaml', 'c.yaml', 'd.yaml', 'base/groups.yaml', 'base/roles.yaml')
/** Mostly people, as in life. */
const edit: fc.Arbitrary<{ file: string; text: readonly string[] | undefined }> = fc.oneof(
  { weight: 12, arbitrary: user.map(({ file, text }) => ({ file, text: [text] })) },
  { weight: 2, arbitrary: fc.record({ file, text: fc.constant(undefined) }) },
  { weight: 1, arbitrary: fc.record({ file, text: fc.array(others, { minLength: 1, maxLength: 2 }) }) },
)

/** A set in which everything fits, to begin with. */
const ALL = ['a', 'b', 'c']
const START: readonly [string, string[]][] = [
  ['base/organization.yaml', ALL.map(each => document('Organization', each, {}))],
  ['base/roles.yaml', ALL.map(each => document('Role', each, { organization: each }))],
  ['base/pools.yaml', ALL.map(each => document('LicensePool', each, { organization: each, product: 'x', seats: 9 }))],
  ['base/groups.yaml', [document('Group', 'a', { organization: 'a', members: ['a'] })]],
  ...ALL.map((each): [string, string[]] => [
    `${each}.yaml`,
    [document('User', each, { email: `${each}@acme.example`, memberships: [{ organization: each, roles: [each] }] })],
  ]),
]

describe('a set of which some files were read again', () => {
  it('says what it says read from the beginning, whatever was edited', async () => {
    let shortcuts = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(edit, { minLength: 1, maxLength: 2 }), { maxLength: 8 }), async commits => {
        const texts = new Map<string, string>()
        const readings = new Map<string, FileReading>()
        let judged: JudgedSet | undefined
        const write = (path: string, documents: readonly string[] | undefined): void => {
          if (documents === undefined) {
            texts.delete(path)
            readings.delete(path)
            return
          }
          const text = documents.join('\n---\n')
          if (texts.get(path) === text) return
          texts.set(path, text)
          readings.set(path, readText({ file: path, text }))
        }
        for (const [path, documents] of START) write(path, documents)
        for (const edits of [[], ...commits]) {
          for (const { file, text } of edits) write(file, text)
          const files = [...readings].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reading]) => reading)
          const again = judgeAgain(files, judged)
          if (judged?.sound && again.judged.sound) shortcuts += 1
          judged = again.judged
          const whole = await readManifests(
            [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, text]) => ({ file, text })),
          )
          expect(again.result.findings).toEqual(whole.findings)
          expect(again.result.resources.map(({ manifest }) => manifest)).toEqual(
            whole.resources.map(({ manifest }) => manifest),
          )
        }
      }),
      { numRuns: 500 },
    )
    // The way that is taken in life is one of those that were taken here.
    expect(shortcuts).toBeGreaterThan(200)
  })
})
