import { expect, it } from 'vitest'
import { guardFigures } from '../../src/app/guard-figures.ts'
import { DAY, openRealm } from '../fakes/realm.ts'

it('the figures of the guard tell what is held, what is spent, and what became of Approvals', async () => {
  await using realm = await openRealm()
  const declare = (name: string, roles: string[]) =>
    realm.declare('User', name, {
      email: `${name}@acme.example`,
      memberships: [{ organization: 'acme', roles, join: 'None' }],
    })
  const figures = () => {
    const { held, budgets, approvals } = guardFigures(realm.world)
    return { held, budgets, approvals }
  }
  await realm.declare('Organization', 'acme', {})
  await realm.declare('Role', 'editor', { organization: 'acme', allow: ['documents:*'] })
  const people = Array.from({ length: 10 }, (_, at) => `p${at}`)
  for (const name of people) await declare(name, ['editor'])
  await realm.run()
  await realm.pass(2 * DAY)
  expect(figures()).toEqual({ held: [], budgets: [], approvals: [] })

  for (const name of people.slice(0, 3)) await declare(name, [])
  await realm.run()
  expect(figures()).toEqual({ held: [], budgets: [{ organization: 'acme', spent: 3, budget: 5 }], approvals: [] })
  for (const name of people.slice(3, 7)) await declare(name, [])
  await realm.run()
  const held = (await realm.store.list('RemovalSet')).items.find(({ spec }) => spec.state === 'Held')
  expect(figures().held).toEqual([{ reason: 'Budget', sets: 1, people: 4 }])

  const approve = (name: string, organization: string) =>
    realm.declare('Approval', name, {
      organization,
      releases: held?.spec.hash as string,
      reason: 'asked for',
      expirationTime: new Date(realm.clock.now() + DAY).toISOString(),
    })
  await approve('foreign', 'zeta')
  await realm.run()
  expect(figures().approvals).toEqual([{ state: 'Refused', count: 1 }])
  await approve('right', 'acme')
  await realm.run()
  expect(figures()).toEqual({
    held: [],
    budgets: [{ organization: 'acme', spent: 7, budget: 5 }],
    approvals: [
      // Nothing is held any more that it names.
      { state: 'Waiting', count: 1 },
      { state: 'Used', count: 1 },
    ],
  })
  await realm.pass(2 * DAY)
  expect(figures().budgets).toEqual([])
})
