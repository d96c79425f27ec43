import { createHash } from 'node:crypto'
import type { Approval } from '../api/approval.ts'
import type { Source } from '../api/source.ts'
import { type ApprovalVerdict, timeVerdictOn } from './approval.ts'

/** A realm that came out of a backup, and of which nobody has said yet that it may act. Times are RFC 3339. */
export interface Restored {
  /** When it was restored. */
  time: string
  /** Of when the backup is, where that is known. */
  backup?: string | undefined
  /** What an Approval names: this restore, and no other. */
  hash: string
}

/** @param realm the id of the restored realm, which no other restore has */
export const restoreHash = (realm: string): string =>
  `sha256:${createHash('sha256')
    .update(JSON.stringify(['Restore', realm]))
    .digest('hex')}`

/** What is said wherever something waits for that. */
export const restoredText = ({ backup }: Pick<Restored, 'backup'>): string =>
  `this realm was restored from a backup${backup === undefined ? '' : ` of ${backup}`}: no mail leaves and nothing is taken until \`roster approve\``

interface Read {
  metadata: Pick<Source['metadata'], 'name' | 'deletionTimestamp'>
  status?: { lastCompleteTime?: string | undefined } | undefined
}

/** What is read from elsewhere and acts on people by it. A directory that is only observed does not. */
export interface Reads {
  sources: Iterable<Read>
  directories: Iterable<Read & { spec: { policy: string } }>
}

/** What was not read completely since: what it says by now is not known here. `Source/people`, in the order of names. */
export const unreadSince = ({ sources, directories }: Reads, { time }: Pick<Restored, 'time'>): string[] => {
  const unread = (kind: 'Source' | 'Directory', all: Iterable<Read>): string[] =>
    [...all]
      .filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          (status?.lastCompleteTime === undefined || Date.parse(status.lastCompleteTime) < Date.parse(time)),
      )
      .map(({ metadata }) => `${kind}/${metadata.name}`)
      .sort()
  const acting = [...directories].filter(({ spec }) => spec.policy !== 'Observe')
  return [...unread('Source', sources), ...unread('Directory', acting)]
}

/**
 * What an Approval is good for in a realm that was restored; undefined where it names something else.
 * What was lost between the backup and now is in the sources, and in directories that people come from: so these come first, and an Approval that somebody made before they were read
 * does not count later either, because what they say by now is part of what is looked at.
 */
export const restoreVerdictOn = (
  approval: Pick<Approval, 'metadata' | 'spec'>,
  restored: Restored | undefined,
  reads: Reads,
  now: number,
): ApprovalVerdict | undefined => {
  if (restored === undefined || approval.spec.releases !== restored.hash) return undefined
  if (approval.spec.organization !== undefined)
    return { is: 'refused', because: 'a restore concerns every organization: leave organization out' }
  const late = timeVerdictOn(approval, now)
  if (late) return late
  const unread = unreadSince(reads, restored)
  return unread.length === 0
    ? { is: 'releases' }
    : {
        is: 'refused',
        because: `${unread.join(', ')} ${unread.length === 1 ? 'was' : 'were'} not read completely since the restore, so nobody could look at what is declared there by now; approve again when that is so`,
      }
}
