import { describe, expect, it } from 'vitest'
import type { AnyResource } from '../../src/api/kinds.ts'
import type { ReadOptions } from '../../src/manifests/read.ts'
import { API, acme, findingsOf, read, user } from './reading.ts'

const resource = (kind: string, name: string, spec: string): string =>
  `${API}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n---\n`
const messages = async (text: string, options?: ReadOptions): Promise<string[]> =>
  (await findingsOf(text, options)).map(found => found.replace(/^\S+ /, ''))

/** A reseller with two clients; the second is not confirmed by anybody. */
const tree =
  resource('Organization', 'holding', '{children: [acme, beta], domains: [holding.example]}') +
  resource('Organization', 'acme', '{parent: holding, domains: [acme.example]}') +
  resource('Organization', 'beta', '{parent: holding}') +
  resource('Role', 'support', '{organization: holding}') +
  resource('Role', 'editor', '{organization: acme}') +
  resource('Group', 'ops', '{organization: acme, roles: [editor]}')

describe('a reference', () => {
  it.each<[string, string[]]>([
    [
      user('a', '{email: a@x.example, memberships: [{organization: amce}]}'),
      ['error reference-not-found: organization "amce" does not exist; did you mean "acme"?'],
    ],
    [
      user('a', '{email: a@x.example, memberships: [{organization: acme, roles: [editr, viewer]}]}'),
      [
        'error reference-not-found: role "editr" does not exist; did you mean "editor"?',
        'error reference-not-found: role "viewer" does not exist',
      ],
    ],
    [
      user('a', '{email: a@x.example, licenses: [{pool: suite}]}'),
      ['error reference-not-found: pool "suite" does not exist'],
    ],
    [
      resource('Group', 'g', '{organization: acme, members: [nobody], groups: [opps]}'),
      [
        'error reference-not-found: user "nobody" does not exist',
        'error reference-not-found: group "opps" does not exist; did you mean "ops"?',
      ],
    ],
    [
      resource(
        'LicensePool',
        'p',
        '{organization: acme, product: x, seats: 1, selector: {roles: [edtor]}, priority: [{groups: [oops]}]}',
      ),
      [
        'error reference-not-found: role "edtor" does not exist; did you mean "editor"?',
        'error reference-not-found: group "oops" does not exist; did you mean "ops"?',
      ],
    ],
    [
      resource('Organization', 'gamma', '{children: [delta]}'),
      ['warning reference-not-found: organization "delta" does not exist'],
    ],
    [
      resource('Invitation', 'i', '{email: a@x.example, organization: acme, invitedBy: bob}'),
      ['error reference-not-found: user "bob" does not exist'],
    ],
  ])('to what is not there: %.120s', async (text, expected) => {
    expect(await messages(tree + text)).toEqual(expected)
  })

  it.each<[string, string[]]>([
    [user('a', '{email: a@x.example, memberships: [{organization: acme, roles: [editor, support]}]}'), []],
    [
      user('a', '{email: a@x.example, memberships: [{organization: beta, roles: [editor]}]}'),
      [
        'error reference-out-of-reach: role "editor" belongs to organization "acme" and can be given only there and below, not in "beta"',
      ],
    ],
    [
      user('a', '{email: a@x.example, memberships: [{organization: holding, roles: [editor]}]}'),
      [
        'error reference-out-of-reach: role "editor" belongs to organization "acme" and can be given only there and below, not in "holding"',
      ],
    ],
    [
      resource('Invitation', 'i', '{email: a@x.example, organization: beta, roles: [editor]}'),
      [
        'error reference-out-of-reach: role "editor" belongs to organization "acme" and can be given only there and below, not in "beta"',
      ],
    ],
    [
      resource('Group', 'g', '{organization: beta, roles: [editor], groups: [ops]}'),
      [
        'error reference-out-of-reach: group "ops" belongs to organization "acme"; groups hold groups of their own organization only',
        'error reference-out-of-reach: role "editor" belongs to organization "acme" and can be given only there and below, not in "beta"',
      ],
    ],
    [
      resource(
        'LicensePool',
        'p',
        '{organization: beta, product: x, seats: 1, selector: {roles: [editor], groups: [ops]}}',
      ),
      [
        'error reference-out-of-reach: group "ops" belongs to organization "acme", and the pool to "beta"',
        'error reference-out-of-reach: nobody in organization "beta" can hold role "editor" of "acme"',
      ],
    ],
    [
      resource(
        'LicensePool',
        'p',
        '{organization: holding, shared: true, product: x, seats: 1, selector: {roles: [editor], groups: [ops]}}',
      ),
      [],
    ],
  ])('across organizations: %.120s', async (text, expected) => {
    expect((await messages(tree + text)).sort()).toEqual(expected)
  })

  it('may be to what the store holds already', async () => {
    const base = (await read(tree)).resources.map(({ manifest }) => manifest) as unknown as AnyResource[]
    const text = user(
      'a',
      '{email: a@x.example, memberships: [{organization: acme, roles: [editor]}, {organization: beta, roles: [editor]}]}',
    )
    expect(await messages(text, { base })).toEqual([expect.stringMatching(/^error reference-out-of-reach/)])
    expect(await messages(text)).toHaveLength(4)
  })

  it('is not looked at when only the documents are to be judged', async () => {
    expect(
      await messages(user('a', '{email: a@x.example, memberships: [{organization: nowhere}]}'), { references: false }),
    ).toEqual([])
  })
})

describe('a hierarchy', () => {
  it('needs the word of both sides', async () => {
    const text = resource('Organization', 'gamma', '{parent: acme}')
    expect(await messages(tree + text)).toEqual([
      'error parent-not-confirmed: organization "acme" does not name "gamma" in spec.children, so it is not its parent',
    ])
  })

  it('may not run in a circle, and each circle is said once', async () => {
    const organizations =
      resource('Organization', 'a', '{parent: b, children: [c]}') +
      resource('Organization', 'b', '{parent: c, children: [a]}') +
      resource('Organization', 'c', '{parent: a, children: [b]}')
    expect(await messages(organizations)).toEqual(['error reference-cycle: a cycle: a → b → c → a'])
    const groups =
      resource('Group', 'x', '{organization: acme, groups: [ops, w]}') +
      resource('Group', 'w', '{organization: acme, groups: [x]}') +
      resource('Group', 'z', '{organization: acme, groups: [z, x]}')
    expect(await messages(tree + groups)).toEqual([
      'error reference-cycle: a cycle: w → x → w',
      'error reference-cycle: group "z" contains itself',
    ])
  })

  it('may be ten thousand groups deep', async () => {
    const groups = Array.from({ length: 10_000 }, (_, at) =>
      resource('Group', `g${at}`, `{organization: acme, groups: [g${at + 1}]}`),
    ).join('')
    expect(await messages(tree + groups + resource('Group', 'g10000', '{organization: acme}'))).toEqual([])
    expect(
      await messages(tree + groups + resource('Group', 'g10000', '{organization: acme, groups: [g9999]}')),
    ).toEqual(['error reference-cycle: a cycle: g10000 → g9999 → g10000'])
  })

  it('has one owner for each domain, however it is written', async () => {
    const text =
      resource('Organization', 'one', '{domains: [Bücher.example]}') +
      resource('Organization', 'two', '{domains: [xn--bcher-kva.EXAMPLE]}')
    expect(await messages(text)).toEqual([
      'error duplicate-domain: the domain xn--bcher-kva.EXAMPLE belongs to organization "one" already (a.yaml:1); a domain has one owner',
    ])
  })
})

describe('people', () => {
  it('have addresses of their own', async () => {
    const text =
      user('alice', '{email: alice@acme.example, aliases: [Alice@ACME.example, al@acme.example]}') +
      '---\n' +
      user('bob', '{email: AL@acme.example}')
    expect(await messages(text)).toEqual([
      'warning duplicate-address: Alice@ACME.example is an address of this user already',
      'error duplicate-address: AL@acme.example is an address of user "alice" already (a.yaml:1); one address is one person',
    ])
  })

  it('are one user for each entry of a directory, which is not somebody else at once', async () => {
    const hr = resource(
      'Directory',
      'hr',
      '{organization: acme, type: File, file: {path: p.csv, columns: {id: nr}}, policy: Observe}',
    )
    const says = (name: string, rest: string) => user(name, `{email: ${name}@acme.example, ${rest}}`)
    const both = '{directory: hr, id: "77"}'
    expect(
      await messages(
        tree +
          hr +
          says('alice', `identities: [${both}, {directory: hr, name: ASmith}, {directory: hr, name: asmith}]`) +
          '---\n' +
          says('ben', `identities: [${both}], distinctFrom: [${both}]`) +
          '---\n' +
          says('cid', 'identities: [{directory: rh, id: "1"}, {directory: hr}, {directory: hr, id: "2", name: x}]') +
          '---\n' +
          says('dan', 'distinctFrom: [{directory: hr, id: "78"}]'),
      ),
    ).toMatchInlineSnapshot(`
      [
        "warning duplicate-identity: asmith of directory "hr" is named twice",
        "error duplicate-identity: 77 of directory "hr" is said to be this user, and in distinctFrom to be somebody else",
        "error duplicate-identity: 77 of directory "hr" is user "alice" already (a.yaml:36); one account is one person",
        "error rule-broken: either \`id\` or \`name\` is needed, and not both",
        "error rule-broken: either \`id\` or \`name\` is needed, and not both",
      ]
    `)
  })

  it.each<[string, string, boolean]>([
    ['2026-12-01', '2026-11-30', false],
    ['2026-12-01', '2026-12-01', true],
    ['2026-12-01T10:00:00Z', '2026-12-01T09:00:00Z', false],
    ['2026-12-01T00:30:00+01:00', '2026-11-30', true],
  ])('belong from %s until %s: %s', async (from, until, valid) => {
    const found = await messages(
      tree + user('a', `{email: a@x.example, memberships: [{organization: acme, from: "${from}", until: "${until}"}]}`),
    )
    expect(found).toEqual(
      valid ? [] : [`error invalid-period: the membership ends (${until}) before it begins (${from})`],
    )
  })

  it('get nothing from a group or pool of an organization that they do not belong to', async () => {
    const text =
      user('a', '{email: a@x.example, licenses: [{pool: suite}]}') +
      '---\n' +
      resource('Group', 'g', '{organization: acme, members: [a]}')
    expect(await messages(acme + text)).toEqual([
      'warning member-without-membership: declares no membership in organization "acme", whose seats pool "suite" has',
      'warning member-without-membership: user "a" declares no membership in organization "acme", and gets nothing from the group without one',
    ])
  })
})

describe('a set', () => {
  it('holds each resource once', async () => {
    const broken = `${API}\nkind: Role\nmetadata: {name: editor}\nspec: {organization: acme, alow: []}\n`
    expect(await messages(`${acme}${resource('Role', 'editor', '{organization: acme}')}${broken}`)).toEqual([
      'error duplicate-resource: Role "editor" stands twice: also at a.yaml:6',
      'error duplicate-resource: Role "editor" stands twice: also at a.yaml:6',
      'error unknown-field: spec.alow is not a field of Role; did you mean "allow"?',
    ])
  })

  it('is one realm', async () => {
    const text = `${API}\nkind: Organization\nmetadata: {name: a, namespace: x}\nspec: {}\n---\n${API}\nkind: Organization\nmetadata: {name: b}\nspec: {}\n`
    expect(await messages(text)).toEqual([
      'error mixed-namespaces: is in no namespace, and a.yaml:1 in namespace "x"; one set of manifests is one realm',
    ])
  })

  it('has expressions, permissions and mail texts that work', async () => {
    const text =
      resource('Group', 'g', `{organization: acme, membersWhere: 'user.lables.team == "x"'}`) +
      resource(
        'Role',
        'r',
        '{organization: acme, allow: ["users:raed", "documents:anything", "users:*"], deny: ["guard:aprove"]}',
      ) +
      resource('Organization', 'o', '{mail: {templates: {welcome: "Hi {{ nobody }}"}}}')
    const checkTemplate: ReadOptions['checkTemplate'] = (name, template) => [
      { message: `${name}: ${template.slice(6, 12)}`, line: 1, column: 7 },
    ]
    expect(await findingsOf(acme + text, { checkTemplate })).toEqual([
      '24:43 error invalid-expression: user has no lables; it has name, labels, email, external, locale, givenName, familyName',
      '29:36 error unknown-permission: "users:raed": users has no verb "raed"; did you mean "read"?',
      '29:91 error unknown-permission: "guard:aprove": guard has no verb "aprove"; did you mean "approve"?',
      '34:43 error invalid-template: welcome: nobody',
    ])
  })

  it('says what nothing uses only where it is asked', async () => {
    expect(await messages(acme)).toEqual([])
    expect(await messages(acme, { strict: true })).toEqual([
      'info unused: nobody gets this role',
      'info unused: nobody gets this role',
      'info unused: the pool has no selector, and no user names it',
    ])
  })
})
