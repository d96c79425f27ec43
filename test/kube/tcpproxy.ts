import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback that can break connections in the ways networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** Connections that are open now. */
  readonly open: number
  /** Ends all connections with a reset. */
  reset(): void
  /** Says goodbye to all clients (FIN), and hears what they still say. */
  halfClose(): void
  /** Connections that are open now go silent for ever, without a word to either side; new ones work. */
  silence(): void
  /** From now on nothing passes, on old and new connections; what is sent is kept. */
  hold(): void
  /** Everything passes again: first what was kept. */
  release(): void
}

interface Pair {
  client: Socket
  server: Socket
  silent: boolean
}

export const startProxy = async (target: number): Promise<TcpProxy> => {
  const pairs = new Set<Pair>()
  let holding = false
  const listener = createServer({ allowHalfOpen: true }, client => {
    const pair: Pair = {
      client,
      server: connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }),
      silent: false,
    }
    pairs.add(pair)
    for (const [from, to] of [
      [client, pair.server],
      [pair.server, client],
    ] as const) {
      from.on('data', chunk => {
        if (!pair.silent) to.write(chunk)
      })
      from.on('end', () => {
        if (!pair.silent) to.end()
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        pairs.delete(pair)
        if (!pair.silent) to.destroy()
      })
      if (holding) from.pause()
    }
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get open() {
      return pairs.size
    },
    reset: () => {
      for (const { client } of pairs) client.resetAndDestroy()
    },
    halfClose: () => {
      for (const { client } of pairs) client.end()
    },
    silence: () => {
      for (const pair of pairs) pair.silent = true
    },
    hold: () => {
      holding = true
      for (const { client, server } of pairs) {
        client.pause()
        server.pause()
      }
    },
    release: () => {
      holding = false
      for (const { client, server } of pairs) {
        client.resume()
        server.resume()
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
      await new Promise(resolve => listener.close(resolve))
    },
  }
}
