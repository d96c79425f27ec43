import { afterAll, expect, it } from 'vitest'
import { readAll } from '../../contract/directory.ts'
import { describeWith } from '../../parts.ts'
import { type ScimServer, type ScimTenant, stand, startScim } from '../../peers/scim.ts'
import { driverFor } from './reading.ts'

const PEOPLE = 600
const person = (_: unknown, index: number) => ({
  userName: `u${index}`,
  externalId: `${index}`,
  name: { givenName: `Given${index}`, familyName: `Family${index}` },
  emails: [{ value: `u${index}@acme.example`, type: 'work', primary: true }],
})

describeWith('scim2-server', 'a SCIM service', () => {
  let server: Promise<ScimServer> | undefined
  let tenants = 0
  const tenant = async (): Promise<ScimTenant> => {
    server ??= startScim({ cursor: true })
    return (await server).tenant(`t${tenants++}`)
  }
  afterAll(async () => (await server)?.[Symbol.asyncDispose]())

  it('of 600 people, with groups of 200, is read in as many requests as it has pages and a few more', async () => {
    const service = await tenant()
    const ids = await service.fill('/Users', Array.from({ length: PEOPLE }, person))
    const members = ids.slice(0, 200).map(value => ({ value, type: 'User' }))
    await service.fill(
      '/Groups',
      Array.from({ length: 5 }, (_, index) => ({ displayName: `g${index}`, members })),
    )
    const driver = driverFor(service.url, { spec: { pageSize: 100 } })
    const { outcome, users, groups } = await readAll(driver)
    await driver.close()
    // Beside the pages of people: what it says of itself and of groups, and a page of groups.
    expect(outcome).toEqual({ outcome: 'Complete', requests: 2 + PEOPLE / 100 + 1 })
    expect(users.map(user => user.externalId).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: PEOPLE }, (_, index) => `${index}`),
    )
    expect(groups.map(group => group.users)).toEqual(Array.from({ length: 5 }, () => ids.slice(0, 200).sort()))
  })

  it('keeps the id of who is renamed, and tells of nobody who was deleted', async () => {
    const service = await tenant()
    const [ann = '', ben] = await service.fill('/Users', [{ userName: 'ann' }, { userName: 'ben' }])
    const driver = driverFor(service.url)
    const before = await readAll(driver)
    await service.send('PATCH', `/Users/${ann}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'userName', value: 'anna' }],
    })
    await service.send('DELETE', `/Users/${ben}`)
    const after = await readAll(driver)
    await driver.close()
    expect([before.users.length, after.users]).toEqual([2, [{ id: ann, login: 'anna', active: true }]])
  })

  it('tells only those whom a filter lets through, also in groups', async () => {
    const service = await tenant()
    const [ann = '', ben = ''] = await service.fill('/Users', [
      { userName: 'ann', userType: 'Employee' },
      { userName: 'ben', userType: 'Contractor' },
    ])
    const members = [ann, ben].map(value => ({ value, type: 'User' }))
    await service.fill('/Groups', [
      { displayName: 'Red', members },
      { displayName: 'Blue', members },
    ])
    const read = async (users: string, groups: string) => {
      const driver = driverFor(service.url, { spec: { users: { filter: users }, groups: { filter: groups } } })
      const told = await readAll(driver)
      await driver.close()
      return told
    }
    const { outcome, users, groups } = await read('userType eq "Employee"', 'displayName sw "R"')
    expect(outcome.outcome).toBe('Complete')
    expect([users.map(user => user.login), groups.map(group => [group.name, group.users])]).toEqual([
      ['ann'],
      [['Red', [ann]]],
    ])
    const wrong = await read('userType is "Employee"', 'displayName pr')
    expect(wrong.outcome).toMatchObject({
      outcome: 'Failed',
      reason: 'InvalidSpec',
      message: expect.stringContaining('does not take users.filter'),
    })
  })

  it('that pages by cursor is asked so, and nobody is missed who was there while others came and went', async () => {
    const service = await tenant()
    const ids = (await service.fill('/Users', Array.from({ length: 12 }, person))).sort()
    let deleted = false
    await using before = await stand(({ path, query }) => {
      // One goes and one comes just between two pages, so that the count stays.
      if (path === '/Users' && query.get('cursor') && !deleted) {
        deleted = true
        void service.send('DELETE', `/Users/${ids[0]}`).then(() => service.fill('/Users', [{ userName: 'new' }]))
      }
      return undefined
    }, service)
    const driver = driverFor(before.url, { spec: { pageSize: 3 } })
    const { users } = await readAll(driver)
    await driver.close()
    expect(before.asked.filter(path => path.startsWith('/Users?cursor='))).toHaveLength(
      before.asked.filter(path => path.startsWith('/Users')).length,
    )
    for (const id of ids.slice(1)) expect(users.map(user => user.id)).toContain(id)
  })
})
