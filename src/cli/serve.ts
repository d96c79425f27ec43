import { counted } from '../api/counted.ts'
import { escapeText } from '../api/escape.ts'
import type { Source } from '../api/source.ts'
import { createLog, noLog } from '../app/logging.ts'
import { openRealm } from '../app/openrealm.ts'
import { type Overview, overviewOf, overviewWhenReadable } from '../app/overview.ts'
import type { Realm, RealmOptions } from '../app/realm.ts'
import { type Running, startRun } from '../app/run.ts'
import type { Io } from './io.ts'
import { type Narrator, narrator } from './narrator.ts'
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
  /** Said after the overview of the first pass, of the sources as they were in it. */
  afterOverview?: (running: Running, sources: readonly Source[]) => void
}

/** Runs until it is asked to stop, and says what happens meanwhile. @throws Exit 2 when the loop ended by itself */
export const serve = async (options: ServeOptions): Promise<void> => {
  const { io, talk } = options
  const stopping = once(io.signal)
  const trouble = (sentence: string): void => io.err(`roster: ${escapeText(sentence)}\n`)
  const found = { acts: 0, mails: 0 }
  let story: Narrator | undefined
  await using realm = await openRealm({
    ...options.realm,
    patient: true,
    onAudit: entry => {
      if (story) return story.hear(entry)
      if (entry.phase === 'intent') return
      if (entry.action !== 'mail.send') found.acts += 1
      else if ((entry.after as { outcome?: string } | undefined)?.outcome === 'Sent') found.mails += 1
    },
  })
  const log = options.log === undefined ? noLog() : createLog({ to: 'file' in options.log ? options.log.file : 2 })
  let stopped: string | undefined
  await using running = await startRun({
    realm,
    log,
    sources: options.sources,
    cwd: io.cwd,
    // Stops by itself below, after what is told at the end.
    signal: new AbortController().signal,
    starting: io.signal,
    onOpened: time => {
      stopped = time
      if (realm.clock.suspect)
        trouble(
          `the clock of this computer is behind what this store has seen (${time ?? 'unknown'}): until it gets there, nothing expires or ends by time, and no access is taken because of a date. Set the clock, and start again`,
        )
    },
    onMailTrouble: trouble,
    onStoreTrouble: trouble,
    onStandingBy: holder => {
      log.info('standing by', { name: holder })
      if (talk) io.err(`Standing by: ${escapeText(holder)} leads ${realm.place}. The portal is up.\n`)
    },
    onLeading: ({ manager: { loop } }) => {
      log.info('leading')
      loop.informer.onChange(change => story?.see(change))
    },
  })
  log.info('started', await storeVersionOf(realm))
  const ended = new AbortController()
  const over = Promise.race([stopping, running.ended]).then(() => ended.abort())
  await Promise.race([running.firstPass, over])
  const first = talk
    ? await Promise.race([overviewWhenReadable(realm, { signal: ended.signal, log, trouble }), over])
    : undefined
  if (first && !io.signal.aborted) {
    const { overview, sources } = first
    if (stopped !== undefined) io.out(`${goesOn(stopped, found, overview)}\n\n`)
    io.out(overviewText(overview))
    options.afterOverview?.(running, sources)
    story = tell(running, io)
    tellFailing(sources, story)
  }
  const ending = await Promise.race([stopping.then(() => undefined), running.ended])
  await running[Symbol.asyncDispose]()
  story?.flush()
  const end = ending ?? (await running.ended)
  log.info('stopped', { outcome: end.why })
  log.close()
  if (end.why !== 'stopped') {
    const why =
      end.why === 'lost'
        ? 'another process took over the store'
        : end.error instanceof Error
          ? reasonOf(end.error)
          : 'unknown'
    trouble(`the loop ended: ${why}`)
    throw new Exit(2)
  }
  if (!talk) return
  // It stopped as it was asked to, whether or not the store can still be read.
  const all = await overviewOf(realm).catch(() => undefined)
  const counts = all ? ` ${sum(all, 'joined')} joined, ${sum(all, 'invited')} invited,` : ''
  const half = end.finished ? 'nothing half done' : 'what was under way is looked after at the next start'
  io.out(`Stopped.${counts} ${half}.\n`)
}

/** Of the last write, for the log only: a start does not depend on it. */
const storeVersionOf = async ({ store }: Realm): Promise<{ version?: string }> =>
  await store.info().then(
    ({ resourceVersion }) => ({ version: resourceVersion }),
    () => ({}),
  )

/** A source that could not be read in the first pass, which was before anything was told. */
const tellFailing = (sources: readonly Source[], story: Narrator): void => {
  for (const source of sources)
    if (source.status?.conditions?.some(({ type, status }) => type === 'Synced' && status === 'False'))
      story.see({ before: { ...source, status: {} }, after: source })
}

/** With what to do about it, where that is known. */
const reasonOf = (error: Error & { remedy?: unknown }): string =>
  typeof error.remedy === 'string' ? `${error.message}. ${error.remedy}` : error.message

/** Tells of everything from now on. */
const tell = ({ replica }: Running, io: Io): Narrator =>
  narrator({
    say: line => io.out(`${line}\n`),
    now: Date.now,
    cwd: io.cwd,
    nameOf: target => {
      const [kind, name] = [target.slice(0, target.indexOf('/')), target.slice(target.indexOf('/') + 1)]
      const { cache } = replica
      if (kind === 'address') return cache?.by('User', 'address', name.toLowerCase())[0]?.metadata.name ?? name
      if (kind !== 'Membership') return kind === 'User' ? name : target
      const { user, address } = cache?.get('Membership', name)?.spec ?? {}
      return user?.name ?? address ?? name
    },
    seatsOf: user =>
      (replica.cache?.get('User', user)?.status?.licenses ?? []).flatMap(({ pool, quantity, state }) =>
        state === 'Waiting' ? [] : [{ pool, quantity }],
      ),
  })

/** `Going on where it stopped (Sun 09:20): nothing to do, 0 mails. 10 invitations open.` */
const goesOn = (stopped: string, found: { acts: number; mails: number }, overview: readonly Overview[]): string => {
  const time = new Date(stopped)
  const day = time.toLocaleDateString('en-GB', { weekday: 'short' })
  const done = found.acts === 0 ? 'nothing to do' : counted(found.acts, 'thing done', 'things done')
  const open = counted(sum(overview, 'invited'), 'invitation')
  return `Going on where it stopped (${day} ${time.toTimeString().slice(0, 5)}): ${done}, ${counted(found.mails, 'mail')}. ${open} open.`
}

const sum = (all: readonly Overview[], key: 'joined' | 'invited'): number =>
  all.reduce((total, one) => total + one[key], 0)

const once = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
