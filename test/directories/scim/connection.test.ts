import { describe, expect, it } from 'vitest'
import { readAll } from '../../contract/directory.ts'
import { LOCALHOST_CERTIFICATE } from '../../peers/certificate.ts'
import { type Answering, stand } from '../../peers/scim.ts'
import { driverFor } from './reading.ts'

const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const groups = Array.from({ length: 20 }, (_, index) => ({ id: `g${index}`, displayName: `Group ${index}` }))
const list = (Resources: readonly object[]) => ({
  body: { schemas: [LIST], totalResults: Resources.length, Resources },
})
const answering: Answering = ({ path }) => {
  if (path === '/Users') return list([{ id: 'u', userName: 'ann' }])
  if (path === '/Groups') return list(groups)
  const id = /^\/Groups\/(g\d+)$/.exec(path)?.[1]
  return id === undefined ? undefined : { body: { id, members: [{ value: 'u' }] } }
}

describe('a connection to a SCIM service', () => {
  it('is encrypted, and only to whom the named authority signed a certificate', async () => {
    await using service = await stand(answering, undefined, { tls: true })
    for (const [ca, outcome] of [
      [LOCALHOST_CERTIFICATE, { outcome: 'Complete' }],
      [
        undefined,
        { outcome: 'Failed', reason: 'NotAllowed', message: expect.stringContaining('signed by nobody whom we trust') },
      ],
      ['no certificate', { outcome: 'Failed', reason: 'InvalidSpec', message: expect.stringContaining('caSecretRef') }],
    ] as const) {
      service.breakAt(Number.POSITIVE_INFINITY)
      const driver = driverFor(service.url, { ...(ca !== undefined && { ca }) })
      expect((await readAll(driver)).outcome).toMatchObject(outcome)
      await driver.close()
      expect(service.asked.length > 0).toBe(ca === LOCALHOST_CERTIFICATE)
    }
  })

  it.each([1, 3])('has no more than %i requests under way at once, where the directory says so', async concurrency => {
    let under = 0
    let most = 0
    await using service = await stand(async asked => {
      most = Math.max(most, ++under)
      await new Promise(resolve => setImmediate(resolve))
      under--
      return await answering(asked)
    })
    const driver = driverFor(service.url, { limits: { concurrency } })
    const { outcome, groups: told } = await readAll(driver)
    await driver.close()
    expect(outcome.outcome).toBe('Complete')
    expect(told.map(group => group.users)).toEqual(groups.map(() => ['u']))
    expect(most).toBe(concurrency)
  })

  it('is slowed down by a service that is busy, and the read is whole all the same', async () => {
    let refusals = 3
    await using service = await stand(asked =>
      asked.path.startsWith('/Groups/') && refusals-- > 0
        ? { status: 429, body: {}, headers: { 'retry-after': '0' } }
        : answering(asked),
    )
    const driver = driverFor(service.url)
    const { outcome, groups: told } = await readAll(driver)
    await driver.close()
    expect(outcome).toEqual({ outcome: 'Complete', requests: 3 + 1 + groups.length + 3 })
    expect(told).toHaveLength(groups.length)
  })

  it('ends with the driver', async () => {
    await using service = await stand(answering)
    const driver = driverFor(service.url)
    expect((await readAll(driver)).outcome.outcome).toBe('Complete')
    await driver.close()
    expect((await readAll(driver)).outcome).toMatchObject({ outcome: 'Failed', reason: 'Unreachable' })
  })
})
