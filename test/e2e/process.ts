import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

/** Waits for a condition of the world. @throws Error with what was last seen */
export const eventually = async <T>(
  look: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeout = 15_000,
): Promise<T> => {
  const end = Date.now() + timeout
  let trouble: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      trouble = error
    }
    if (Date.now() > end)
      throw new Error(`not within ${timeout} ms: ${what}${trouble instanceof Error ? ` (${trouble.message})` : ''}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** A port that is free at this moment. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

/** A folder of its own with a store in it, on which real `roster` processes are run. */
export class Workplace implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  readonly opsPort: number
  readonly #children = new Set<ChildProcess>()
  readonly #environment: NodeJS.ProcessEnv

  private constructor(folder: string, port: number, opsPort: number, environment: NodeJS.ProcessEnv) {
    this.folder = folder
    this.port = port
    this.opsPort = opsPort
    this.#environment = environment
  }

  static async make(environment: NodeJS.ProcessEnv = {}): Promise<Workplace> {
    return new Workplace(await mkdtemp(join(tmpdir(), 'roster-e2e-')), await freePort(), await freePort(), environment)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  spawn(...args: string[]): { child: ChildProcess; ended: Promise<Ended>; output: () => string } {
    const { PATH, HOME } = process.env
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: this.folder,
      env: {
        PATH,
        HOME,
        ROSTER_LISTEN: `127.0.0.1:${this.port}`,
        ROSTER_OPS_LISTEN: `127.0.0.1:${this.opsPort}`,
        ...this.#environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.add(child)
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const ended = new Promise<Ended>(resolve =>
      child.once('close', (code, signal) => {
        this.#children.delete(child)
        resolve({ code, signal, out, err })
      }),
    )
    return { child, ended, output: () => out + err }
  }

  /** One command, to its end. */
  roster(...args: string[]): Promise<Ended> {
    return this.spawn(...args).ended
  }

  async json<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await this.roster(...args, '-o', 'json')
    if (code !== 0) throw new Error(`roster ${args.join(' ')} ended with ${code}: ${err}`)
    return JSON.parse(out) as T
  }

  /** `roster run`, once its first pass is over. */
  async run(
    ...args: string[]
  ): Promise<{ child: ChildProcess; ended: Promise<Ended>; output: () => string; stop: () => Promise<Ended> }> {
    const running = this.spawn('run', ...args)
    let ended: Ended | undefined
    void running.ended.then(result => {
      ended = result
    })
    await eventually(
      () => {
        if (ended) throw new Error(`roster run ended with ${ended.code}: ${ended.err}${ended.out}`)
        return running.output().includes('Ctrl-C stops') || undefined
      },
      'roster run is up',
      30_000,
    )
    return {
      ...running,
      stop: () => {
        running.child.kill('SIGINT')
        return running.ended
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
