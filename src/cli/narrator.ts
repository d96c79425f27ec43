import { isAbsolute, join, relative } from 'node:path'
import { counted } from '../api/counted.ts'
import { escapeText } from '../api/escape.ts'
import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, DECLARED_KINDS, LABELS } from '../api/names.ts'
import type { Source } from '../api/source.ts'
import type { RealmOptions } from '../app/realm.ts'

type Entry = Parameters<NonNullable<RealmOptions['onAudit']>>[0]

/** What happens to one person is told on one line: until nothing more came for this long, and at most this long in all. Milliseconds. */
const QUIET = 350
const MOST = 2_000
/** More documents than this at once are told by their number. */
const NAMED = 5

const MAILS: Record<string, string> = {
  invitation: 'invited',
  accountCreated: 'account mail sent',
  welcome: 'welcome mail sent',
  licenseKeys: 'licence keys mailed',
  invitationFailed: 'admins told',
  invitationGaveUp: 'admins told',
  adminNotice: 'admins told',
  removalsHeld: 'admins told that something is held',
}

export interface Narrator {
  /** A line of the audit trail. */
  hear(entry: Entry): void
  /** A change of the store. */
  see(change: { before: AnyResource | undefined; after: AnyResource | undefined }): void
  /** Tells at once what is still held back. */
  flush(): void
}

/** What is known of one person, or of one other resource, since the last line about them. */
interface Story {
  joined?: string
  roles: string[]
  seats: Map<string, { held: number; given: number; freed: number }>
  others: string[]
}

/**
 * Tells a person at a terminal what happens, a line a person: `09:15:40 alice joined acme: editor, billing · 1 seat of suite · welcome mail sent`.
 * What follows from a change is made from the audit trail, so nothing is told that is not written there.
 */
export const narrator = (options: {
  say: (line: string) => void
  now: () => number
  cwd: string
  /** Who an object or `address/…` is about, for people. */
  nameOf: (target: string) => string
  /** Seats that a person has, by pool. */
  seatsOf: (user: string) => readonly { pool: string; quantity: number }[]
}): Narrator => {
  const stories = new Map<string, Story>()
  const documents: { does: string; kind: string; name: string; place: string }[] = []
  const sources: string[] = []
  const stalls = new Map<string, string>()
  const intents = new Map<string, Record<string, unknown>>()
  let timer: NodeJS.Timeout | undefined
  let first: number | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    first = undefined
    const at = clockTime(options.now())
    const lines = [
      ...sources.splice(0),
      ...documentLines(documents.splice(0)),
      ...stallLines([...stalls.values()]),
      ...[...stories].map(([who, story]) => `${who} ${phrases(story, options.seatsOf(who)).join(' · ')}`),
    ]
    stories.clear()
    stalls.clear()
    for (const line of lines) options.say(`${at} ${escapeText(line)}`)
  }
  const soon = (): void => {
    first ??= Date.now()
    clearTimeout(timer)
    timer = setTimeout(flush, Math.max(0, Math.min(QUIET, first + MOST - Date.now())))
  }
  const storyOf = (who: string): Story => {
    const story = stories.get(who) ?? { roles: [], seats: new Map(), others: [] }
    stories.set(who, story)
    return story
  }

  return {
    hear: entry => {
      if (entry.phase === 'intent') {
        if (entry.key) intents.set(entry.key, (entry.after ?? {}) as Record<string, unknown>)
        return
      }
      const intent = entry.key === undefined ? undefined : intents.get(entry.key)
      if (entry.key) intents.delete(entry.key)
      const write = chapterOf(entry, intent)
      if (!write) return
      write(storyOf(options.nameOf(typeof intent?.['to'] === 'string' ? `address/${intent['to']}` : entry.target)))
      soon()
    },
    see: ({ before, after }) => {
      const object = after ?? before
      if (!object) return
      if (object.kind === 'Source')
        sources.push(...sourceLines(before as Source | undefined, after as Source | undefined, options.cwd))
      const does = declares(before, after)
      if (does) {
        const { kind, metadata } = object
        documents.push({ does, kind, name: metadata.name, place: metadata.annotations?.[ANNOTATIONS.sourcePath] ?? '' })
      }
      const stall = stallOf(before, after) ?? heldOf(before, after)
      if (stall !== undefined) stalls.set(`${object.kind}/${object.metadata.name}`, stall)
      if (sources.length > 0 || documents.length > 0 || stalls.size > 0) soon()
    },
    flush,
  }
}

/** What a source did to one document; undefined for what is no source's, and for a change that is no change of the document. */
const declares = (before: AnyResource | undefined, after: AnyResource | undefined): string | undefined => {
  const object = after ?? before
  if (!object || object.metadata.labels?.[LABELS.source] === undefined) return undefined
  if (!DECLARED_KINDS.some(kind => kind === object.kind)) return undefined
  if (!before) return 'added'
  const goes = after === undefined || after.metadata.deletionTimestamp !== undefined
  if (goes) return before.metadata.deletionTimestamp === undefined ? 'removed' : undefined
  return before.metadata.generation === after.metadata.generation ? undefined : 'changed'
}

const documentLines = (documents: readonly { does: string; kind: string; name: string; place: string }[]): string[] => {
  if (documents.length <= NAMED)
    return documents.map(
      ({ does, kind, name, place }) => `${kind.toLowerCase()} ${name} ${does}${place === '' ? '' : ` (${place})`}`,
    )
  const count = (what: string): number => documents.filter(({ does }) => does === what).length
  const parts = ['added', 'changed', 'removed'].flatMap(what => (count(what) > 0 ? [`${count(what)} ${what}`] : []))
  return [`resources: ${parts.join(', ')}`]
}

/** What keeps a declared document from being made so, said once: a role that does not exist, for one. */
const stallOf = (before: AnyResource | undefined, after: AnyResource | undefined): string | undefined => {
  if (!after || !DECLARED_KINDS.some(kind => kind === after.kind) || after.kind === 'Source') return undefined
  const [was, is] = [before, after].map(one => one?.status?.conditions?.find(({ type }) => type === 'Stalled'))
  if (is?.status !== 'True' || (was?.status === 'True' && was.message === is.message)) return undefined
  const place = after.metadata.annotations?.[ANNOTATIONS.sourcePath]
  // The Invitation that a membership brings with it is stalled by what stalls its User.
  return place === undefined
    ? undefined
    : `! ${after.kind.toLowerCase()} ${after.metadata.name}: ${is.message} (${place})`
}

/** That something is held in an organization, said once. */
const heldOf = (before: AnyResource | undefined, after: AnyResource | undefined): string | undefined => {
  if (after?.kind !== 'Organization') return undefined
  const [was, is] = [before, after].map(one => one?.status?.conditions?.find(({ type }) => type === 'RemovalsHeld'))
  if (is?.status !== 'True' || (was?.status === 'True' && was.message === is.message)) return undefined
  return `! ${after.metadata.name}: ${is.message}`
}

const stallLines = (stalls: readonly string[]): readonly string[] =>
  stalls.length <= NAMED
    ? stalls
    : [...stalls.slice(0, NAMED), `! and ${stalls.length - NAMED} more; roster validate shows them with their places`]

/** Trouble with a source, what is kept back, and that it is over; each once. */
const sourceLines = (before: Source | undefined, after: Source | undefined, cwd: string): string[] => {
  const of = (source: Source | undefined, type: string) => source?.status?.conditions?.find(one => one.type === type)
  const [was, is] = [of(before, 'Synced'), of(after, 'Synced')]
  const lines: string[] = []
  if (after && is?.status === 'False' && (was?.status !== 'False' || was.message !== is.message))
    lines.push(`! ${placed(after, is.message, cwd)}`)
  if (after && is?.status === 'True' && was?.status === 'False')
    lines.push(`✓ ${nameOf(after, cwd)} is read again: ${is.message.replace(/^revision \S+: /, '')}`)
  const [kept, keeps] = [was?.message.split('; ')[1], is?.status === 'True' ? is.message.split('; ')[1] : undefined]
  if (keeps !== undefined && keeps !== kept) lines.push(`! ${keeps}`)
  const [conflicted, conflict] = [of(before, 'Conflict'), of(after, 'Conflict')]
  if (conflict?.status === 'True' && conflicted?.message !== conflict.message) lines.push(`! ${conflict.message}`)
  return lines
}

const nameOf = ({ metadata, spec }: Source, cwd: string): string =>
  spec.folder ? relative(cwd, spec.folder.path) || '.' : (spec.git?.url ?? metadata.name)

/** A finding names its file within the folder: told from where the person stands. */
const placed = ({ spec: { folder } }: Source, message: string, cwd: string): string => {
  if (!folder || !/^[^\s:]+\.(ya?ml|json|csv):\d+:\d+: /.test(message)) return message
  const from = relative(cwd, folder.path)
  const file = message.slice(0, message.indexOf(':'))
  if (from === '' || isAbsolute(from) || folder.path.endsWith(`/${file}`)) return message
  return `${join(from, file)}${message.slice(file.length)}`
}

type Chapter = (story: Story) => void

const chapterOf = (
  { action, target, organization = '', after, because }: Entry,
  intent: Record<string, unknown> | undefined,
): Chapter | undefined => {
  const fields = (after ?? {}) as Record<string, unknown>
  const roles = Array.isArray(fields['roles']) ? fields['roles'].map(String) : []
  const other =
    (phrase: string): Chapter =>
    story =>
      void story.others.push(phrase)
  const seat =
    (kind: 'held' | 'given' | 'freed'): Chapter =>
    story => {
      const pool = String(fields['pool'])
      const known = story.seats.get(pool) ?? { held: 0, given: 0, freed: 0 }
      known[kind] += Number(fields['seats'] ?? 1)
      story.seats.set(pool, known)
    }
  switch (action) {
    case 'mail.send':
      return other(
        fields['outcome'] === 'Sent'
          ? (MAILS[String(intent?.['template'])] ?? 'mail sent')
          : `mail not sent (${String(fields['outcome'])}: ${String(fields['response'] ?? '')})`,
      )
    case 'mail.queue':
      return other('waits for an invitation')
    case 'membership.join':
      // A try that somebody else overtook has a result too.
      if (target.startsWith('Membership/') && fields['joined'] === undefined) return undefined
      return story => {
        story.joined = organization
      }
    case 'membership.decline':
      return other(`declined to join ${organization}`)
    case 'membership.end':
      return other(`ended in ${organization} (${because ?? ''})`)
    case 'access.grant':
      return roles.length > 0 ? story => void story.roles.push(...roles) : undefined
    case 'access.take':
      return roles.length > 0 ? other(`− ${roles.join(', ')} (${because ?? ''})`) : undefined
    case 'seat.give':
      return seat(fields['state'] === 'Reserved' ? 'held' : 'given')
    case 'seat.free':
      return seat('freed')
    default:
      return undefined
  }
}

const phrases = (
  { joined, roles, seats, others }: Story,
  has: readonly { pool: string; quantity: number }[],
): string[] => {
  const given = [...new Set(roles)].join(', ')
  // The seat that was held for somebody is theirs now, which changes no record of what is given.
  const theirs = joined === undefined ? [] : has.filter(({ pool }) => !seats.has(pool))
  return [
    ...(joined === undefined ? (given ? [`+ ${given}`] : []) : [`joined ${joined}${given ? `: ${given}` : ''}`]),
    ...theirs.map(({ pool, quantity }) => `${counted(quantity, 'seat')} of ${pool}`),
    ...[...seats].flatMap(([pool, { held, given: taken, freed }]) => [
      ...(taken > 0 ? [`${counted(taken, 'seat')} of ${pool}`] : []),
      ...(held > 0 ? [`${counted(held, 'seat')} of ${pool} held`] : []),
      ...(freed > 0 ? [`${counted(freed, 'seat')} of ${pool} freed`] : []),
    ]),
    ...new Set(others),
  ]
}

const clockTime = (now: number): string => new Date(now).toTimeString().slice(0, 8)
