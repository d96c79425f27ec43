import { describe, expect, it } from 'vitest'
import type { PeopleTable } from '../../src/manifests/columns.ts'
import { readManifests } from '../../src/manifests/read.ts'
import { acme, brief } from './reading.ts'

const table = async (text: string, tables: PeopleTable[] = [], file = 'people.csv') => {
  const { resources, findings, ...rest } = await readManifests(
    [
      { file: 'a.yaml', text: acme },
      { file, text },
    ],
    { tables },
  )
  return {
    ...rest,
    users: resources.filter(({ manifest }) => manifest.kind === 'User'),
    findings: findings.map(finding => `${brief(finding)}: ${finding.message}`),
  }
}

describe('a table of people', () => {
  it('has its lines counted as an editor counts them, also where cells hold line breaks of Windows', async () => {
    const text = 'email,givenName\r\n"a@acme.example","A\r\nB"\r\nb@acme.example,B\r\n"c'
    const { users, findings } = await table(text)
    expect(users.map(({ origin }) => origin.line)).toEqual([2, 4])
    expect(findings).toEqual([expect.stringMatching(/^5:1 error table-row/)])
  })

  it('is one User a row, with its line', async () => {
    const { users, findings } =
      await table(`name,email,givenName,familyName,locale,organization,roles,join,from,until,label:team
alice,alice@acme.example,Alice,"Smith, Dr.",de,acme,editor;viewer,None,2026-12-01,2027-01-31,platform

,Bob.B+x@acme.example,,,,acme,editor viewer,,,,
carol,carol@partner.example
`)
    expect(findings).toEqual([])
    expect(users.map(({ manifest, origin }) => [origin.line, manifest.metadata, manifest.spec])).toEqual([
      [
        2,
        { name: 'alice', labels: { team: 'platform' } },
        {
          email: 'alice@acme.example',
          givenName: 'Alice',
          familyName: 'Smith, Dr.',
          locale: 'de',
          memberships: [
            {
              organization: 'acme',
              roles: ['editor', 'viewer'],
              join: 'None',
              from: '2026-12-01',
              until: '2027-01-31',
            },
          ],
        },
      ],
      [
        4,
        { name: 'bob.b-x' },
        { email: 'Bob.B+x@acme.example', memberships: [{ organization: 'acme', roles: ['editor', 'viewer'] }] },
      ],
      [5, { name: 'carol' }, { email: 'carol@partner.example' }],
    ])
  })

  it('has findings in the cell that is wrong', async () => {
    const { findings } = await table(
      `email,organization,roles\nalice@acme.example,acme,editr\n"bob@acme.example, eve@acme.example",acme,\ncarol@acme.example,acmee,viewer\n`,
    )
    expect(findings).toEqual([
      '2:25 error reference-not-found: role "editr" does not exist; did you mean "editor"?',
      '3:2 error invalid-address: spec.email: "bob@acme.example, eve@acme.example" is not one mail address of the form name@domain',
      '4:20 error reference-not-found: organization "acmee" does not exist; did you mean "acme"?',
    ])
  })

  it('loses one row where one row is broken', async () => {
    const { users, findings } = await table(
      `email,organization\nalice@acme.example,acme\nbob@acme.example,acme,too,many\n,acme\ndan@acme.example,acme\ncarol@acme.example,"ac"me\n`,
    )
    expect(users.map(({ manifest }) => manifest.metadata.name)).toEqual(['alice', 'dan'])
    expect(findings).toEqual([
      '3:1 error table-row: the row has 4 cells, and the header 2; put cells with commas in quotes',
      '4:1 error table-row: the row has no email',
      expect.stringMatching(/^6:1 error table-row: /),
    ])
  })

  it.each<[string, RegExp]>([
    [
      'id,amount\n1,2\n',
      /1:1 error table-header: no column is called email, so this is no table of people; rename the columns, describe the file under "tables"/,
    ],
    [
      'email,givenname,Abteilung\na@x.example,a,b\n',
      /"givenname", "Abteilung" is no column of a table of people; did you mean "givenName"\?/,
    ],
    ['email,email\na@x.example,b\n', /the column "email" stands twice/],
    ['', /the table is empty/],
    ['E-Mail;Name\na@x.example;A\n', /no column is called email: the cells are set apart by ";" here; save/],
  ])('is refused as a whole where its header is not ours: %j', async (text, message) => {
    const { users, findings } = await table(text)
    expect(users).toEqual([])
    expect(findings).toEqual([expect.stringMatching(message)])
  })

  it('may have headers of its own where the configuration names them', async () => {
    const hr: PeopleTable = {
      file: 'hr.csv',
      columns: { email: 'E-Mail', givenName: 'Vorname', 'label:team': 'Abteilung' },
      defaults: { organization: 'acme', roles: 'viewer' },
      delimiter: ';',
    }
    const { users, findings } = await table(
      'Personalnummer;E-Mail;Vorname;Abteilung\n7;alice@acme.example;Alice;design\n',
      [hr],
      'export/hr.csv',
    )
    expect(findings).toEqual([])
    expect(users.map(({ manifest }) => [manifest.metadata, manifest.spec])).toEqual([
      [
        { name: 'alice', labels: { team: 'design' } },
        { email: 'alice@acme.example', givenName: 'Alice', memberships: [{ organization: 'acme', roles: ['viewer'] }] },
      ],
    ])
    const missing = await table('Personalnummer;Mail\n7;alice@acme.example\n', [hr], 'export/hr.csv')
    expect(missing.findings).toEqual([
      '1:1 error table-header: the configured column "E-Mail" is not in the header: "Personalnummer", "Mail"',
    ])
  })

  it('asks for names where two addresses would give one', async () => {
    const { findings } = await table('email\nsam@acme.example\nsam@partner.example\n')
    expect(findings).toEqual([
      expect.stringMatching(/^3:1 error duplicate-resource: User "sam" stands twice: also at people.csv:2/),
    ])
  })
})
