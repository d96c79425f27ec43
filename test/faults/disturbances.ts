import { every } from './faulty-store.ts'
import type { Disturbance, Told } from './telling.ts'

/** One way in which something goes wrong: at each place of a story where it can, or all the time. */
export interface Kind {
  /** What the realm does or suffers: the rest of a sentence. */
  name: string
  /** An event is lost, which no store does: what it told of is met by listing anew. */
  loses?: true
  /** Each of these is a story of its own. */
  at: (undisturbed: Told) => Disturbance[]
}

const each = (count: number, of: (number: number) => Disturbance): Disturbance[] =>
  Array.from({ length: count }, (_, index) => of(index + 1))

/** The process dies. */
export const CRASHES: readonly Kind[] = [
  {
    name: 'dies before any of its side effects',
    at: ({ counts }) => each(counts.writes, atWrite => ({ crash: { atWrite, effect: 'before' } })),
  },
  {
    name: 'dies after any of its side effects, without hearing of it',
    at: ({ counts }) => each(counts.writes, atWrite => ({ crash: { atWrite, effect: 'after' } })),
  },
  {
    name: 'dies at any side effect, and comes back on an older view',
    at: ({ counts }) =>
      each(counts.writes, atWrite => ({ crash: { atWrite, effect: 'after' }, older: 1 + (atWrite % 7) })),
  },
]

/** The store or the mail server is not itself. */
export const TROUBLES: readonly Kind[] = [
  {
    name: 'is told of any one write that somebody else was faster',
    at: ({ counts }) => each(counts.conditional, at => ({ conflict: number => number === at })),
  },
  {
    name: 'is not told of any one event',
    loses: true,
    at: ({ counts }) => each(counts.told, at => ({ event: number => (number === at ? 'drop' : 'deliver') })),
  },
  {
    name: 'hears of an event that its changes are no longer known',
    at: ({ counts }) =>
      each(Math.ceil(counts.told / 3), at => ({ event: number => (number === at * 3 - 2 ? 'gone' : 'deliver') })),
  },
  {
    name: 'loses the answer to any one mail',
    at: ({ mails }) => each(mails.size, unansweredMail => ({ unansweredMail })),
  },
  // More conflicts than these cost so much time that links expire at other moments, and another story is told.
  { name: 'loses many races', at: () => [7, 11, 13, 17].map(count => ({ conflict: every(count) })) },
  { name: 'reads single objects as they were before', at: () => [2, 3, 5, 7].map(staleEvery => ({ staleEvery })) },
  {
    name: 'hears events twice, or late',
    at: () =>
      [1, 2, 3, 5].flatMap(count =>
        (['double', 'delay'] as const).map(fate => ({
          event: (number: number) => (number % count === 0 ? fate : ('deliver' as const)),
        })),
      ),
  },
  { name: 'has its watches forgotten', at: () => [{ gone: { every: 2, after: 3 } }] },
]
