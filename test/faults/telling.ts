import { DAY } from '../fakes/realm.ts'
import type { Faults, FaultyStore } from './faulty-store.ts'
import { outcomeOf, writtenSince } from './outcome.ts'
import { oversold, type SeatWrite } from './seats.ts'
import { openStage, type StageOptions } from './stage.ts'
import type { Story } from './stories.ts'

/** What came of a story. */
export interface Told {
  /** What the world has come to, without what a crash may move. */
  outcome: Record<string, unknown>
  /** Mails that the mail server took, by Message-ID: how often, in how many texts, and to whom about what. */
  mails: Map<string, { copies: number; texts: number; about: string }>
  /** Message-IDs of mails that were taken and whose answer was lost: these alone may come twice. */
  unanswered: ReadonlySet<string>
  /** Writes of seats beyond what there is. */
  oversold: SeatWrite[]
  /** Writes of another pass at the end, and mails. */
  again: string[]
  counts: Pick<FaultyStore, 'writes' | 'conditional' | 'told' | 'crashed'>
}

export interface Disturbance extends Faults {
  /** What comes back after a crash sees the world at first as it was so many writes before it. */
  older?: number
  /** The answer to this mail is lost; the mail server has taken it. */
  unansweredMail?: number
}

/** Tells a story while something goes wrong. */
export const tell = async (
  { before, steps, pause = DAY + 5 * 60_000 }: Story,
  { unansweredMail, ...faults }: Disturbance,
  { post, ...options }: Omit<StageOptions, 'relistEvery'>,
): Promise<Told> => {
  // What an event failed to tell is met by listing anew; where none fails, that is not needed.
  const relistEvery = faults.event || faults.gone ? pause / 4 : 100 * pause
  await using stage = await openStage({ ...options, post, relistEvery })
  const { realm } = stage
  for (const step of before) await step(stage)
  await stage.live(2 * pause)
  const mailed = stage.mails().length
  await stage.disturb(faults)
  if (unansweredMail !== undefined)
    post.peer.treat(...Array<'accept'>(unansweredMail - 1).fill('accept'), 'die-after-data')
  for (const step of steps) {
    await step(stage)
    await stage.live(pause)
  }
  await stage.live(3 * pause)
  const { writes, conditional, told, crashed } = stage.counts
  const counts = { writes, conditional, told, crashed }
  const outcome = await outcomeOf(realm.store)
  const [version, sent] = [await realm.version(), stage.mails().length]
  await realm.runAll()
  const again = await writtenSince(realm.store, version)
  again.push(
    ...stage
      .mails()
      .slice(sent)
      .map(({ parsed }) => `mail ${parsed.messageId}`),
  )

  const mails = new Map<string, { raws: Set<string>; copies: number; about: string }>()
  const received = stage.mails().slice(mailed)
  const lost = unansweredMail === undefined ? undefined : received[unansweredMail - 1]?.parsed.messageId
  for (const { parsed, raw, to } of received) {
    const known = mails.get(parsed.messageId ?? '') ?? {
      raws: new Set(),
      copies: 0,
      about: `${to.join()}: ${parsed.subject}`,
    }
    mails.set(parsed.messageId ?? '', {
      ...known,
      raws: known.raws.add(raw.toString('base64')),
      copies: known.copies + 1,
    })
  }
  return {
    outcome,
    mails: new Map([...mails].map(([key, { raws, ...mail }]) => [key, { ...mail, texts: raws.size }])),
    unanswered: lost === undefined ? stage.unanswered : new Set([...stage.unanswered, lost]),
    oversold: oversold(stage.seats),
    again,
    counts,
  }
}
