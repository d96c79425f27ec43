import { describe, expect, it } from 'vitest'
import { PeribolosError, readPeribolos } from '../../src/manifests/peribolos.ts'

const team = (name: string, change = {}) => ({ name, members: [], maintainers: [], further: [], ...change })

describe('a configuration of peribolos', () => {
  it('is a folder for each organization, with teams in files beneath it', () => {
    const read = readPeribolos({
      'config/kubernetes/org.yaml':
        'admins: [ann]\nmembers: [ben, Ann2, 4711, ann]\ndescription: Kubernetes\nrepos: {}\n',
      'config/kubernetes/sig-node/teams.yaml': `teams:
  sig-node:
    description: Node
    privacy: secret
    maintainers: [ann]
    members: [ben]
    previously: [node, nodes]
    repos: {kubelet: admin}
    teams:
      sig-node-leads: {members: [ben]}
`,
      'config/other/org.yaml': 'members: [cid]\nteams: {all: }\n',
    })
    expect(read).toEqual([
      {
        organization: 'kubernetes',
        people: [
          { login: 'ann', owner: true },
          { login: 'ben', owner: false },
          { login: 'Ann2', owner: false },
          { login: '4711', owner: false },
        ],
        teams: [
          team('sig-node', {
            members: ['ann', 'ben'],
            maintainers: ['ann'],
            further: [
              'its description',
              'that it is secret',
              'its former names node, nodes',
              'what it may do in repositories',
            ],
          }),
          team('sig-node-leads', { parent: 'sig-node', members: ['ben'] }),
        ],
        notTaken: ['of the organization: description, repos'],
      },
      { organization: 'other', people: [{ login: 'cid', owner: false }], teams: [team('all')], notTaken: [] },
    ])
  })

  it('is one file with organizations', () => {
    const read = readPeribolos({ 'all.yaml': 'orgs:\n  acme: {admins: [ann], teams: {red: {members: [ann]}}}\n' })
    expect(read).toMatchObject([
      { organization: 'acme', people: [{ login: 'ann', owner: true }], teams: [{ name: 'red' }] },
    ])
  })

  it.each([
    ['a: [', /a.yaml/],
    ['admins: ann', /admins are no list/],
    ['admins: [{a: b}]', /no login/],
    ['teams: [red]', /teams are no mapping/],
    ['teams: {red: [ann]}', /team red is no mapping/],
    ['admins: [ann]\n---\nadmins: [ben]', /several documents/],
  ])('is refused with the file where it is none: %j', (text, message) => {
    const reading = () => readPeribolos({ 'a.yaml/org.yaml': text })
    expect(reading).toThrow(PeribolosError)
    expect(reading).toThrow(message)
  })

  it('has no teams of nobody', () => {
    expect(() => readPeribolos({ 'teams.yaml': 'teams: {red: {}}' })).toThrow(/teams.yaml.*no org.yaml/)
  })
})
