import { describe, expect, it } from 'vitest'
import { API, acme, findingsOf, read, user } from './reading.ts'

/** Findings as `what stands there | rule: message`. */
const placed = async (text: string): Promise<string[]> => {
  const { findings, line } = await read(text)
  return findings.map(finding => {
    const there = (line(finding.file, finding.line) ?? '').slice(finding.column - 1)
    return `${/^(?:"(?:[^"\\]|\\.)*"|[[{]|[^,:}\]]*)/.exec(there)?.[0]} | ${finding.severity} ${finding.rule}: ${finding.message}`
  })
}
const ofUser = (spec: string): Promise<string[]> => placed(acme + user('alice', spec))
const organization = (spec: string): Promise<string[]> =>
  placed(`${API}\nkind: Organization\nmetadata: {name: acme}\nspec:\n${spec}`)

describe('a manifest against its schema', () => {
  it.each<[string, string[]]>([
    [
      '{emial: a@acme.example}',
      [
        '{ | error missing-field: spec.email is missing: Where mail goes. Unique in a realm. A changed address is unproven until a link sent to it was used.',
        'emial | error unknown-field: spec.emial is not a field of User; did you mean "email"?',
      ],
    ],
    [
      '{email: a@acme.example, roles: [editor]}',
      ['roles | error unknown-field: spec.roles is not a field of User; there is spec.memberships[].roles'],
    ],
    [
      '{email: a@acme.example, givenName: 007}',
      ['007 | error wrong-type: spec.givenName must be text: write "007" in quotes'],
    ],
    [
      '{email: a@acme.example, givenName: 1e3}',
      ['1e3 | error wrong-type: spec.givenName must be text: write "1e3" in quotes'],
    ],
    [
      '{email: a@acme.example, givenName: true}',
      ['true | error wrong-type: spec.givenName must be text: write "true" in quotes'],
    ],
    [
      '{email: a@acme.example, givenName: yes}',
      ['yes | warning ambiguous-scalar: kubectl reads yes as true or false: write "yes" in quotes'],
    ],
    [
      '{email: a@acme.example, givenName: }',
      ['givenName | error wrong-type: spec.givenName is empty: give it a value or leave it out'],
    ],
    [
      '{email: a@acme.example, givenName: null}',
      ['null | error wrong-type: spec.givenName is empty: give it a value or leave it out'],
    ],
    [
      '{email: a@acme.example, givenName: ""}',
      ['"" | error out-of-bounds: spec.givenName is empty: give it a value or leave it out'],
    ],
    [
      '{email: a@acme.example, givenName: [a]}',
      ['[ | error wrong-type: spec.givenName must be one text, and is a list'],
    ],
    [
      '{email: a@acme.example, aliases: b@acme.example}',
      ['b@acme.example | error wrong-type: spec.aliases must be a list: write [b@acme.example]'],
    ],
    [
      '{email: a@acme.example, suspended: "true"}',
      ['"true" | error wrong-type: spec.suspended must be true or false: write it without quotes'],
    ],
    [
      '{email: a@acme.example, licenses: [{pool: suite, quantity: "2"}]}',
      ['"2" | error wrong-type: spec.licenses[0].quantity must be a number: write 2 without quotes'],
    ],
    [
      '{email: a@acme.example, licenses: [{pool: suite, quantity: 200}]}',
      ['200 | error out-of-bounds: spec.licenses[0].quantity is 200, and must be at most 100'],
    ],
    [
      '{email: "Alice <a@acme.example>"}',
      [
        '"Alice <a@acme.example>" | error invalid-address: spec.email: "Alice <a@acme.example>" is not one mail address of the form name@domain',
      ],
    ],
    [
      '{email: "a@acme.example,b@acme.example"}',
      [
        '"a@acme.example,b@acme.example" | error invalid-address: spec.email: "a@acme.example,b@acme.example" is not one mail address of the form name@domain',
      ],
    ],
    [
      '{email: "a@acme.example\\r\\nBcc: b@acme.example"}',
      [
        '"a@acme.example\\r\\nBcc: b@acme.example" | warning hidden-characters: spec.email holds the invisible character \\r; take it out',
        '"a@acme.example\\r\\nBcc: b@acme.example" | error invalid-address: spec.email: "a@acme.example\\r\\nBcc: b@acme.example" is not one mail address of the form name@domain',
      ],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: acme, join: invitation}]}',
      [
        'invitation | error not-a-choice: spec.memberships[0].join: "invitation" is none of Invitation, Account, None; did you mean "Invitation"?',
      ],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: ACME}]}',
      [
        'ACME | error wrong-format: spec.memberships[0].organization: "ACME" cannot be a name: lower-case letters, digits, "-" and "." only, beginning and ending with a letter or digit',
      ],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: acme, until: 2026-02-30}]}',
      ['2026-02-30 | error invalid-date: spec.memberships[0].until: there is no 2026-02-30 in the calendar'],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: acme, until: tomorrow}]}',
      [
        'tomorrow | error wrong-format: spec.memberships[0].until: "tomorrow" is no date: write it like 2026-12-01 or 2026-12-01T09:00:00Z',
      ],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: acme}, {organization: acme, roles: [editor]}]}',
      ['{ | error duplicate-item: spec.memberships has two entries for organization "acme"; make one of them'],
    ],
    [
      '{email: a@acme.example, memberships: [{organization: acme, roles: [editor, editor]}]}',
      ['editor | warning duplicate-item: "editor" stands twice in spec.memberships[0].roles'],
    ],
    [
      '{email: a@acme.example, displayName: "Bob\\u202egnp"}',
      [
        '"Bob\\u202egnp" | warning hidden-characters: spec.displayName holds the invisible character \\u202e; take it out',
      ],
    ],
    ['[]', ['[ | error wrong-type: spec must be an object with fields']],
  ])('User %s', async (spec, expected) => {
    expect(await ofUser(spec)).toEqual(expected)
  })

  it.each<[string, string[]]>([
    [
      '  invitations: {validFor: 90d}',
      ['90d | error wrong-format: spec.invitations.validFor: "90d" is no duration: write it like 24h, 90m or 1h30m'],
    ],
    ['  invitations: {validFor: 10s}', ['10s | error rule-broken: must be between 1m and 720h']],
    ['  invitations: {validFor: 721h}', ['721h | error rule-broken: must be between 1m and 720h']],
    ['  invitations: {validFor: 720h}', []],
    [
      '  domains: [a.example, b.example, a.example]',
      [
        '[ | error rule-broken: a domain is named twice',
        'a.example | warning duplicate-item: "a.example" stands twice in spec.domains',
      ],
    ],
    ['  customerId: 10042', ['10042 | error wrong-type: spec.customerId must be text: write "10042" in quotes']],
    ['  customerId: 0123', ['0123 | error wrong-type: spec.customerId must be text: write "0123" in quotes']],
    [
      '  timeZone: Europe/Berln',
      ['Europe/Berln | error unknown-time-zone: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?'],
    ],
    [
      '  portal: {homeUrl: "javascript:alert(1)"}',
      [
        '"javascript:alert(1)" | error wrong-format: spec.portal.homeUrl: "javascript:alert(1)" is not of the right form: Where people go after joining.',
      ],
    ],
  ])('Organization %s', async (spec, expected) => {
    expect(await organization(spec)).toEqual(expected)
  })

  it('is judged in all its parts at once', async () => {
    const text = `${API}\nkind: User\nmetadata: {name: Alice, label: {a: b}}\nspec: {email: x, foo: 1}\nstatus: {}\nroles: []\n`
    expect((await findingsOf(text)).map(found => found.split(':').slice(0, 2).join(':'))).toEqual([
      '3:18 error invalid-metadata',
      '3:25 error unknown-field',
      '4:15 error invalid-address',
      '4:18 error unknown-field',
      '5:1 error status-in-manifest',
      '6:1 error unknown-field',
    ])
  })

  it('shows fifty findings of one document, and counts the others', async () => {
    const fields = Array.from({ length: 500 }, (_, index) => `  field${index}: 1`).join('\n')
    const found = await findingsOf(`${API}\nkind: Organization\nmetadata: {name: acme}\nspec:\n${fields}\n`)
    expect(found).toHaveLength(51)
    expect(found.at(-1)).toMatch(/too-many-findings: and 450 more in this document/)
  })
})

describe('metadata', () => {
  const withMetadata = (metadata: string): Promise<string[]> =>
    findingsOf(`${API}\nkind: Organization\nmetadata: ${metadata}\nspec: {}\n`)

  it.each<[string, RegExp]>([
    ['{name: Acme}', /3:18 error invalid-metadata: "Acme" cannot be a name: lower-case letters, digits and "-" only/],
    ['{name: acme.example}', /3:18 error invalid-metadata: .*cannot be a name/],
    [
      `{name: ${'a'.repeat(51)}}`,
      /3:18 error invalid-metadata: metadata.name has 51 characters; a Organization may have at most 50/,
    ],
    ['{name: 42}', /3:18 error wrong-type: metadata.name must be text: write "42" in quotes/],
    ['{}', /3:11 error missing-field: metadata.name is missing/],
    ['[]', /3:11 error wrong-type: metadata must be an object/],
    ['{name: acme, uid: x}', /3:24 error reserved-metadata: metadata.uid is written by the store/],
    ['{generateName: acme-, name: acme}', /3:12 error unknown-field: .*give every resource its name/],
    ['{name: acme, lables: {}}', /3:24 error unknown-field: .*did you mean "labels"/],
    ['{name: acme, namespace: Team A}', /3:35 error invalid-metadata: "Team A" cannot be a namespace/],
    ['{name: acme, labels: {a: 1}}', /3:36 error wrong-type: metadata.labels.a must be text: write "1" in quotes/],
    ['{name: acme, labels: {a b: c}}', /3:33 error invalid-metadata: "a b" cannot be the key of a label/],
    ['{name: acme, labels: {Ex.com/a: c}}', /error invalid-metadata: "Ex.com\/a" cannot be the key/],
    [`{name: acme, labels: {a: ${'b'.repeat(64)}}}`, /error invalid-metadata: .*cannot be the value of a label/],
    [
      '{name: acme, labels: {roster.dev/source: x}}',
      /error reserved-metadata: the label roster.dev\/source is written by Roster/,
    ],
    ['{name: acme, labels: {app.kubernetes.io/managed-by: x}}', /error reserved-metadata/],
    [
      '{name: acme, annotations: {roster.dev/resendRequestedAt: x}}',
      /error reserved-metadata: .*has no place in a manifest/,
    ],
    ['{name: acme, annotations: {roster.dev/requestedAt: x}}', /error reserved-metadata/],
    ['{name: acme, annotations: {roster.dev/puase: x}}', /error reserved-metadata: .*did you mean "roster.dev\/pause"/],
    [
      `{name: acme, annotations: {a: "${'x'.repeat(262_144)}"}}`,
      /error invalid-metadata: annotations have 262145 bytes/,
    ],
  ])('%.60s', async (metadata, expected) => {
    const found = await withMetadata(metadata)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(expected)
  })

  it.each([
    '{name: a-1}',
    '{name: acme, labels: {a: b, example.com/c: ""}, annotations: {Example.com/x: "1", roster.dev/pause: "true", roster.dev/orphan: "true"}}',
    '{name: acme, namespace: team-a}',
  ])('%s is fine', async metadata => {
    expect(await withMetadata(metadata)).toEqual([])
  })
})

describe('a rule on what was before', () => {
  const group = (organization: string): string =>
    `${API}\nkind: Group\nmetadata: {name: platform}\nspec: {organization: ${organization}}\n`

  it('is judged where the object before is known', async () => {
    const before = (await read(`${acme}${group('acme')}`)).resources.map(({ manifest }) => manifest)
    const base = before as unknown as NonNullable<Parameters<typeof read>[1]>['base']
    const changed = `${acme.replaceAll('acme', 'umbrella')}${group('umbrella')}`
    expect(
      (await findingsOf(changed, { ...(base ? { base } : {}) })).filter(text => text.includes('cannot-change')),
    ).toEqual([
      expect.stringMatching(/error cannot-change: organization cannot be changed; make a new resource instead/),
      expect.stringMatching(/error cannot-change/),
      expect.stringMatching(/error cannot-change/),
      expect.stringMatching(/error cannot-change/),
    ])
    expect(await findingsOf(changed.replaceAll('umbrella', 'acme'), { ...(base ? { base } : {}) })).toEqual([])
  })
})
