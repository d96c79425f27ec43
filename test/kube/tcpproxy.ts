import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

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
  /** From now on bytes pass so many at a time, a hundred times a second. */
  slow(bytes: number): void
  /** From now on nothing passes, on old and new connections; what is sent is kept. */
  hold(): void
  /** Everything passes again: first what was kept. */
  release(): void
}

interface Pair {
  client: Socket
  server: Socket
  silent: boolean
  /** What was sent while nothing passed, in order: it arrives even when who sent it has gone, since goodbyes are lost. */
  kept: (() => void)[]
}

export const startProxy = async (target: number): Promise<TcpProxy> => {
  const pairs = new Set<Pair>()
  let holding = false
  let bytes = Number.POSITIVE_INFINITY
  const trickle = async (from: Socket, to: Socket, chunk: Buffer) => {
    from.pause()
    for (let at = 0; at < chunk.length && !to.destroyed; at += bytes) {
      to.write(chunk.subarray(at, at + bytes))
      await sleep(10)
    }
    from.resume()
  }
  const listener = createServer({ allowHalfOpen: true }, client => {
    const pair: Pair = {
      client,
      server: connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }),
      silent: false,
      kept: [],
    }
    pairs.add(pair)
    for (const [from, to] of [
      [client, pair.server],
      [pair.server, client],
    ] as const) {
      const passes = () => !pair.silent && !holding
      from.on('data', chunk => {
        if (passes() && Number.isFinite(bytes)) void trickle(from, to, chunk as Buffer)
        else if (passes()) to.write(chunk)
        else if (!pair.silent) pair.kept.push(() => to.write(chunk))
      })
      from.on('end', () => {
        if (passes()) to.end()
      })
      from.on('error', () => undefined)
      from.on('close', () => {
        if (passes()) to.destroy()
        if (to.destroyed) pairs.delete(pair)
      })
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
    slow: most => {
      bytes = most
    },
    hold: () => {
      holding = true
    },
    release: () => {
      holding = false
      for (const { kept } of pairs) for (const act of kept.splice(0)) act()
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
