import type { Static } from 'typebox'
import { block, integer, optional } from '../schema.ts'

/** How fast a service is asked, for the types that are asked over HTTP. */
export const requests = block(
  'How fast the service is asked, by all reads together. A service that asks to slow down is obeyed in any case.',
  {
    perSecond: optional(integer('Requests that are begun in a second.', 1, 1000), 'off'),
    concurrency: optional(integer('Requests that are under way at once.', 1, 64), { fixed: 4 }),
  },
)

export type RequestLimits = Static<typeof requests>
