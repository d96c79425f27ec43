/** What a command reads and writes. Data goes to `out`, talk to `err`. Tests give their own. */
export interface Io {
  out(text: string): void
  err(text: string): void
  stdin(): Promise<string>
  readonly environment: NodeJS.ProcessEnv
  readonly cwd: string
  /** Colour and progress only here. */
  readonly terminal: { out: boolean; err: boolean; color: boolean; columns: number }
  /** Asks on the terminal; without one, nobody is asked and undefined comes back. */
  ask(question: string): Promise<string | undefined>
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** The process's own. */
export const processIo = (): Io => {
  const interrupted = new AbortController()
  let asked = 0
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      // A terminal sends Ctrl-C to the whole group, and npm sends it on: within a second it is the same one.
      const now = Date.now()
      if (asked !== 0 && now - asked > 1000) process.exit(130)
      asked ||= now
      interrupted.abort(name)
    })
  // `roster get users | head`: who reads no more wants no more.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0)
      throw error
    })
  const noColor = process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== ''
  return {
    out: text => void process.stdout.write(text),
    err: text => void process.stderr.write(text),
    stdin: async () => {
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of process.stdin) {
        size += (chunk as Buffer).length
        if (size > 64 * 1024 * 1024) throw new Error('standard input is larger than 64 MiB')
        chunks.push(chunk as Buffer)
      }
      return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
    },
    environment: process.env,
    cwd: process.cwd(),
    terminal: {
      out: process.stdout.isTTY === true,
      err: process.stderr.isTTY === true,
      color: process.stdout.isTTY === true && !noColor && process.env.TERM !== 'dumb',
      columns: process.stdout.columns ?? 80,
    },
    ask: async question => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
      const { createInterface } = await import('node:readline/promises')
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      try {
        return await lines.question(question, { signal: interrupted.signal })
      } finally {
        lines.close()
      }
    },
    signal: interrupted.signal,
  }
}
