import { type Retry, RosterError } from '../api/errors.ts'
import { escapeText } from '../api/escape.ts'
import type { Reason } from '../api/names.ts'

/** A repository that cannot be read, and whose doing it is. */
export class GitTrouble extends RosterError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** It took longer than it may. */
export class GitTooSlow extends GitTrouble {
  constructor(milliseconds: number) {
    super('Unreachable', `git was ended after ${Math.round(milliseconds / 1000)} s without a result`)
  }
}

/** What is refused before git is started. */
export class GitRefused extends GitTrouble {}

/** What is wrong with the commit itself: it is the same each time, so it is not brought again. */
export class CommitUnusable extends GitTrouble {}

/** A ref leads to a commit that does not come after the one applied last: it was pushed with force. */
export class HistoryRewritten extends CommitUnusable {
  constructor(commit: string, after: string) {
    super(
      'HistoryRewritten',
      `commit ${commit} does not come after ${after}, which was applied last: the history was rewritten; push a commit that follows it, or approve this one`,
    )
  }
}

/** The working copy cannot be trusted any more: it is thrown away and fetched anew. */
export class CopyDamaged extends GitTrouble {
  constructor(message: string) {
    super('Retrying', message)
  }
}

/** The server does not give a commit by its id; it has to be fetched under a name. */
export class IdNotServed extends GitTrouble {
  constructor() {
    super('RevisionNotFound', 'the server gives no commits by id')
  }
}

/** What git says (in the C locale), what it means here, and what to do about it. The first that fits counts. */
const MEANINGS: readonly [RegExp, Reason, string][] = [
  [/transport '[^']*' not allowed/i, 'NotAllowed', 'git was sent to a protocol that this URL does not name'],
  [
    /returned error: 30\d|unable to update url base from redirection/i,
    'NotAllowed',
    'the server redirects elsewhere; write the address that it leads to into url',
  ],
  [
    /host key verification failed|remote host identification has changed/i,
    'NotAllowed',
    'the host shows another key than the one known; if it really changed, renew known_hosts in the secret',
  ],
  [
    /dubious ownership|safe\.directory/i,
    'NotAllowed',
    'the repository belongs to another user of this machine; serve it over ssh or https, or run Roster as its owner',
  ],
  [
    /returned error: 40[13]|authentication failed|could not read (username|password)|permission denied|invalid username or (password|token)|access denied/i,
    'CredentialsRefused',
    'the server refuses the credentials (or wants some); check credentialsSecretRef',
  ],
  [
    /returned error: 404|repository '[^']*' not found|repository not found|does not appear to be a git repository|no such file or directory/i,
    'Unreachable',
    'there is no such repository, or these credentials may not see it; check url and credentialsSecretRef',
  ],
  [/couldn't find remote ref|not our ref/i, 'RevisionNotFound', 'the repository does not have this revision'],
  [/no space left on device|disk quota exceeded/i, 'Retrying', 'the disk is full; make room in the data folder'],
  [
    /certificate|SSL|TLS/,
    'Unreachable',
    'the certificate of the server is not trusted here; check it, or SSL_CERT_FILE',
  ],
]

const DAMAGE =
  /corrupt|bad object|bad pack|packfile .*(cannot|does not|too short|claims)|not a git repository|missing necessary objects|unable to read|inflate|shallow file|is not a valid object/i

/** A connection that ended in the middle, which makes git complain of the half that it has. */
const CUT = /early EOF|unexpected disconnect|hung up|RPC failed|expected .*packet|curl \d+/i

/**
 * What a failed git means. Its own words are kept short, on one line, with everything in `secrets` taken out.
 * @param said what git wrote to stderr, in the C locale
 */
export const troubleOf = (said: string, secrets: readonly string[] = []): GitTrouble => {
  if (/does not allow request for unadvertised object/i.test(said)) return new IdNotServed()
  const words = gitWords(said, secrets)
  if (DAMAGE.test(said) && !CUT.test(said))
    return new CopyDamaged(`the working copy is damaged and is fetched anew (git: ${words})`)
  for (const [pattern, reason, meaning] of MEANINGS)
    if (pattern.test(said)) return new GitTrouble(reason, `${meaning} (git: ${words})`)
  return new GitTrouble('Unreachable', `the repository cannot be read (git: ${words})`)
}

const LENGTH = 300
/** Lines that say why, before those that say that. */
const WEIGHT = [/^(remote: )?(fatal|error):/i, /permission denied|host key/i]

const gitWords = (said: string, secrets: readonly string[]): string => {
  let text = said
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[secret]')
  text = text.replace(/\/\/[^/@\s]*@/g, '//')
  // The same trouble reads the same each time: a status that says nothing new is not written.
  text = text.replace(/ after \d+ ms|\d+ bytes? (of body )?(are )?/g, '')
  const lines = text.split(/[\r\n]+/).filter(line => line.trim() !== '')
  const telling = lines.filter(line => WEIGHT.some(pattern => pattern.test(line)))
  const words = escapeText((telling.length > 0 ? telling : lines).join('; ').trim())
  return words === '' ? 'no words' : words.length <= LENGTH ? words : `${words.slice(0, LENGTH - 1)}…`
}
