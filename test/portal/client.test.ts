import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { clientOf } from '../../src/portal/client.ts'

const seen = async (peer: string | undefined, forwarded: string | undefined, proxied: boolean): Promise<string> => {
  const app = new Hono().get('/', c => c.text(clientOf(c, { proxied })))
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return (
    await app.request('/', { headers }, peer === undefined ? {} : { incoming: { socket: { remoteAddress: peer } } })
  ).text()
}

describe('from where a request comes', () => {
  it.each([
    ['192.0.2.1', undefined, true, '192.0.2.1'],
    ['::ffff:192.0.2.1', undefined, true, '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', undefined, true, '2001:db8:1:2::/64'],
    ['2001:DB8::1', undefined, true, '2001:db8:0:0::/64'],
    // A stranger may write what they want into a header.
    ['192.0.2.1', '198.51.100.9', true, '192.0.2.1'],
    ['10.0.0.5', '198.51.100.9', true, '198.51.100.9'],
    ['::ffff:10.0.0.5', '203.0.113.7, 198.51.100.9', true, '198.51.100.9'],
    ['fd00::1', '2001:db8::1', true, '2001:db8:0:0::/64'],
    ['127.0.0.1', '', true, '127.0.0.1'],
    // Nobody comes from outside where the portal is on loopback.
    ['127.0.0.1', '198.51.100.9', false, '127.0.0.1'],
    [undefined, undefined, true, 'unknown'],
  ])('peer %s, forwarded %s, behind a proxy %s: %s', async (peer, forwarded, proxied, client) => {
    expect(await seen(peer, forwarded, proxied)).toBe(client)
  })
})
