import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { LeaseTimes } from '../../src/store/kubernetes/heldlease.ts'
import { openKubernetesStore } from '../../src/store/kubernetes/store.ts'

export interface HolderOptions {
  kubeconfig: string
  namespace: string
  holder: string
  /** Milliseconds. */
  leaseTimes: LeaseTimes
}

/** Another process that takes the lease, and writes when it is told to. */
export interface Holder {
  /** The next line that begins so, or began so since the last call. */
  said(pattern: string): Promise<string>
  tell(line: string): void
  signal(signal: NodeJS.Signals): void
  end(): Promise<void>
}

export const startHolder = (options: HolderOptions): Holder => {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gone = new Promise<void>(resolve => child.on('exit', () => resolve()))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', line => {
    lines.push(line)
    for (const look of [...waiting]) look()
  })
  return {
    said: pattern =>
      new Promise(resolve => {
        const look = () => {
          const at = lines.findIndex(line => new RegExp(`^(?:${pattern})`).test(line))
          if (at < 0) return
          waiting.delete(look)
          resolve(lines.splice(0, at + 1).at(-1) ?? '')
        }
        waiting.add(look)
        look()
      }),
    tell: line => void child.stdin.write(`${line}\n`),
    signal: signal => void child.kill(signal),
    end: async () => {
      child.kill('SIGKILL')
      await gone
    },
  }
}

const main = async (options: HolderOptions): Promise<void> => {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const store = await openKubernetesStore({
    ...options,
    clock: { now: () => Date.now() },
  })
  const held = await store.lease.acquire({
    holder: options.holder,
    signal: new AbortController().signal,
    onWaiting: () => say('waiting'),
  })
  say('held')
  process.on('SIGTERM', async () => {
    await store[Symbol.asyncDispose]()
    process.exit(0)
  })
  createInterface({ input: process.stdin }).on('line', async () => {
    try {
      await held.store.apply(
        {
          apiVersion: 'roster.dev/v1alpha1',
          kind: 'User',
          metadata: { name: 'alice' },
          spec: { email: 'mine@acme.example' },
        },
        { manager: 'local/it', force: true },
      )
      say('wrote')
    } catch (error) {
      say(`refused ${(error as Error).name}`)
    }
  })
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2] ?? '') as HolderOptions)
