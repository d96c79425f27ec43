import type { Membership } from '../api/membership.ts'
import { LABELS, MANAGERS } from '../api/names.ts'
import { Line, type LineLimits, type Sent, UNKNOWN } from '../decide/line.ts'
import { currentSeries, hasDeclined, lastAttempt } from '../decide/membership.ts'
import type { OrganizationSettings } from '../decide/settings.ts'
import { milliseconds } from '../decide/time.ts'
import type { Cache } from '../runtime/reconciler.ts'
import { isGenerated, ownerOf, requestsOf } from './people.ts'

/** Everybody who writes into the realm without being a source or signed in counts as one inviter. */
export const ANYBODY = 'namespace'

/** The inviter that limits count by, for a manager that wrote a field. */
export const inviterOf = (manager: string): string => (/^(source|directory|user)\//.test(manager) ? manager : ANYBODY)

/**
 * The waiting lines of all organizations. Each is read from the records once, when it is first asked for, and kept up to date by those who claim:
 * only the holder of the lease claims, and only through here. `readAll` before the first key runs, so that who stands in them does not hang on who asks when.
 */
export class Lines {
  readonly #cache: Cache
  readonly #lines = new Map<string, Line>()
  /** Claims that are on their way into a record, by address. */
  readonly #claiming = new Map<string, Set<Claiming>>()

  constructor(cache: Cache) {
    this.#cache = cache
  }

  readAll(): void {
    for (const { metadata } of this.#cache.list('Organization')) this.of(metadata.name)
  }

  of(organization: string): Line {
    let line = this.#lines.get(organization)
    if (!line) {
      line = new Line()
      this.#lines.set(organization, line)
      for (const membership of this.#cache.by('Membership', 'organization', organization)) this.#read(membership, line)
    }
    return line
  }

  /** The line as far as it was asked for already: while the cache is being filled, a line made from it would be missing people. */
  known(organization: string): Line | undefined {
    return this.#lines.get(organization)
  }

  /** When mails went to an address, whichever organization sent them, those that are being claimed among them. */
  sentTo(address: string): number[] {
    const records = this.#cache.by('Membership', 'address', address)
    const written = records.flatMap(membership => sentOf(membership).map(sent => sent.time))
    const claiming = [...(this.#claiming.get(address) ?? [])].filter(
      one => !this.#cache.get('Membership', one.membership)?.spec.attempts.some(({ number }) => number === one.attempt),
    )
    return [...written, ...claiming.map(one => one.time)]
  }

  /**
   * Counts a mail to an address from now on, before the record says so: organizations that mail one person at the same moment share that person's limit.
   * @returns what to call once the record says so, or never will
   */
  claim(address: string, claiming: Claiming): () => void {
    const all = this.#claiming.get(address) ?? new Set()
    this.#claiming.set(address, all.add(claiming))
    return () => {
      all.delete(claiming)
      if (all.size === 0) this.#claiming.delete(address)
    }
  }

  #read(membership: Membership, line: Line): void {
    for (const sent of sentOf(membership)) line.count(sent)
    const { spec } = membership
    const series = currentSeries(spec)
    if (series === 0 || spec.joined || spec.asking || hasDeclined(spec) || lastAttempt(spec, series)) return
    const [invitation] = requestsOf(this.#cache, spec.organization, spec.address)
    const user = ownerOf(this.#cache, spec.address)
    if (!invitation || user?.spec.suspended) return
    // Who waited before this process began keeps the place. Where no source says who asked, it is read when they are looked at.
    const source = (isGenerated(invitation) ? user : invitation)?.metadata.labels?.[LABELS.source]
    const directory = spec.declared?.directory?.name
    const actor =
      directory !== undefined ? MANAGERS.directory(directory) : source === undefined ? UNKNOWN : MANAGERS.source(source)
    line.enter({ name: membership.metadata.name, since: spec.since, address: spec.address, actor })
  }
}

/** One mail with a link that is being claimed. */
interface Claiming {
  /** Name of the Membership. */
  membership: string
  /** Number of the attempt. */
  attempt: number
  /** Milliseconds. */
  time: number
}

/** The limits in force in an organization. */
export const lineLimits = ({ invitations }: OrganizationSettings): LineLimits => ({
  perInviter: invitations.dailyLimitPerInviter,
  perOrganization: invitations.dailyLimit,
})

/** What a record's attempts count for: all but those that certainly never went and were given up for another. */
const sentOf = ({ spec }: Membership): Sent[] => {
  const last = spec.attempts.at(-1)
  return spec.attempts
    .filter(attempt => attempt === last || attempt.outcome !== 'NotSent')
    .map(attempt => ({
      time: milliseconds(attempt.claimedTime),
      actor: attempt.automatic ? undefined : attempt.actor,
    }))
}
