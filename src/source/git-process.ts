import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../ports/clock.ts'
import { GitTooSlow, GitTrouble, troubleOf } from './git-trouble.ts'

/** What one call of git is given beside its arguments. */
export interface GitCall {
  /** Another program than git, which git itself would start. */
  program?: 'ssh-keygen'
  /** Folder to run in. */
  cwd: string
  /** The whole environment; nothing is inherited. */
  environment: Readonly<Record<string, string>>
  clock: Clock
  signal: AbortSignal
  /** Milliseconds after which it is ended. */
  timeout: number
  /** Taken out of everything that git says. */
  secrets?: readonly string[]
  /** Called now and then while git works; when it throws, git is ended and the error is this call's. */
  check?: () => Promise<void>
}

/** Milliseconds between two checks. */
const CHECK_EVERY = 100
const MAX_SAID = 64 * 1024

/**
 * Runs git and hands its output over in pieces, as fast as they are taken. Git and all that it started end with this call:
 * it has a process group of its own, which is killed when time is up, on the signal, or when `take` throws.
 *
 * Git is called directly and not through `simple-git`: that library collects output as text without a bound, its guards refuse
 * the very variables that keep credentials out of the arguments (GIT_CONFIG_COUNT, GIT_SSH_COMMAND), and it leaves the helpers of a killed git running.
 * @throws GitTrouble; the signal's reason
 */
export const runGit = async (
  args: readonly string[],
  call: GitCall,
  take: (chunk: Buffer) => void | Promise<void>,
  give?: Given,
): Promise<void> => {
  call.signal.throwIfAborted()
  const child = spawn(call.program ?? 'git', args, {
    cwd: call.cwd,
    env: { ...call.environment },
    stdio: [give ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let because: unknown
  const end = (why: unknown): void => {
    because ??= why
    killGroup(child)
  }
  const aborted = (): void => end(call.signal.reason)
  call.signal.addEventListener('abort', aborted, { once: true })
  const callOff = call.clock.at(call.clock.now() + call.timeout, () => end(new GitTooSlow(call.timeout)))
  const checking = watchOver(call.check, end)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (said.length < MAX_SAID) said += chunk
  })
  try {
    const closed = once(child, 'close') as Promise<[number | null]>
    const taking = takeAll(child, take).catch(end)
    const giving = give ? giveAll(child, give).catch(end) : undefined
    const [code] = await closed.catch(error => {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? new GitTrouble(
            'Unreachable',
            call.program === undefined
              ? 'git is not installed on this machine; install git 2.37 or newer'
              : `${call.program} is not installed on this machine; install OpenSSH`,
          )
        : error
    })
    await Promise.all([taking, giving])
    if (because !== undefined) throw because
    if (code !== 0) throw troubleOf(said, call.secrets)
  } finally {
    callOff()
    checking()
    call.signal.removeEventListener('abort', aborted)
    killGroup(child)
  }
}

/** The output of a call that says little. */
export const askGit = async (
  args: readonly string[],
  call: GitCall,
  most = 4 * 1024 * 1024,
  give?: Buffer,
): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  const take = (chunk: Buffer): void => {
    size += chunk.length
    if (size > most) throw new GitTrouble('NotAllowed', `git ${args[0]} answered with more than ${most} bytes`)
    chunks.push(chunk)
  }
  await runGit(args, call, take, give === undefined ? undefined : [give])
  return Buffer.concat(chunks).toString('utf8')
}

/** Hands over, one by one, what ends with a zero byte: what git says with `-z`. When `take` throws, git is ended. */
export const eachRecord = async (
  args: readonly string[],
  call: GitCall,
  take: (record: string) => void,
): Promise<void> => {
  let rest = ''
  const decoder = new TextDecoder()
  await runGit(args, call, chunk => {
    const records = (rest + decoder.decode(chunk, { stream: true })).split('\0')
    rest = records.pop() ?? ''
    for (const record of records) take(record)
  })
}

type Given = AsyncIterable<string | Buffer> | Iterable<string | Buffer>

const takeAll = async (child: ChildProcess, take: (chunk: Buffer) => void | Promise<void>): Promise<void> => {
  for await (const chunk of child.stdout ?? []) await take(chunk as Buffer)
}

const giveAll = async (child: ChildProcess, give: Given): Promise<void> => {
  // Git may end before it has read everything; its exit says why.
  if (child.stdin) await pipeline(Readable.from(give), child.stdin).catch(() => undefined)
}

const watchOver = (check: (() => Promise<void>) | undefined, end: (why: unknown) => void): (() => void) => {
  if (!check) return () => undefined
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    check()
      .catch(end)
      .finally(() => {
        busy = false
      })
  }, CHECK_EVERY)
  return () => clearInterval(timer)
}

/** Ends git and the helpers that it started, which share its group. */
const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended in this moment, or this system has no groups.
    child.kill('SIGKILL')
  }
}
