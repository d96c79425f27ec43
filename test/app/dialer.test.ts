import { describe, expect, it } from 'vitest'
import { dialer } from '../../src/app/dialer.ts'

const resolving =
  (...addresses: string[]) =>
  async () =>
    addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))

describe('dialer', () => {
  it.each([
    '169.254.169.254',
    '0.0.0.0',
    'fe80::1',
    'fd00:ec2::254',
    '224.0.0.1',
    '::ffff:169.254.169.254',
    '100.100.100.200',
    '64:ff9b::169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '::ffff:0:169.254.169.254',
    'fd20:ce::254',
    'fe80::1%lo',
  ])('never connects to %s', async address => {
    await expect(
      dialer({ allowPrivate: ['*'], resolve: resolving(address) }).resolve('git.example'),
    ).rejects.toMatchObject({ reason: 'NotAllowed' })
  })
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '::1',
    'fd12::1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::7f00:1',
    'fec0::1',
  ])('connects to %s only where configured', async address => {
    await expect(dialer({ allowPrivate: [], resolve: resolving(address) }).resolve('git.example')).rejects.toThrow(
      '--allow-private git.example',
    )
    await expect(
      dialer({ allowPrivate: ['git.example'], resolve: resolving(address) }).resolve('git.example'),
    ).resolves.toMatchObject({ address })
  })
  it('refuses a name that leads both outside and inside', async () => {
    await expect(
      dialer({ allowPrivate: [], resolve: resolving('93.184.216.34', '10.0.0.1') }).resolve('git.example'),
    ).rejects.toMatchObject({ reason: 'NotAllowed' })
  })
  it.each(['93.184.216.34', '2606:2800:220:1::1', '64:ff9b::93.184.216.34'])('connects to %s', async address => {
    await expect(
      dialer({ allowPrivate: [], resolve: resolving(address) }).resolve('git.example'),
    ).resolves.toMatchObject({ address })
  })
  it('gives the address that was checked', async () => {
    expect(await dialer({ allowPrivate: [], resolve: resolving('93.184.216.34') }).resolve('git.example')).toEqual({
      address: '93.184.216.34',
      family: 4,
    })
  })
})
