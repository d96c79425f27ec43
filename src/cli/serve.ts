import { escapeText } from '../api/escape.ts'
import { createLog, noLog } from '../app/logging.ts'
import { overviewOf } from '../app/overview.ts'
import { openRealm, type Realm, type RealmOptions } from '../app/realm.ts'
import { type Running, startRun } from '../app/run.ts'
import type { Io } from './io.ts'
import { narrator } from './narrator.ts'
import { overviewText } from './overviewtext.ts'
import { Exit } from './verb.ts'

export interface ServeOptions {
  realm: Omit<RealmOptions, 'onAudit'>
  io: Io
  /** Paths and Git URLs. */
  sources: readonly string[]
  /** File for the log; stderr with `json`; without either nothing is logged. */
  log: { file: string } | { stderr: true } | undefined
  /** Told to people on stdout. */
  talk: boolean
  /** Said after the overview of the first pass. */
  afterOverview?: (running: Running, realm: Realm) => Promise<void>
}

/** Runs until it is asked to stop, and says what happens meanwhile. @throws Exit 2 when the loop ended by itself */
export const serve = async ({
  realm: options,
  io,
  sources,
  log: logTo,
  talk,
  afterOverview,
}: ServeOptions): Promise<void> => {
  const log = logTo === undefined ? noLog() : createLog({ to: 'file' in logTo ? logTo.file : 2 })
  const stopping = once(io.signal)
  let nameOf = (target: string): string => target
  const told = { joined: 0, mails: 0 }
  const story = narrator({ say: line => io.out(`${line}\n`), now: Date.now, nameOf: target => nameOf(target) })
  let speaking = false
  await using realm = await openRealm({
    ...options,
    onAudit: entry => {
      if (entry.action === 'membership.join' && entry.phase === 'result') told.joined += 1
      if (
        entry.action === 'mail.send' &&
        entry.phase === 'result' &&
        (entry.after as { outcome?: string } | undefined)?.outcome === 'Sent'
      )
        told.mails += 1
      if (talk && speaking) story.hear(entry)
    },
  })
  await using running = await startRun({
    realm,
    log,
    sources,
    cwd: io.cwd,
    signal: new AbortController().signal,
    onMailTrouble: sentence => io.err(`roster: ${escapeText(sentence)}\n`),
  })
  log.info('started', { version: (await realm.store.info()).resourceVersion })
  const { cache } = running.controller.manager.loop.world
  nameOf = target => {
    const [kind, name = ''] = [target.slice(0, target.indexOf('/')), target.slice(target.indexOf('/') + 1)]
    if (kind === 'User') return name
    if (kind === 'Membership') {
      const membership = cache.get('Membership', name)
      return membership?.spec.user?.name ?? membership?.spec.address ?? name
    }
    if (kind === 'address') return cache.by('User', 'address', name.toLowerCase())[0]?.metadata.name ?? name
    return target
  }
  await Promise.race([firstPass(running), stopping, running.ended])
  if (talk && !io.signal.aborted) {
    io.out(`${overviewText(await overviewOf(realm.store))}`)
    await afterOverview?.(running, realm)
  }
  speaking = true
  const ending = await Promise.race([stopping.then(() => undefined), running.ended])
  story.flush()
  await running[Symbol.asyncDispose]()
  log.info('stopped')
  log.close()
  if (ending !== undefined && ending.why !== 'stopped') {
    const why =
      ending.why === 'lost'
        ? 'another process took over the store'
        : ending.error instanceof Error
          ? ending.error.message
          : 'unknown'
    io.err(`roster: the loop ended: ${why}\n`)
    throw new Exit(2)
  }
  if (talk) {
    const all = await overviewOf(realm.store)
    const sum = (key: 'joined' | 'invited'): number => all.reduce((total, one) => total + one[key], 0)
    io.out(`Stopped. ${sum('joined')} joined, ${sum('invited')} invited, nothing half done.\n`)
  }
}

const once = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** The sources were read, and nothing is ready or running. */
const firstPass = async ({ controller: { manager } }: Running): Promise<void> => {
  const done = (): boolean =>
    manager.loop.idleVersion() !== undefined &&
    [...manager.loop.world.cache.list('Source')].every(({ status }) => status?.conditions !== undefined)
  if (done()) return
  await new Promise<void>(resolve => {
    const stop = manager.loop.onIdleChange(() => {
      if (!done()) return
      stop()
      resolve()
    })
  })
}
