import { afterAll } from 'vitest'
import type { ScimDirectory } from '../../../src/api/services/scim.ts'
import { type ContractGroup, type ContractPerson, directoryContract } from '../../contract/directory.ts'
import { describeWith } from '../../parts.ts'
import { type ScimServer, type ScimTenant, stand, startScim } from '../../peers/scim.ts'
import { driverFor, personResource } from './reading.ts'

/** Groups exist before they are members of each other, also in circles. */
const fill = async (
  server: ScimTenant,
  people: readonly ContractPerson[],
  groups: readonly ContractGroup[],
): Promise<void> => {
  const users = await server.fill('/Users', people.map(personResource))
  const userIds = new Map(people.map(({ login }, index) => [login, users[index]]))
  const ids = await server.fill(
    '/Groups',
    groups.map(({ name, users }) => ({
      displayName: name,
      members: users.map(login => ({ value: userIds.get(login), type: 'User' })),
    })),
  )
  const groupIds = new Map(groups.map(({ name }, index) => [name, ids[index]]))
  for (const { name, groups: inner } of groups) {
    if (inner.length === 0) continue
    const { status, body } = await server.send('PATCH', `/Groups/${groupIds.get(name)}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [
        { op: 'add', path: 'members', value: inner.map(other => ({ value: groupIds.get(other), type: 'Group' })) },
      ],
    })
    if (status >= 300) throw new Error(`scim2-server refuses: ${JSON.stringify(body)}`)
  }
}

/** The server takes long to start, so each test is a tenant of one. */
const open = (options: { cursor?: boolean; groups?: ScimDirectory['groups'] }) => {
  let server: Promise<ScimServer> | undefined
  let tenants = 0
  afterAll(async () => (await server)?.[Symbol.asyncDispose]())
  return async (people: readonly ContractPerson[], groups: readonly ContractGroup[], pageSize: number) => {
    server ??= startScim(options)
    const tenant = (await server).tenant(`t${tenants++}`)
    await fill(tenant, people, groups)
    const before = await stand(() => undefined, tenant)
    return {
      driver: driverFor(before.url, { spec: { pageSize, groups: options.groups ?? {} } }),
      breakAt: (n: number) => before.breakAt(n),
      close: async () => {
        await before[Symbol.asyncDispose]()
      },
    }
  }
}

describeWith('scim2-server', 'SCIM', () => {
  directoryContract('SCIM by index', { open: open({}) })
  directoryContract('SCIM by cursor', { open: open({ cursor: true }) })
  directoryContract('SCIM with members one by one', { open: open({ groups: { members: 'OneByOne' } }) })
})
