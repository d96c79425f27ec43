import type { Frozen } from '../app/freezing.ts'

/** What became of one organization, as a sentence. */
export const frozenLine = ({ organization, changed, frozen, above, refused }: Frozen): string => {
  if (refused !== undefined) return refused
  if (above !== undefined)
    return `${organization} stays frozen with ${above} above it: \`roster unfreeze ${above}\` goes on`
  if (frozen)
    return `${organization} ${changed ? 'is frozen' : 'is frozen already'}: no mail leaves, for it and all below; people sign in, join and lose access as ever. \`roster unfreeze ${organization}\` goes on`
  return `${organization} ${changed ? 'goes on: what waits is sent, each mail once, and nothing whose time has passed' : 'is not frozen'}`
}

/** What stays frozen below one that goes on. */
export const belowLine = ({ frozen, below }: Frozen): string | undefined =>
  frozen || below.length === 0
    ? undefined
    : `  still frozen by themselves: ${below.slice(0, 10).join(', ')}${below.length > 10 ? ` and ${below.length - 10} more` : ''}`
