import { describe, expect, it } from 'vitest'
import { featuresOf, membersToldOf } from '../../../src/directories/scim/features.ts'
import { type Member, membersOf } from '../../../src/directories/scim/groups.ts'
import { Known } from '../../../src/directories/scim/known.ts'

describe('members of a group of SCIM', () => {
  it.each<[string, unknown, Member]>([
    [
      'with a type and a reference, as RFC 7643 section 8.4 has them',
      { value: '2819', $ref: 'https://example.com/v2/Users/2819', type: 'User', display: 'Babs' },
      { id: '2819', of: 'User' },
    ],
    ['a group, in any case', { value: '6c5b', type: 'group' }, { id: '6c5b', of: 'Group' }],
    [
      'by the reference alone, as GitHub has them',
      { value: '92b5', $ref: 'https://api.github.example/scim/v2/enterprises/corp/Users/92b5', display: 'cat' },
      { id: '92b5', of: 'User' },
    ],
    [
      'by the end of a reference, as Databricks has them',
      { value: '27', $ref: 'Groups/27', display: 'admins' },
      { id: '27', of: 'Group' },
    ],
    [
      'that are neither, as its service principals',
      { value: '27', $ref: 'ServicePrincipals/27' },
      { id: '27', of: 'Other' },
    ],
    ['by a reference without a value', { $ref: '../Users/a%20b' }, { id: 'a b', of: 'User' }],
    ['with a type that says something else', { value: '1', type: 'direct' }, { id: '1' }],
    ['by the value alone, as WSO2 has them', { value: 'cf86', display: 'admin' }, { id: 'cf86' }],
    ['that are a number', { value: 12 }, { id: '12' }],
    ['that are text', 'u1', { id: 'u1' }],
  ])('are read %s', (_, told, member) => {
    expect(membersOf({ members: [told] })).toEqual({ members: [member], unnamed: 0 })
  })

  it('are not known where the service says nothing of them, and none where it says so', () => {
    expect(membersOf({ displayName: 'g' })).toBeUndefined()
    expect(membersOf({ members: null })).toBeUndefined()
    expect(membersOf({ members: [] })).toEqual({ members: [], unnamed: 0 })
  })

  it('are each there once, and counted where they have no id', () => {
    const told = [{ value: 'a', type: 'User' }, { value: 'a', type: 'User' }, {}, null, { display: 'x' }]
    expect(membersOf({ members: told })).toEqual({ members: [{ id: 'a', of: 'User' }], unnamed: 3 })
  })
})

describe('what is known during a read', () => {
  const known = new Known()
  known.users.add('u').add('both')
  known.groups.add('g').add('both')
  const group = (...members: Member[]) => ({ id: 'x', name: 'X', members })

  it('tells people from groups, by what the service says and else by who is there', () => {
    const told = group({ id: 'g' }, { id: 'u' }, { id: 'both', of: 'Group' }, { id: 'both', of: 'User' })
    expect(known.group(told)).toEqual({ id: 'x', name: 'X', users: ['both', 'u'], groups: ['both', 'g'] })
  })

  it('takes one that could be either for a person', () => {
    expect(known.group(group({ id: 'both' }))).toMatchObject({ users: ['both'], groups: [] })
  })

  it('leaves out what is neither, and nobody else as long as more may come', () => {
    expect(known.group(group({ id: 'u', of: 'Other' }))).toMatchObject({ users: [], groups: [] })
    for (const stranger of [{ id: 'new' }, { id: 'u', of: 'Group' } as const, { id: 'g', of: 'User' } as const]) {
      expect(known.group(group({ id: 'u' }, stranger))).toBeUndefined()
      expect(known.knownPart(group({ id: 'u' }, stranger))).toMatchObject({ users: ['u'], groups: [] })
    }
  })
})

describe('what a service says of itself', () => {
  it('is read as RFC 7643 section 8.5 and RFC 9865 section 4 have it', () => {
    const config = {
      filter: { supported: true, maxResults: 200 },
      pagination: { cursor: true, index: true, defaultPageSize: 100, maxPageSize: 250 },
    }
    expect(featuresOf(config)).toEqual({ told: true, cursor: true, maxPageSize: 250, filter: true })
    expect(featuresOf({ filter: { supported: false, maxResults: 200 } })).toEqual({
      told: true,
      cursor: false,
      maxPageSize: 200,
      filter: false,
    })
  })

  it('may be nothing, or nonsense', () => {
    expect(featuresOf(undefined)).toEqual({ told: false, cursor: false })
    const nonsense = { filter: 'yes', pagination: [], authenticationSchemes: 7 }
    expect(featuresOf(nonsense)).toEqual({ told: true, cursor: false })
    expect(featuresOf({ filter: { maxResults: 0 } })).toEqual({ told: true, cursor: false })
  })

  it('tells whether members must be asked for by name, as Keycloak does', () => {
    const schema = (returned: unknown) => ({ attributes: [{ name: 'displayName' }, { name: 'members', returned }] })
    expect(membersToldOf(schema('request'))).toBe('request')
    expect(membersToldOf(schema('Default'))).toBe('default')
    expect(membersToldOf(schema('never'))).toBe('never')
    expect(membersToldOf(schema('sometimes'))).toBeUndefined()
    expect(membersToldOf({ attributes: 'none' })).toBeUndefined()
    expect(membersToldOf(undefined)).toBeUndefined()
  })
})
