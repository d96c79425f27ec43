import { isIPv6 } from 'node:net'
import type { Context } from 'hono'

/**
 * From where a request comes, for limits only: the peer's address, of IPv6 its /64.
 *
 * Behind a proxy every peer is the proxy. So where the peer is on this computer or in a private network while people come from outside, the last entry of
 * `X-Forwarded-For` counts: the one that the nearest proxy wrote. Somebody inside the private network could make it up, and escape the limits per client, not those per address.
 */
export const clientOf = (c: Context, options: { proxied: boolean }): string => {
  const peer =
    (c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming?.socket?.remoteAddress ??
    'unknown'
  const forwarded =
    options.proxied && isPrivate(peer) ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined
  return network((forwarded || peer).slice(0, 64))
}

const network = (address: string): string => {
  const plain = address.replace(/^::ffff:/i, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail = ''] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = plain.includes('::')
    ? Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
    : []
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':').toLowerCase()}::/64`
}

/** Loopback, private (RFC 1918, RFC 4193) or link-local. */
const isPrivate = (address: string): boolean =>
  /^(::ffff:)?(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2[0-9]|3[01])\.)/i.test(address) ||
  /^(::1$|f[cd]|fe[89ab])/i.test(address)
