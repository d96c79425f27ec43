import type { Lack } from '../trouble.ts'

/** How many there are by the service's own count, and how many came. */
export interface Counted {
  readonly what: 'people' | 'groups'
  readonly before: number
  readonly after: number
  readonly told: number
  /** Of those who came: who is kept elsewhere and may not be counted. */
  readonly foreign: number
}

/**
 * What a count that does not fit says. While people come or go, between the counts before and after there is no telling; fewer than both is somebody
 * who is hidden from us or was cut off, and more than both, without those kept elsewhere, is no count.
 */
export const countLack = ({ what, before, after, told, foreign }: Counted): Lack | undefined => {
  const said = before === after ? `${after}` : `${before}, then ${after}`
  if (told < Math.min(before, after))
    return {
      reason: 'NotAllowed',
      message: `the server counts ${said} ${what} and showed ${told}; give the service account view-users of realm-management, and look whether something stands between that shortens pages`,
    }
  if (told - foreign > Math.max(before, after))
    return {
      reason: 'Retrying',
      message: `the server counts ${said} ${what} and showed ${told}; they are read again`,
    }
  return undefined
}
