import { describe, expect, it } from 'vitest'
import { type Importable, manifestsOf } from '../../src/decide/importing.ts'

const found = (change: Partial<Importable> = {}): Importable => ({
  organization: 'Acme-GmbH',
  people: [
    { login: 'Ann', id: '1', email: 'Ann@acme.example', displayName: 'Ann Meyer', owner: true },
    { login: 'ben', id: '2', owner: false },
  ],
  teams: [],
  notTaken: [],
  ...change,
})
const into = (addresses: Record<string, string> = {}) => ({
  organization: 'acme',
  directory: 'github',
  addresses: new Map(Object.entries(addresses)),
})
const written = (importable: Importable, addresses?: Record<string, string>) => {
  const { manifests, notTaken } = manifestsOf(importable, into(addresses))
  const of = (kind: string) =>
    Object.fromEntries(manifests.filter(one => one.kind === kind).map(({ metadata, spec }) => [metadata.name, spec]))
  return { users: of('User'), groups: of('Group'), directories: of('Directory'), notTaken }
}

describe('what is imported', () => {
  it('is known here by the id there, and asked for nothing', () => {
    const { users, directories, groups, notTaken } = written(found())
    expect(users).toEqual({
      ann: {
        email: 'Ann@acme.example'.toLowerCase(),
        displayName: 'Ann Meyer',
        identities: [{ directory: 'github', id: '1' }],
        memberships: [{ organization: 'acme', join: 'None' }],
      },
    })
    expect(groups).toEqual({
      owners: { organization: 'acme', displayName: 'Owners of Acme-GmbH on GitHub', members: ['ann'] },
    })
    expect(directories).toMatchObject({ github: { policy: 'Observe', github: { organization: 'Acme-GmbH' } } })
    expect(notTaken).toEqual(['ben: no address is known'])
  })

  it('takes an address that is given before one that is shown, and a login where there is no id', () => {
    const people = [{ login: 'Ben', email: 'shown@home.example', owner: false }]
    const { users } = written(found({ people }), { ben: 'ben@acme.example' })
    expect(users).toMatchObject({
      ben: { email: 'ben@acme.example', identities: [{ directory: 'github', name: 'Ben' }] },
    })
  })

  it('is no two people with one address, and nobody with an address that is none', () => {
    const people = [
      { login: 'ann', email: 'ann@acme.example', owner: false },
      { login: 'bot', email: 'ANN@acme.example', owner: false },
      { login: 'cid', email: 'nowhere', owner: false },
    ]
    const { users, notTaken } = written(found({ people }))
    expect(Object.keys(users)).toEqual(['ann'])
    expect(notTaken).toEqual(['bot: has the address of ann', 'cid: the address "nowhere" is none'])
  })

  it('gives each a name of its own, whatever they are called', () => {
    const people = ['a_b', 'a-b', 'A.B'].map(login => ({ login, email: `${login}@acme.example`, owner: false }))
    const teams = ['Größe + Maß', '大江', 'owners'].map(name => ({ name, members: [], maintainers: [], further: [] }))
    const { users, groups } = written(
      found({ people: [...people, { login: 'z', email: 'z@acme.example', owner: true }], teams }),
    )
    expect(Object.keys(users)).toEqual(['a-b', 'a-b-2', 'a-b-3', 'z'])
    expect(Object.keys(groups).sort()).toEqual(['gro-e-ma', 'owners', 'owners-2', 'unnamed'])
  })

  it('has teams in teams, and lists what a group does not hold', () => {
    const teams = [
      { name: 'all', members: ['ann', 'ben', 'ANN'], maintainers: ['ann'], further: ['that it is secret'] },
      { name: 'inner', parent: 'all', members: ['ann'], maintainers: [], further: [] },
    ]
    const { groups, notTaken } = written(found({ teams }))
    expect(groups).toMatchObject({
      all: { organization: 'acme', members: ['ann'], groups: ['inner'] },
      inner: { members: ['ann'] },
    })
    expect(notTaken).toEqual([
      'ben: no address is known',
      'team all: that it is secret',
      'team all: who maintains it (ann)',
      'team all: without ben, who are not taken',
    ])
  })
})
