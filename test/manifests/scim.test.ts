import { describe, expect, it } from 'vitest'
import { API, acme, findingsOf } from './reading.ts'

/** What is said of a Directory of SCIM: the rules, without their places. */
const said = async (spec: string): Promise<string[]> => {
  const text = `${acme}${API}\nkind: Directory\nmetadata: {name: crm}\nspec: {organization: acme, policy: Observe, ${spec}}\n`
  return (await findingsOf(text)).map(finding => finding.replace(/^\d+:\d+ /, ''))
}
const token = 'tokenSecretRef: {name: crm, key: token}'
const scim = (more: string, url = 'https://crm.acme.example/scim/v2') =>
  said(`type: SCIM, scim: {url: '${url}', ${[token, more].filter(Boolean).join(', ')}}`)

describe('a directory of SCIM in a manifest', () => {
  it.each([
    'https://crm.acme.example',
    'https://crm.acme.example:8443/t/1/scim/v2/',
    'http://127.0.0.1:8080/v2',
    'http://localhost/v2',
    'http://[::1]:80',
  ])('may be at %s', async url => {
    expect(await scim('', url)).toEqual([])
  })

  it.each([
    'http://crm.acme.example/scim',
    'http://localhost.evil.example/',
    'https://me:secret@crm.acme.example/',
    'https://crm.acme.example/?a=b',
    'ftp://crm.acme.example',
    'crm.acme.example',
  ])('may not be at %s', async url => {
    expect(await scim('', url)).toEqual([expect.stringContaining('url')])
  })

  it('has its own block, and no other', async () => {
    expect(await said(`type: SCIM, ldap: {url: ldaps://a, users: {base: dc=a}}`)).toEqual([
      expect.stringContaining('the one block that belongs to the type is needed'),
    ])
    expect(await said(`type: SCIM, scim: {url: 'https://a.example'}`)).toEqual([
      expect.stringContaining('tokenSecretRef'),
    ])
  })

  it('has no groups where the service does not tell who is in them', async () => {
    for (const profile of ['AWS', 'GitLab']) {
      expect(await scim(`profile: ${profile}`)).toEqual([])
      expect(await scim(`profile: ${profile}, groups: {}`)).toEqual([expect.stringContaining('leave groups out')])
    }
    expect(await scim('profile: WSO2, groups: {members: OneByOne}')).toEqual([])
  })

  it('has limits of requests, which a file does not have', async () => {
    const requests = 'requests: {perSecond: 5, concurrency: 2}'
    expect(await said(`type: SCIM, scim: {url: 'https://a.example', ${token}}, ${requests}`)).toEqual([])
    expect(await said(`type: File, file: {path: a.csv, columns: {id: id}}, ${requests}`)).toEqual([
      expect.stringContaining('is for services that are asked over HTTP'),
    ])
  })
})
