import { describe, expect, it } from 'vitest'
import type { ScimDirectory } from '../../../src/api/services/scim.ts'
import { readAll } from '../../contract/directory.ts'
import { type Answer, type Answering, stand, TOKEN } from '../../peers/scim.ts'
import { driverFor } from './reading.ts'

type Resource = Readonly<Record<string, unknown>>
const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error'
const people = (count: number): Resource[] =>
  Array.from({ length: count }, (_, index) => ({ id: `u${index}`, userName: `login${index}` }))
const list = (Resources: readonly Resource[], more: Resource = {}): Answer => ({
  body: { schemas: [LIST], totalResults: Resources.length, Resources, ...more },
})
const error = (status: number, more: Resource = {}): Answer => ({
  status,
  body: { schemas: [ERROR], status: `${status}`, ...more },
})

/** A page by index of all there are. */
const paged = (all: readonly Resource[], query: URLSearchParams, more: Resource = {}): Answer => {
  const start = Number(query.get('startIndex') ?? 1) - 1
  return list(all.slice(start, start + Number(query.get('count') ?? all.length)), { totalResults: all.length, ...more })
}

/** Reads a service that answers so. */
const read = async (answering: Answering, spec: Partial<ScimDirectory> = {}) => {
  await using service = await stand(answering)
  const driver = driverFor(service.url, { spec: { pageSize: 4, ...spec } })
  try {
    return { ...(await readAll(driver)), asked: service.asked }
  } finally {
    await driver.close()
  }
}

const check = async (answering: Answering, spec: Partial<ScimDirectory> = {}) => {
  await using service = await stand(answering)
  const driver = driverFor(service.url, { spec })
  try {
    return await driver.check({ signal: new AbortController().signal })
  } finally {
    await driver.close()
  }
}

/** Users as given, and no groups. */
const onlyUsers =
  (users: (query: URLSearchParams) => Answer): Answering =>
  ({ path, query }) =>
    path === '/Users' ? users(query) : path === '/Groups' ? list([]) : undefined

describe('a list of SCIM', () => {
  it.each([0, 1, 3, 4, 5, 8, 9])(
    'of %i people is complete by index, with at most one page more than it has',
    async count => {
      const { outcome, users, asked } = await read(onlyUsers(query => paged(people(count), query)))
      expect(outcome).toMatchObject({ outcome: 'Complete' })
      expect(users.map(user => user.id)).toEqual(people(count).map(user => user['id']))
      const pages = asked.filter(path => path.startsWith('/Users')).length
      expect(pages).toBe(Math.floor(count / 4) + 1)
    },
  )

  it('goes on from what came, where pages are smaller than was asked for', async () => {
    const { outcome, users } = await read(
      onlyUsers(query => {
        const start = Number(query.get('startIndex')) - 1
        return list(people(9).slice(start, start + 2), { totalResults: 9, itemsPerPage: 4 })
      }),
    )
    expect([outcome.outcome, users.length]).toEqual(['Complete', 9])
  })

  it.each([4, 9])('is complete where the service sends all %i at once, whatever it is asked for', async count => {
    const { outcome, users } = await read(onlyUsers(() => list(people(count))))
    expect([outcome.outcome, users.length]).toEqual(['Complete', count])
  })

  it('is complete where a service refuses to look behind its last page', async () => {
    const { outcome } = await read(
      onlyUsers(query => (query.get('startIndex') === '1' ? paged(people(4), query) : error(404))),
    )
    expect(outcome.outcome).toBe('Complete')
  })

  it('follows a cursor that nobody asked for, and asks for the first page with an empty one where the service says so', async () => {
    const byCursor = (query: URLSearchParams): Answer => {
      const start = Number((query.get('cursor') ?? '').slice(1) || 0)
      const next = start + 4 < 9 ? { nextCursor: `c${start + 4}` } : {}
      return { body: { schemas: [LIST], itemsPerPage: 4, Resources: people(9).slice(start, start + 4), ...next } }
    }
    const one = await read(onlyUsers(byCursor))
    expect([one.outcome.outcome, one.users.length]).toEqual(['Complete', 9])
    const other = await read(args =>
      args.path === '/ServiceProviderConfig'
        ? { body: { pagination: { cursor: true, index: true } } }
        : onlyUsers(byCursor)(args),
    )
    expect([other.outcome.outcome, other.users.length]).toEqual(['Complete', 9])
    expect(other.asked.filter(path => path.startsWith('/Users'))).toEqual([
      '/Users?cursor=&count=4',
      '/Users?cursor=c4&count=4',
      '/Users?cursor=c8&count=4',
    ])
  })

  it('takes an empty page by cursor for a page, and the last one may have no list at all', async () => {
    const pages: Resource[] = [
      { Resources: people(2), nextCursor: 'a' },
      { Resources: [], nextCursor: 'b' },
      { schemas: [LIST], itemsPerPage: 0 },
    ]
    const { outcome, users } = await read(
      onlyUsers(query => ({ body: pages[{ '': 0, a: 1, b: 2 }[query.get('cursor') ?? ''] ?? 0] })),
    )
    expect([outcome.outcome, users.length]).toEqual(['Complete', 2])
  })

  it('asks for no more at once than the service says it tells', async () => {
    const said = (config: Resource) => async (spec: Partial<ScimDirectory>) =>
      (
        await read(
          ({ path, query }) =>
            path === '/ServiceProviderConfig'
              ? { body: config }
              : onlyUsers(() => paged([], query))({ path, query, token: '' }),
          spec,
        )
      ).asked.filter(path => path.includes('count'))
    const unlimited = { pageSize: undefined } as unknown as Partial<ScimDirectory>
    expect(await said({})(unlimited)).toEqual(['/Users?startIndex=1&count=100', '/Groups?startIndex=1&count=100'])
    expect(await said({ filter: { maxResults: 2000 } })(unlimited)).toEqual([
      '/Users?startIndex=1&count=500',
      '/Groups?startIndex=1&count=100',
    ])
    expect(await said({ pagination: { maxPageSize: 20 } })({ pageSize: 50 })).toEqual([
      '/Users?startIndex=1&count=20',
      '/Groups?startIndex=1&count=20',
    ])
  })

  it('of 10,000 people, with groups of 3,000 in circles, takes as many requests as it has pages and a few more', async () => {
    const all = people(10_000)
    const members = all.slice(0, 3000).map(({ id }) => ({ value: id, type: 'User' }))
    const groups = Array.from({ length: 20 }, (_, index) => ({
      id: `g${index}`,
      displayName: `Group ${index}`,
      members: [...members, { value: `g${(index + 1) % 20}`, type: 'Group' }],
    }))
    const answering: Answering = ({ path, query }) => {
      if (path === '/ServiceProviderConfig') return { body: { filter: { supported: true, maxResults: 1000 } } }
      return path === '/Users' ? paged(all, query) : path === '/Groups' ? paged(groups, query) : undefined
    }
    const { outcome, users, groups: told } = await read(answering, { pageSize: 500 })
    // What it says of itself and of groups, a page behind the last one of people, and one page of groups.
    expect(outcome).toEqual({ outcome: 'Complete', requests: 10_000 / 500 + 4 })
    expect([users.length, told.length]).toEqual([10_000, 20])
    for (const { users, groups } of told) expect([users.length, groups.length]).toEqual([3000, 1])
  })

  it('sends a filter as it is', async () => {
    const { asked } = await read(
      onlyUsers(query => paged([], query)),
      {
        users: { filter: 'emails[type eq "work" and value co "@acme.example"] or a eq "b+c&d"' },
        groups: { filter: 'displayName sw "Team"' },
      },
    )
    expect(asked).toContain(
      '/Users?filter=emails%5Btype%20eq%20%22work%22%20and%20value%20co%20%22%40acme.example%22%5D%20or%20a%20eq%20%22b%2Bc%26d%22&startIndex=1&count=4',
    )
    expect(asked).toContain('/Groups?filter=displayName%20sw%20%22Team%22&startIndex=1&count=4')
  })
})

describe('a list of SCIM that cannot be right', () => {
  const outcomeOf = async (users: (query: URLSearchParams) => Answer) => {
    const { outcome, users: told } = await read(onlyUsers(users))
    return { ...outcome, told: told.length }
  }

  it.each<
    [string, (query: URLSearchParams) => Answer, { outcome?: string; reason: string; told: number; says: string }]
  >([
    [
      'has fewer people than it says',
      query => paged(people(8), query, { totalResults: 9 }),
      { reason: 'Incomplete', told: 8, says: 'sent 8 of the 9 people that it says it has' },
    ],
    [
      'counts only what it sends',
      query => paged(people(9), query, { totalResults: 4 }),
      { reason: 'Incomplete', told: 9, says: 'sent more people than it says' },
    ],
    [
      'begins at the same place each time',
      () => list(people(4), { totalResults: 9 }),
      {
        reason: 'Incomplete',
        told: 4,
        says: 'sent 4 of the 9 people that it says it has, and some of them more than once',
      },
    ],
    [
      'moves while it is read',
      query => (query.get('startIndex') === '1' ? paged(people(9), query) : paged(people(9).slice(1), query)),
      { reason: 'Retrying', told: 8, says: 'changed while they were read (9 at first, then 8)' },
    ],
    [
      'names one person twice',
      query => paged([...people(8), { id: 'u0', userName: 'again' }], query),
      {
        reason: 'Incomplete',
        told: 8,
        says: 'sent 8 of the 9 people that it says it has, and some of them more than once',
      },
    ],
    [
      'has people without an id',
      query => paged([...people(4), { userName: 'x' }, { id: '' }, { id: {} }], query),
      { reason: 'NotAllowed', told: 4, says: 'sent 3 of its people without an id' },
    ],
    [
      'has a cursor that comes back',
      query => list(people(9).slice(query.get('cursor') ? 4 : 0, 9), { nextCursor: 'same' }),
      { reason: 'NotAllowed', told: 9, says: 'goes round in circles' },
    ],
    [
      'has ever new cursors for the same page',
      query => list(people(2), { nextCursor: `${query.get('cursor') ?? ''}x` }),
      { reason: 'NotAllowed', told: 2, says: 'goes round in circles' },
    ],
    [
      'has ever new cursors for nobody',
      query => list([], { nextCursor: `${query.get('cursor') ?? ''}x` }),
      { outcome: 'Failed', reason: 'NotAllowed', told: 0, says: '100 empty pages' },
    ],
    [
      'forgot its cursor',
      query => (query.get('cursor') ? error(400, { scimType: 'expiredCursor' }) : list(people(4), { nextCursor: 'x' })),
      { reason: 'Retrying', told: 4, says: 'no longer knows where the last page ended' },
    ],
    [
      'breaks off with a page of a proxy',
      query =>
        query.get('startIndex') === '1' ? paged(people(9), query) : { type: 'text/html', body: '<html>Sign in</html>' },
      { reason: 'NotAllowed', told: 4, says: 'something that is no JSON' },
    ],
  ])('%s', async (_, users, { outcome = 'Partial', reason, told, says }) => {
    expect(await outcomeOf(users)).toMatchObject({ outcome, reason, told, message: expect.stringContaining(says) })
  })

  it.each<[string, Answer, string, string]>([
    ['nothing', { status: 204, body: '' }, 'NotAllowed', 'answered /Users with nothing'],
    ['text', { body: '"hello"' }, 'NotAllowed', 'JSON of another kind'],
    ['a list of its own', { body: people(3) }, 'NotAllowed', 'JSON of another kind'],
    ['something else', { body: { message: 'hello' } }, 'NotAllowed', 'no list'],
    ['people who are no list', { body: { totalResults: 1, Resources: { id: 'a' } } }, 'NotAllowed', 'no list'],
    ['a page for people, and a type of JSON', { body: '<html>' }, 'NotAllowed', 'no JSON'],
    [
      'another place',
      { status: 302, body: '', headers: { location: 'https://evil.example/' } },
      'NotAllowed',
      'never followed',
    ],
    ['too much', { body: `[${' '.repeat(33 * 1024 * 1024)}]` }, 'NotAllowed', 'more than 32 MiB'],
    ['401', error(401), 'CredentialsRefused', 'renew the secret'],
    [
      '403',
      error(403, { detail: 'needs\nscope' }),
      'NotAllowed',
      'does not allow the token to read /Users (it says: needs scope)',
    ],
    ['404', error(404), 'InvalidSpec', 'has no /Users; correct url, which ends before /Users'],
    ['413', error(413), 'NotAllowed', 'lower pageSize'],
    ['tooMany', error(400, { scimType: 'tooMany' }), 'NotAllowed', 'lower pageSize, or name a filter'],
    ['invalidCount', error(400, { scimType: 'invalidCount' }), 'InvalidSpec', 'lower pageSize'],
    ['501', error(501, { detail: 'Pagination is not supported' }), 'NotAllowed', 'look at profile'],
    ['500', error(500), 'Unreachable', 'it is tried again'],
  ])('answers with %s', async (_, answer, reason, says) => {
    const { outcome } = await read(onlyUsers(() => answer))
    expect(outcome).toMatchObject({ outcome: 'Failed', reason, message: expect.stringContaining(says) })
  })

  it('does not take a filter', async () => {
    const { outcome } = await read(
      onlyUsers(() => error(400, { scimType: 'invalidFilter', detail: 'unknown attribute staff' })),
      { users: { filter: 'staff eq true' } },
    )
    expect(outcome).toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('does not take users.filter (it says: unknown attribute staff); correct it'),
    })
  })

  it('never has a token repeated, whatever the service sends back', async () => {
    const { outcome } = await read(({ token }) => error(403, { detail: `the token ${token} may not` }))
    expect(JSON.stringify(outcome)).not.toContain(TOKEN)
    expect(outcome).toMatchObject({ reason: 'NotAllowed' })
  })
})

describe('groups of SCIM', () => {
  const serviceOf =
    (groups: readonly Resource[], alone: (id: string, query: URLSearchParams) => Answer | undefined): Answering =>
    ({ path, query }) => {
      if (path === '/Users') return paged(people(3), query)
      if (path === '/Groups') return paged(groups, query)
      return path.startsWith('/Groups/') ? alone(decodeURIComponent(path.slice('/Groups/'.length)), query) : undefined
    }
  const names = ['a', 'b', 'c/d']
  const bare = names.map(id => ({ id, displayName: `Group ${id}` }))
  const whole = (id: string): Answer => ({
    body: { id, displayName: `Group ${id}`, members: [{ value: 'u1' }, { value: 'a' }] },
  })

  it('are asked for one by one where their list tells of no members, and not where it tells of some', async () => {
    const { outcome, groups, asked } = await read(serviceOf(bare, whole))
    expect(outcome.outcome).toBe('Complete')
    expect(groups).toEqual(names.map(id => ({ id, name: `Group ${id}`, users: ['u1'], groups: ['a'] })))
    expect(asked.filter(path => path.startsWith('/Groups/'))).toEqual(['/Groups/a', '/Groups/b', '/Groups/c%2Fd'])

    const some = await read(serviceOf([...bare, { id: 'e', displayName: 'E', members: [{ value: 'u0' }] }], whole))
    expect(some.groups.map(group => group.users)).toEqual([['u0'], [], [], []])
    expect(some.asked.filter(path => path.startsWith('/Groups/'))).toEqual([])
  })

  it('are not asked for by themselves where the directory says that lists have all', async () => {
    const { groups, asked } = await read(serviceOf(bare, whole), { groups: { members: 'InLists' } })
    expect(groups.map(group => group.users)).toEqual([[], [], []])
    expect(asked.filter(path => path.startsWith('/Groups/'))).toEqual([])
  })

  it('have their members left out of the list where they are asked for one by one', async () => {
    const { groups, asked } = await read(serviceOf(bare, whole), { groups: { members: 'OneByOne' } })
    expect(groups).toHaveLength(3)
    expect(asked).toContain('/Groups?excludedAttributes=members&startIndex=1&count=4')
  })

  it('have their members asked for by name where the service tells them only so', async () => {
    const { groups, asked } = await read(({ path, query, token }) => {
      if (path.startsWith('/Schemas/')) return { body: { attributes: [{ name: 'members', returned: 'request' }] } }
      const told = query.get('attributes')?.includes('members') ? { members: [{ value: 'u1' }] } : {}
      return serviceOf([{ id: 'a', displayName: 'A', ...told }], whole)({ path, query, token })
    })
    expect(groups).toEqual([{ id: 'a', name: 'A', users: ['u1'], groups: [] }])
    expect(asked).toContain('/Groups?attributes=id%2CdisplayName%2Cmembers&startIndex=1&count=4')
  })

  it('are not read where the service never tells who is in them, and the people are', async () => {
    const { outcome, users, groups } = await read(({ path, query }) =>
      path.startsWith('/Schemas/')
        ? { body: { attributes: [{ name: 'members', returned: 'never' }] } }
        : serviceOf(bare, whole)({ path, query, token: '' }),
    )
    expect([users.length, groups.length]).toEqual([3, 0])
    expect(outcome).toMatchObject({
      outcome: 'Partial',
      reason: 'NotAllowed',
      message: expect.stringContaining('leave groups out'),
    })
  })

  it('that are not shown when they are asked for by themselves leave the read incomplete, and the others are told', async () => {
    const { outcome, groups } = await read(
      serviceOf([...bare, { id: '..', displayName: 'Up' }], id => (id === 'b' ? error(404) : whole(id))),
    )
    expect(outcome).toMatchObject({
      outcome: 'Partial',
      reason: 'Retrying',
      message: expect.stringContaining('does not show 2 of the groups that it listed'),
    })
    expect(groups.map(group => group.id)).toEqual(['a', 'c/d'])
  })

  it('are told half by nobody: who is not known is left out only where all are known', async () => {
    const groups = [{ id: 'a', displayName: 'A', members: [{ value: 'u1' }, { value: 'stranger' }] }]
    const complete = await read(serviceOf(groups, whole))
    expect(complete.groups).toEqual([{ id: 'a', name: 'A', users: ['u1'], groups: [] }])
    const partial = await read(({ path, query }) =>
      path === '/Users'
        ? paged(people(3), query, { totalResults: 5 })
        : serviceOf(groups, whole)({ path, query, token: '' }),
    )
    expect(partial.outcome.outcome).toBe('Partial')
    expect(partial.groups).toEqual([])
  })

  it('come in one page without being asked for one, by the profile of WSO2', async () => {
    const all = names.map(id => ({ id, displayName: id, members: [{ value: 'u0' }] }))
    const answering: Answering = ({ path, query }) => {
      if (path === '/Users') return paged(people(3), query)
      if (path !== '/Groups') return undefined
      return query.has('count') || query.has('startIndex')
        ? error(501, { detail: 'Pagination is not supported' })
        : list(all)
    }
    expect((await read(answering)).outcome).toMatchObject({
      outcome: 'Partial',
      message: expect.stringContaining('look at profile'),
    })
    const { outcome, groups } = await read(answering, { profile: 'WSO2' })
    expect([outcome.outcome, groups.length]).toEqual(['Complete', 3])
  })

  it('are not asked for at all where the directory names none', async () => {
    const { outcome, asked } = await read(serviceOf(bare, whole), {
      groups: undefined,
    } as unknown as Partial<ScimDirectory>)
    expect(outcome.outcome).toBe('Complete')
    expect(asked.filter(path => !path.startsWith('/Users'))).toEqual(['/ServiceProviderConfig'])
  })
})

describe('a check of SCIM', () => {
  const groups = [{ id: 'g', displayName: 'G', members: [{ value: 'u0' }] }]
  const good: Answering = ({ path, query }) => {
    if (path === '/Users') return paged(people(12), query)
    if (path === '/Groups') return paged(groups, query)
    return undefined
  }
  const rightsOf = async (answering: Answering, spec: Partial<ScimDirectory> = {}) => {
    const found = await check(answering, spec)
    if ('outcome' in found) throw new Error(found.message)
    return [
      found.server.replace(/127\.0\.0\.1:\d+/, 'HOST'),
      ...found.rights.map(({ held, what }) => `${held ? '✓' : '✗'} ${what.replace(/127\.0\.0\.1:\d+/, 'HOST')}`),
    ]
  }

  it('says what was found', async () => {
    expect(await rightsOf(good)).toEqual([
      'HOST, SCIM 2.0, which does not say what it can do',
      '✓ takes the token',
      '✓ answers in pages by index, 100 people at once',
      '✓ shows people: 12',
      '✓ shows the id of people',
      '✓ shows groups: 1',
      '✓ shows the id of groups',
      '✓ tells who is in a group, with the list',
    ])
  })

  it('says what is missing', async () => {
    const answering: Answering = ({ path, query }) => {
      if (path === '/ServiceProviderConfig')
        return { body: { filter: { supported: false }, pagination: { cursor: true } } }
      if (path === '/ResourceTypes') return list([{ id: 'User', endpoint: '/Users' }])
      if (path === '/Groups') return error(403)
      return good({ path, query, token: '' })
    }
    expect(await rightsOf(answering, { users: { filter: 'a eq 1' } })).toEqual([
      'HOST, SCIM 2.0',
      '✓ takes the token',
      '✓ answers in pages by cursor, 100 people at once',
      '✗ takes filters; it says that it does not, so leave filter out',
      '✓ shows people: 12',
      '✓ shows the id of people',
      '✗ has groups at /Groups; it says that it has /Users',
      '✗ shows groups: HOST does not allow the token to read /Groups; give it that right there',
    ])
  })

  it('finds members where they are', async () => {
    const alone =
      (members: readonly unknown[]): Answering =>
      ({ path, query }) =>
        path === '/Groups'
          ? paged([{ id: 'g', displayName: 'G' }], query)
          : path === '/Groups/g'
            ? { body: { id: 'g', members } }
            : good({ path, query, token: '' })
    const last = async (members: readonly unknown[], spec: Partial<ScimDirectory> = {}) =>
      (await rightsOf(alone(members), spec)).at(-1)
    expect(await last([{ value: 'u0' }])).toBe(
      '✓ tells who is in a group when asked for one, which takes a request for each',
    )
    expect(await last([{ value: 'u0' }], { groups: { members: 'InLists' } })).toBe(
      '✗ tells who is in a group with the list; it does so only when asked for one, so set members: OneByOne',
    )
    expect(await last([])).toBe('✗ tells who is in a group; nobody is in any of the first 1')
  })

  it.each<[string, Answering, string]>([
    ['a token that is refused', () => error(401), 'CredentialsRefused'],
    ['a service that is down', () => error(503), 'Unreachable'],
  ])('ends at %s', async (_, answering, reason) => {
    expect(await check(answering)).toMatchObject({ outcome: 'Failed', reason, message: expect.any(String) })
  })
})

describe('a token of SCIM', () => {
  const answering: Answering = ({ path, query, token }) =>
    token === TOKEN ? onlyUsers(() => paged(people(1), query))({ path, query, token }) : error(401)

  it('is sent only to hosts that its secret names', async () => {
    await using service = await stand(answering)
    for (const [hosts, outcome] of [
      [['elsewhere.example'], { outcome: 'Failed', reason: 'SecretAudience' }],
      [['127.0.0.1'], { outcome: 'Complete' }],
    ] as const) {
      service.breakAt(Number.POSITIVE_INFINITY)
      const driver = driverFor(service.url, { hosts: [...hosts] })
      expect((await readAll(driver)).outcome).toMatchObject(outcome)
      expect(service.asked.length > 0).toBe(outcome.outcome === 'Complete')
      await driver.close()
    }
  })

  it.each([
    ['another', 'CredentialsRefused'],
    ['', 'CredentialsRefused'],
    ['with\nbreak', 'CredentialsRefused'],
  ])('that is no good, %j, is said', async (token, reason) => {
    await using service = await stand(answering)
    const driver = driverFor(service.url, { token })
    const { outcome } = await readAll(driver)
    expect(outcome).toMatchObject({ outcome: 'Failed', reason })
    if (token) expect(JSON.stringify(outcome)).not.toContain(token)
    await driver.close()
  })
})
