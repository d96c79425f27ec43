import { describe, expect, it } from 'vitest'
import { readExport } from '../../src/manifests/export.ts'
import { API, acme, brief, findingsOf, user } from './reading.ts'

const record = `${API}
kind: Account
metadata: {name: a-1, uid: u-1, resourceVersion: "7", generation: 1, creationTimestamp: 2026-12-01T00:00:00Z}
spec: {address: alice@acme.example, credentialVersion: 0}
`

describe('an export', () => {
  it('holds records, statuses and what a store writes', () => {
    const { resources, findings } = readExport({
      file: 'export.yaml',
      text: `${acme}${record}---\n${user('alice', '{email: alice@acme.example}')}status: {state: Invited}\n`,
    })
    expect(findings).toEqual([])
    expect(resources.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual([
      'Organization/acme',
      'Role/editor',
      'Role/viewer',
      'LicensePool/suite',
      'Account/a-1',
      'User/alice',
    ])
    expect(resources[5]?.status).toEqual({ state: 'Invited' })
  })

  it('may be one List, and skips what is not ours', () => {
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'roster.dev/v1alpha1',
          kind: 'Role',
          metadata: { name: 'r', uid: 'u' },
          spec: { organization: 'acme' },
        },
        { apiVersion: 'v1', kind: 'ConfigMap' },
      ],
    })
    expect(readExport({ file: 'x.json', text }).resources.map(({ metadata }) => metadata.name)).toEqual(['r'])
  })

  it('says where it is none', () => {
    const text = `- a\n---\n${API}\nkind: Usr\n---\n${API}\nkind: User\nmetadata: {}\n---\na: [\n`
    expect(readExport({ file: 'x.yaml', text }).findings.map(brief)).toEqual([
      '1:1 error not-a-manifest',
      '4:7 error unknown-kind',
      '6:1 error missing-field',
      '10:5 error yaml-syntax',
    ])
  })

  it('is what manifests may refer to', async () => {
    const { resources } = readExport({ file: 'export.yaml', text: acme })
    expect(
      await findingsOf(user('bob', '{email: bob@acme.example, memberships: [{organization: acme, roles: [editor]}]}'), {
        base: resources,
      }),
    ).toEqual([])
  })
})
