import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'
import type { Dialer } from '../ports/dialer.ts'

/** A connection that is not made. */
export class DialError extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason
  constructor(reason: 'Unreachable' | 'NotAllowed', message: string) {
    super(message)
    this.reason = reason
  }
}

/** Prefixes of 96 bits under which a gateway turns an IPv6 address into the IPv4 address at its end (RFC 6052 section 2.1, RFC 7915). */
const TRANSLATED = ['64:ff9b::', '::ffff:0:']

/** IPv4 networks hold in every way of writing them as IPv6; the mapped one (`::ffff:a.b.c.d`) BlockList knows by itself. */
const blockList = (...subnets: [string, number][]): BlockList => {
  const list = new BlockList()
  for (const [net, prefix] of subnets) {
    if (net.includes(':')) {
      list.addSubnet(net, prefix, 'ipv6')
      continue
    }
    list.addSubnet(net, prefix, 'ipv4')
    for (const before of TRANSLATED) list.addSubnet(`${before}${net}`, 96 + prefix, 'ipv6')
  }
  return list
}

/**
 * Link-local, where cloud metadata answers (RFC 3927, RFC 4291 section 2.5.6), metadata services elsewhere, unspecified, multicast and reserved,
 * and tunnels into IPv4 that are no longer in use and hide where they lead (6to4, RFC 7526; Teredo, RFC 4380): never.
 */
const NEVER = blockList(
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
  ['2001::', 32],
  ['2002::', 16],
)
/** Loopback and private (RFC 1918, RFC 6598, RFC 4193, RFC 8215, once RFC 3879): only where the controller's own configuration says so. */
const PRIVATE = blockList(
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['198.18.0.0', 15],
  ['::1', 128],
  ['fc00::', 7],
  ['fec0::', 10],
  ['64:ff9b:1::', 48],
)

/** @param allowPrivate hosts, or `*` for all, whose private addresses may be connected to */
export const dialer = (options: {
  allowPrivate: readonly string[]
  resolve?: (host: string) => Promise<{ address: string; family: number }[]>
}): Dialer => {
  const resolveAll = options.resolve ?? (host => lookup(host, { all: true, verbatim: true }))
  return {
    resolve: async host => {
      const bare = host.replace(/^\[|\]$/g, '')
      const family = isIP(bare)
      const found = family ? [{ address: bare, family }] : await resolveAll(bare).catch(() => [])
      if (found.length === 0)
        throw new DialError('Unreachable', `${host} cannot be resolved; check the name and the network`)
      const mayBePrivate = options.allowPrivate.includes('*') || options.allowPrivate.includes(host)
      // Every address must be allowed: a name that leads both outside and inside is a trick or a mistake.
      for (const { address } of found) {
        const kind = address.includes(':') ? 'ipv6' : 'ipv4'
        if (NEVER.check(address, kind))
          throw new DialError('NotAllowed', `${host} leads to ${address}, which is never connected to`)
        if (PRIVATE.check(address, kind) && !mayBePrivate)
          throw new DialError(
            'NotAllowed',
            `${host} leads to the private address ${address}; allow it with --allow-private ${host}`,
          )
      }
      const [first] = found
      if (!first) throw new DialError('Unreachable', `${host} cannot be resolved`)
      return { address: first.address, family: first.family === 6 ? 6 : 4 }
    },
  }
}
