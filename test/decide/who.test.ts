import { describe, expect, it } from 'vitest'
import { type Key, type Person, type PersonSource, type PersonSources, whoIs } from '../../src/decide/who.ts'
import fc from '../properties.ts'

const address = (text: string, further: Partial<Key> = {}): Key => ({
  key: `address/${text}`,
  strength: 'Authoritative',
  ...further,
})
const claimed = (text: string): Key => address(text, { strength: 'Claimed' })
const identity = (directory: string, id: string): Key => ({
  key: `id/${directory}/${id}`,
  strength: 'Authoritative',
  decided: true,
})
const declared = (name: string, keys: Key[], further: Partial<PersonSource> = {}): PersonSource => ({
  ref: `User/${name}`,
  is: 'Declared',
  organizations: ['acme'],
  keys,
  ...further,
})
const entry = (directory: string, id: string, keys: Key[], further: Partial<PersonSource> = {}): PersonSource => ({
  ref: `DirectoryRecord/${directory}/${id}`,
  is: 'Directory',
  directory,
  organizations: ['acme'],
  keys: [{ key: `id/${directory}/${id}`, strength: 'Authoritative' }, ...keys],
  ...further,
})
const account = (of: string, keys: Key[] = [], further: Partial<PersonSource> = {}): PersonSource => ({
  ref: `Account/${of}`,
  is: 'Account',
  organizations: [],
  keys: [address(of, { strength: 'Proven' }), ...keys],
  ...further,
})

/** All sources in the order given, as a cache finds them. */
const among = (all: readonly PersonSource[]): PersonSources => ({
  sharing: key => all.filter(({ keys }) => keys.some(one => one.key === key)),
})
const refs = ({ sources }: Person): string[] => sources.map(({ ref }) => ref)
/** Everybody: each person once, by what each source says of itself. */
const everybody = (all: readonly PersonSource[]): string[][] => {
  const people = new Map(
    all.map(source => {
      const person = refs(whoIs(source, among(all)))
      return [person.join(' '), person] as const
    }),
  )
  return [...people.values()].sort((a, b) => (a.join() < b.join() ? -1 : 1))
}
/** Who may be whom, and why nobody said so yet. */
const doubts = (all: readonly PersonSource[]): string[] =>
  [
    ...new Set(
      all.flatMap(source =>
        whoIs(source, among(all)).suspicions.map(
          ({ of, other, key, because }) => `${of.ref} ${other.ref} ${key} ${because}`,
        ),
      ),
    ),
  ].sort()

const alice = declared('alice', [address('alice@acme.example', { invited: true })])
const hr = entry('hr', '77', [address('alice@acme.example')])

describe('one person', () => {
  const cases: [string, PersonSource[], string[][]][] = [
    ['is who has one address for both who decide it', [alice, hr], [['User/alice', 'DirectoryRecord/hr/77']]],
    [
      'is whom two directories of an organization tell of',
      [hr, entry('okta', 'u1', [address('alice@acme.example')])],
      [['DirectoryRecord/hr/77', 'DirectoryRecord/okta/u1']],
    ],
    [
      'is whoever hangs together by different addresses',
      [
        alice,
        entry('hr', '77', [address('alice@acme.example'), address('a.smith@acme.example', { further: true })]),
        entry('okta', 'u1', [address('a.smith@acme.example')]),
      ],
      [['User/alice', 'DirectoryRecord/hr/77', 'DirectoryRecord/okta/u1']],
    ],
    [
      'is who signs in with the address that was invited, in whatever domain it is',
      [declared('bob', [{ ...claimed('bob@mail.example'), invited: true }]), account('bob@mail.example')],
      [['User/bob', 'Account/bob@mail.example']],
    ],
    [
      'is who showed that a further address is theirs',
      [
        alice,
        account('alice@acme.example'),
        account('ally@mail.example', [address('alice@acme.example', { strength: 'Proven', further: true })]),
      ],
      [['User/alice', 'Account/alice@acme.example', 'Account/ally@mail.example']],
    ],
    [
      'is whom a declaration names by the id there',
      [declared('alice', [address('alice@acme.example'), identity('hr', '77')]), entry('hr', '77', [])],
      [['User/alice', 'DirectoryRecord/hr/77']],
    ],
    [
      'may have several ids in one directory where a declaration says so',
      [
        declared('alice', [address('alice@acme.example'), identity('hr', '77'), identity('hr', '78')]),
        hr,
        entry('hr', '78', [address('admin-alice@acme.example')]),
      ],
      [['User/alice', 'DirectoryRecord/hr/77', 'DirectoryRecord/hr/78']],
    ],
    [
      'is the one who is there, where the one before had the same address',
      [
        alice,
        entry('hr', '77', [address('alice@acme.example')], { missing: true }),
        entry('hr', '90', [address('alice@acme.example')]),
      ],
      [['DirectoryRecord/hr/77'], ['User/alice', 'DirectoryRecord/hr/90']],
    ],
    [
      'is the one whose main address it is, where another entry has it as a further one',
      [alice, hr, entry('hr', '90', [address('alice@acme.example', { further: true })])],
      [['DirectoryRecord/hr/90'], ['User/alice', 'DirectoryRecord/hr/77']],
    ],
    [
      'has the name of the declared one, then of who signs in, then the smallest',
      [
        entry('b', '1', [address('x@acme.example')]),
        account('x@acme.example'),
        entry('a', '1', [address('x@acme.example')]),
      ],
      [['Account/x@acme.example', 'DirectoryRecord/a/1', 'DirectoryRecord/b/1']],
    ],
  ]
  it.each(cases)('%s', (_, all, people) => {
    expect(everybody(all)).toEqual(people)
  })

  it('is not who was decided to be another, and nobody asks again', () => {
    const all = [{ ...alice, distinctFrom: ['id/hr/77'] }, hr]
    expect(everybody(all)).toEqual([['DirectoryRecord/hr/77'], ['User/alice']])
    expect(doubts(all)).toEqual([])
  })

  it('is not two declared ones: what would join them belongs to neither', () => {
    const ben = declared('ben', [address('ben@acme.example')])
    const both = entry('hr', '77', [address('alice@acme.example'), address('ben@acme.example', { further: true })])
    expect(everybody([alice, ben, both])).toEqual([['DirectoryRecord/hr/77'], ['User/alice'], ['User/ben']])
    expect(doubts([alice, ben, both])).toEqual([
      'User/alice DirectoryRecord/hr/77 address/alice@acme.example SeveralPeople',
      'User/ben DirectoryRecord/hr/77 address/ben@acme.example SeveralPeople',
    ])
    // What only one of them shares stays theirs.
    const okta = entry('okta', 'u1', [address('ben@acme.example')])
    expect(everybody([alice, ben, both, okta])).toContainEqual(['User/ben', 'DirectoryRecord/okta/u1'])
  })

  it('is not more than can be looked through', () => {
    const chain = Array.from({ length: 70 }, (_, at) =>
      entry(`d${at}`, '1', [address(`n${at}@acme.example`), address(`n${at + 1}@acme.example`, { further: true })]),
    )
    expect(everybody(chain)).toHaveLength(70)
    expect(everybody(chain.slice(0, 64))).toHaveLength(1)
  })
})

describe('what somebody else says makes nobody another', () => {
  it('an alias of a boss in one’s own manifest', () => {
    const boss = entry('hr', '1', [address('boss@acme.example')])
    const eve = declared(
      'eve',
      [address('eve@contractor.example', { invited: true }), { ...claimed('boss@acme.example'), further: true }],
      {
        organizations: ['contractor'],
      },
    )
    const all = [eve, boss, account('boss@acme.example', [], { organizations: ['acme'] })]
    expect(everybody(all)).toEqual([['Account/boss@acme.example', 'DirectoryRecord/hr/1'], ['User/eve']])
    expect(doubts(all)).toEqual([
      'User/eve Account/boss@acme.example address/boss@acme.example Claimed',
      'User/eve DirectoryRecord/hr/1 address/boss@acme.example Claimed',
    ])
    expect(whoIs(boss, among(all)).suspicions.map(({ claimedBy }) => claimedBy.map(({ ref }) => ref))).toContainEqual([
      'User/eve',
    ])
  })

  it('the address of a boss as one’s own in the manifest of another organization', () => {
    const eve = declared('eve', [{ ...claimed('boss@acme.example'), invited: true }], { organizations: ['contractor'] })
    const boss = entry('hr', '1', [address('boss@acme.example')])
    const all = [eve, boss, account('boss@acme.example', [], { organizations: ['acme'] })]
    expect(everybody(all)).toContainEqual(['DirectoryRecord/hr/1'])
  })

  it('an address asserted by a directory outside its domains', () => {
    const outside = entry('partner', '5', [claimed('alice@acme.example')], { organizations: ['partner'] })
    expect(everybody([alice, hr, outside])).toEqual([
      ['DirectoryRecord/partner/5'],
      ['User/alice', 'DirectoryRecord/hr/77'],
    ])
    expect(doubts([alice, outside])).toEqual([
      'User/alice DirectoryRecord/partner/5 address/alice@acme.example Claimed',
    ])
  })

  it('an id that is used again for somebody else', () => {
    const all = [
      declared('alice', [address('alice@acme.example'), identity('hr', '77')]),
      declared('ben', [address('ben@acme.example')]),
      entry('hr', '77', [address('ben@acme.example')]),
    ]
    expect(everybody(all)).toEqual([['DirectoryRecord/hr/77'], ['User/alice'], ['User/ben']])
  })

  it('equal ids in two services', () => {
    const all = [entry('hr', '77', []), entry('okta', '77', []), entry('git-hub', '77', [])]
    expect(everybody(all)).toHaveLength(3)
    expect(doubts(all)).toEqual([])
  })

  it('an address in letters that look the same', () => {
    const looks = entry('hr', '78', [address('аlice@acme.example')])
    expect(everybody([alice, looks])).toHaveLength(2)
  })

  it.each(['Protected', 'Admin'] as const)('%s people are merged by decision only', apart => {
    const boss = { ...alice, apart }
    const okta = entry('okta', 'u1', [address('a.smith@acme.example')])
    const all = [boss, entry('hr', '77', [address('alice@acme.example'), address('a.smith@acme.example')]), okta]
    expect(everybody(all)).toContainEqual(['User/alice'])
    expect(doubts(all)).toContain(`User/alice DirectoryRecord/hr/77 address/alice@acme.example ${apart}`)
    // Whom the decision names, and not what hangs together with them.
    const decided = { ...boss, keys: [...boss.keys, identity('hr', '77')] }
    expect(everybody([decided, ...all.slice(1)])).toEqual([
      ['DirectoryRecord/okta/u1'],
      ['User/alice', 'DirectoryRecord/hr/77'],
    ])
  })

  it('protected people whom only a directory knows are merged by decision only', () => {
    const all = [alice, { ...hr, apart: 'Protected' as const }]
    expect(everybody(all)).toHaveLength(2)
    expect(everybody([{ ...alice, keys: [...alice.keys, identity('hr', '77')] }, ...all.slice(1)])).toHaveLength(1)
  })

  it('people of another organization are merged by decision only, also by way of an account that is in both', () => {
    const partner = declared('ally', [{ ...claimed('alice@acme.example'), invited: true }], {
      organizations: ['partner'],
    })
    const all = [partner, hr, account('alice@acme.example', [], { organizations: ['acme', 'partner'] })]
    expect(everybody(all)).toContainEqual(['DirectoryRecord/hr/77'])
    expect(everybody(all)).toContainEqual(['User/ally', 'Account/alice@acme.example'])
  })

  it('an address that very many entries of a directory have', () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      entry('hr', `${at}`, [address('alice@acme.example', { further: true })]),
    )
    expect(everybody([alice, ...many])).toHaveLength(41)
    // It is nobody's business elsewhere.
    expect(everybody([alice, ...many, entry('okta', '1', [address('alice@acme.example')])])).toContainEqual([
      'User/alice',
      'DirectoryRecord/okta/1',
    ])
  })
})

const STRENGTHS = ['Proven', 'Authoritative', 'Authoritative', 'Claimed'] as const
const arbitrarySources = fc
  .array(
    fc.record({
      is: fc.constantFrom('Declared', 'Directory', 'Directory', 'Account' as const),
      directory: fc.constantFrom('hr', 'okta', 'ldap'),
      organizations: fc.uniqueArray(fc.constantFrom('acme', 'acme', 'partner'), { maxLength: 2 }),
      missing: fc.boolean(),
      apart: fc.option(fc.constantFrom('Protected', 'Admin' as const), { nil: undefined, freq: 8 }),
      addresses: fc.uniqueArray(
        fc.record({
          at: fc.nat(5),
          strength: fc.constantFrom(...STRENGTHS),
          further: fc.boolean(),
          invited: fc.boolean(),
        }),
        { maxLength: 3, selector: ({ at }) => at },
      ),
      identities: fc.uniqueArray(fc.nat(9), { maxLength: 1 }),
      distinct: fc.uniqueArray(fc.nat(9), { maxLength: 1 }),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map(all =>
    all.map(({ is, directory, organizations, missing, apart, addresses, identities, distinct }, at): PersonSource => {
      const keys = addresses.map(({ at: number, strength, further, invited }) =>
        address(`n${number}@acme.example`, {
          strength: is === 'Account' ? 'Proven' : strength === 'Proven' ? 'Authoritative' : strength,
          ...(further && { further }),
          ...(is === 'Declared' && invited && { invited }),
        }),
      )
      const id = (number: number) => `id/${all[number]?.directory}/${number}`
      const rest = { organizations, keys, ...(apart && { apart }) }
      if (is === 'Directory')
        return entry(directory, `${at}`, keys, { organizations, ...(missing && { missing }), ...(apart && { apart }) })
      if (is === 'Account') return { ref: `Account/${at}`, is, ...rest }
      return {
        ref: `User/${at}`,
        is: 'Declared',
        ...rest,
        keys: [
          ...keys,
          ...identities.map(number => ({ key: id(number), strength: 'Authoritative', decided: true }) as const),
        ],
        distinctFrom: distinct.map(id),
      }
    }),
  )

describe('who is who, whatever there is', () => {
  it('is the same in whatever order sources come, and whichever is asked', () => {
    fc.assert(
      fc.property(
        arbitrarySources.chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(everybody(shuffled)).toEqual(everybody(all))
          expect(doubts(shuffled)).toEqual(doubts(all))
          // Each source is in one person.
          expect(everybody(all).flat().sort()).toEqual(all.map(({ ref }) => ref).sort())
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('comes back when what came in between is taken away', () => {
    fc.assert(
      fc.property(arbitrarySources, fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 30 }), (all, turns) => {
        const there = new Set(all)
        const seen = new Map<string, string>()
        for (const [at, comes] of turns) {
          const source = all[at % all.length] as PersonSource
          if (comes) there.add(source)
          else there.delete(source)
          const now = JSON.stringify([everybody([...there]), doubts([...there])])
          const state = [...there]
            .map(({ ref }) => ref)
            .sort()
            .join(' ')
          expect(seen.get(state) ?? now).toBe(now)
          seen.set(state, now)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('never makes two declared ones one, nor anybody of whom only a claim is known, nor who was decided to be another', () => {
    fc.assert(
      fc.property(arbitrarySources, all => {
        for (const source of all) {
          const { sources } = whoIs(source, among(all))
          expect(sources.filter(({ is }) => is === 'Declared').length).toBeLessThanOrEqual(1)
          const surely = (one: PersonSource) =>
            new Set(one.keys.flatMap(key => (key.strength === 'Claimed' && !key.invited ? [] : key.key)))
          for (const one of sources) {
            if (sources.length > 1)
              expect(sources.some(other => other !== one && !surely(one).isDisjointFrom(surely(other)))).toBe(true)
            for (const other of sources.filter(({ ref }) => ref !== one.ref)) {
              const keys = one.keys.filter(({ strength }) => strength !== 'Claimed').map(({ key }) => key)
              expect(other.distinctFrom?.some(key => keys.includes(key)) ?? false).toBe(false)
            }
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('is not changed by what only claims', () => {
    fc.assert(
      fc.property(arbitrarySources, fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }), (all, numbers) => {
        const claimer = entry(
          'outside',
          '1',
          numbers.map(number => claimed(`n${number}@acme.example`)),
          {
            organizations: ['outside'],
          },
        )
        const before = all.map(source => refs(whoIs(source, among(all))))
        expect(all.map(source => refs(whoIs(source, among([...all, claimer]))))).toEqual(before)
      }),
      { numRuns: 500 },
    )
  })
})
