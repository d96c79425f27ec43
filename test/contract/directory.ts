import { describe, expect, it } from 'vitest'
import type { DirectoryDriver, FoundGroup, FoundUser, ReadOutcome } from '../../src/ports/directory.ts'

/** A person whom a service is filled with. Not every service keeps everything of it. */
export interface ContractPerson {
  readonly login: string
  readonly email?: string
  readonly givenName?: string
  readonly familyName: string
  readonly displayName?: string
  readonly disabled?: boolean
}

/** A group whom a service is filled with: members by login, groups by name. */
export interface ContractGroup {
  readonly name: string
  readonly users: readonly string[]
  readonly groups: readonly string[]
}

/** A service that holds what it was filled with, and a driver that reads it. */
export interface ContractService {
  readonly driver: DirectoryDriver
  /** From now on the service breaks instead of answering request n of a read (1 is the first), and each one after it. */
  breakAt?: (request: number) => Promise<void> | void
  close: () => Promise<void>
}

interface Told {
  readonly outcome: ReadOutcome & { requests: number }
  readonly users: FoundUser[]
  readonly groups: FoundGroup[]
}

const never = new AbortController().signal

/** Reads everything, and keeps what was told. */
export const readAll = async (driver: DirectoryDriver, signal: AbortSignal = never): Promise<Told> => {
  const users: FoundUser[] = []
  const groups: FoundGroup[] = []
  const outcome = await driver.read({
    signal,
    take: page => {
      users.push(...(page.users ?? []))
      groups.push(...(page.groups ?? []))
    },
  })
  return { outcome, users, groups }
}

const PAGE = 4

const people = (count: number): ContractPerson[] =>
  Array.from({ length: count }, (_, index) => ({
    login: `u${index}`,
    email: `u${index}@acme.example`,
    givenName: 'Given',
    familyName: `Family ${index}`,
    displayName: `Given Family ${index}`,
  }))

/** What was told, with the names in place of ids, in an order of its own. */
const namesOf = ({ users, groups }: Told) => {
  const logins = new Map(users.map(user => [user.id, user.login]))
  const names = new Map(groups.map(group => [group.id, group.name]))
  return {
    users: users.map(user => user.login).sort(),
    groups: groups
      .map(group => ({
        name: group.name,
        users: group.users.map(id => logins.get(id) ?? `unknown ${id}`).sort(),
        groups: group.groups.map(id => names.get(id) ?? `unknown ${id}`).sort(),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

const sorted = ({ users, groups }: Told) => ({
  users: [...users].sort((a, b) => (a.id < b.id ? -1 : 1)),
  groups: [...groups].sort((a, b) => (a.id < b.id ? -1 : 1)),
})

/**
 * What every driver of a directory has to hold.
 * @param open a service that holds these people and groups, read in pages of that many
 * @param options.emptyGroups false: the service has no groups without members
 * @param options.tree a group stands beneath one other, and its name is its way from the top, as `all/inner`
 * @param options.memberPages members of a group come in pages of their own
 * @param options.wholeNames the service keeps given and family name as one
 */
export const directoryContract = (
  name: string,
  options: {
    open: (
      people: readonly ContractPerson[],
      groups: readonly ContractGroup[],
      pageSize: number,
    ) => Promise<ContractService>
    emptyGroups?: boolean
    tree?: boolean
    memberPages?: boolean
    wholeNames?: boolean
  },
): void => {
  const within = async (
    people: readonly ContractPerson[],
    groups: readonly ContractGroup[],
    work: (service: ContractService) => Promise<void>,
  ) => {
    const service = await options.open(people, groups, PAGE)
    try {
      await work(service)
    } finally {
      await service.driver.close()
      await service.close()
    }
  }

  describe(`${name} as a directory`, () => {
    it.each([1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 1])('tells each of %i people and groups once', async count => {
      const all = people(count)
      const groups = all.map(({ login }, index) => ({ name: `g${index}`, users: [login], groups: [] }))
      await within(all, groups, async ({ driver }) => {
        const told = await readAll(driver)
        expect(told.outcome).toMatchObject({ outcome: 'Complete' })
        expect(namesOf(told).users).toEqual(all.map(({ login }) => login).sort())
        expect(new Set(told.users.map(user => user.id)).size).toBe(count)
        expect(told.users.every(user => user.active)).toBe(true)
        if (driver.capabilities.groups) {
          expect(namesOf(told).groups).toEqual([...groups].sort((a, b) => (a.name < b.name ? -1 : 1)))
          expect(new Set(told.groups.map(group => group.id)).size).toBe(count)
        } else expect(told.groups).toEqual([])
      })
    })

    it('is never complete when it broke, whatever the request, and tells nothing false', async () => {
      const all = people(2 * PAGE + 1)
      const groups = all.map(({ login }, index) => ({ name: `g${index}`, users: [login, 'u0'], groups: [] }))
      await within(all, groups, async ({ driver, breakAt }) => {
        if (!breakAt) return
        const whole = await readAll(driver)
        expect(whole.outcome.outcome).toBe('Complete')
        for (let request = whole.outcome.requests; request >= 1; request--) {
          await breakAt(request)
          const broken = await readAll(driver)
          const told = broken.users.length + broken.groups.length
          expect(broken.outcome, `request ${request}`).toMatchObject({
            outcome: told > 0 ? 'Partial' : 'Failed',
            reason: expect.any(String),
            message: expect.any(String),
          })
          for (const user of broken.users) expect(whole.users).toContainEqual(user)
          for (const group of broken.groups) expect(whole.groups).toContainEqual(group)
          expect(told).toBeLessThanOrEqual(whole.users.length + whole.groups.length)
        }
      })
    })

    it(options.tree ? 'tells groups beneath groups' : 'tells groups in groups, and circles of them', async () => {
      const tree = [
        { name: 'all', users: ['u0'], groups: ['all/inner', 'all/other'] },
        { name: 'all/inner', users: ['u1'], groups: ['all/inner/deep'] },
        { name: 'all/inner/deep', users: ['u0', 'u2'], groups: [] },
        { name: 'all/other', users: [], groups: [] },
      ]
      const circles = [
        { name: 'all', users: ['u0'], groups: ['inner'] },
        { name: 'inner', users: ['u1'], groups: ['ring-a'] },
        { name: 'ring-a', users: ['u2'], groups: ['ring-b'] },
        { name: 'ring-b', users: ['u2'], groups: ['ring-a', 'ring-b'] },
      ]
      const groups = options.tree ? tree : circles
      await within(people(3), groups, async ({ driver }) => {
        if (!driver.capabilities.nestedGroups) return
        const told = await readAll(driver)
        expect(told.outcome.outcome).toBe('Complete')
        expect(namesOf(told).groups).toEqual(groups)
      })
    })

    it('sees who is disabled, where it says that it does', async () => {
      const [first, second] = people(2)
      if (!first || !second) return
      await within([first, { ...second, disabled: true }], [], async ({ driver }) => {
        const { users } = await readAll(driver)
        expect(new Map(users.map(user => [user.login, user.active]))).toEqual(
          new Map([
            ['u0', true],
            ['u1', !driver.capabilities.disabled],
          ]),
        )
      })
    })

    it('keeps letters of all languages', async () => {
      const person = {
        login: 'muller',
        email: 'zoe@acme.example',
        familyName: 'Müller, "Ōe" 大江 🦊',
        givenName: 'Zoë',
      }
      await within([person], [{ name: 'Größe + Maß', users: ['muller'], groups: [] }], async ({ driver }) => {
        const told = await readAll(driver)
        const { email, familyName, givenName } = person
        const names = options.wholeNames ? { displayName: `${givenName} ${familyName}` } : { familyName, givenName }
        expect(told.users).toMatchObject([{ email, ...names }])
        if (driver.capabilities.groups)
          expect(told.groups).toMatchObject([{ name: 'Größe + Maß', users: [told.users[0]?.id] }])
      })
    })

    it('tells the same twice', async () => {
      const all = people(PAGE + 1)
      const groups = [{ name: 'some', users: ['u0', 'u3'], groups: [] }]
      await within(all, groups, async ({ driver }) => {
        const [first, second] = [await readAll(driver), await readAll(driver)]
        expect(sorted(second)).toEqual(sorted(first))
        expect(second.outcome).toEqual(first.outcome)
      })
    })

    it('takes requests by the page, and not by the person', async () => {
      const requestsFor = async (count: number) => {
        let requests = 0
        const groups = [{ name: 'everybody', users: people(count).map(({ login }) => login), groups: [] }]
        await within(people(count), groups, async ({ driver }) => {
          requests = (await readAll(driver)).outcome.requests
        })
        return requests
      }
      const [few, many] = [await requestsFor(PAGE), await requestsFor(10 * PAGE)]
      expect(many - few).toBeLessThanOrEqual(options.memberPages ? 20 : 10)
    })

    it('throws the reason of an abort, before it begins and between pages', async () => {
      await within(people(3 * PAGE), [], async ({ driver }) => {
        const reason = new Error('enough')
        await expect(readAll(driver, AbortSignal.abort(reason))).rejects.toBe(reason)
        const abort = new AbortController()
        const reading = driver.read({ signal: abort.signal, take: () => abort.abort(reason) })
        await expect(reading).rejects.toBe(reason)
        expect((await readAll(driver)).outcome.outcome).toBe('Complete')
      })
    })

    it('lets trouble of who takes the pages through', async () => {
      const full = new Error('the disk is full')
      await within(people(PAGE), [], async ({ driver }) => {
        const reading = driver.read({
          signal: never,
          take: () => {
            throw full
          },
        })
        await expect(reading).rejects.toBe(full)
      })
    })

    it('asks for the next page once the one before is done', async () => {
      await within(people(3 * PAGE), [], async ({ driver }) => {
        let under = 0
        let most = 0
        await driver.read({
          signal: never,
          take: async () => {
            most = Math.max(most, ++under)
            await new Promise(resolve => setImmediate(resolve))
            under--
          },
        })
        expect(most).toBe(1)
      })
    })

    it('says in a check what it can do', async () => {
      await within(people(1), [{ name: 'one', users: ['u0'], groups: [] }], async ({ driver }) => {
        const check = await driver.check({ signal: never })
        if ('outcome' in check) throw new Error(check.message)
        expect(check.server).not.toBe('')
        expect(check.rights.filter(right => !right.held)).toEqual([])
        expect(check.rights.length).toBeGreaterThan(0)
      })
    })
  })
}
