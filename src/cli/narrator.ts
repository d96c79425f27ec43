import { escapeText } from '../api/escape.ts'
import type { RealmOptions } from '../app/realm.ts'

type Entry = Parameters<NonNullable<RealmOptions['onAudit']>>[0]

/** What happens to one person within this time is told on one line. */
const TOGETHER = 400

const MAILS: Record<string, string> = {
  invitation: 'invited',
  accountCreated: 'account mail sent',
  welcome: 'welcome mail sent',
  licenseKeys: 'licence keys mailed',
  invitationFailed: 'admins told',
  invitationGaveUp: 'admins told',
}

/**
 * Tells a person at a terminal what happens, a line a person: `09:15:40 alice joined acme: editor, billing · 1 seat of suite · welcome mail sent`.
 * Made from the audit trail, so nothing is told that is not written there.
 */
export const narrator = (options: {
  say: (line: string) => void
  now: () => number
  nameOf: (target: string) => string
}): { hear: (entry: Entry) => void; flush: () => void } => {
  const waiting = new Map<string, string[]>()
  const intents = new Map<string, Record<string, unknown>>()
  let timer: NodeJS.Timeout | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    for (const [who, phrases] of waiting)
      options.say(`${clockTime(options.now())} ${escapeText(who)} ${escapeText([...new Set(phrases)].join(' · '))}`)
    waiting.clear()
  }
  const hear = (entry: Entry): void => {
    if (entry.phase === 'intent') {
      if (entry.key) intents.set(entry.key, (entry.after ?? {}) as Record<string, unknown>)
      return
    }
    const intent = entry.key === undefined ? undefined : intents.get(entry.key)
    if (entry.key) intents.delete(entry.key)
    const phrase = phraseOf(entry, intent)
    if (!phrase) return
    const who = options.nameOf(typeof intent?.['to'] === 'string' ? `address/${intent['to']}` : entry.target)
    waiting.set(who, [...(waiting.get(who) ?? []), phrase])
    timer ??= setTimeout(flush, TOGETHER)
  }
  return { hear, flush }
}

const phraseOf = (
  { action, target, organization, after, because }: Entry,
  intent: Record<string, unknown> | undefined,
): string | undefined => {
  const fields = (after ?? {}) as Record<string, unknown>
  const list = (key: string): string => (Array.isArray(fields[key]) ? fields[key].join(', ') : '')
  switch (action) {
    case 'mail.send': {
      if (fields['outcome'] === 'Sent') return MAILS[String(intent?.['template'])] ?? 'mail sent'
      return `mail not sent (${String(fields['outcome'])}: ${String(fields['response'] ?? '')})`
    }
    case 'membership.join':
      // A try that somebody else overtook has a result too.
      if (target.startsWith('Membership/') && fields['joined'] === undefined) return undefined
      return `joined ${organization ?? ''}`
    case 'membership.decline':
      return `declined to join ${organization ?? ''}`
    case 'membership.end':
      return `ended in ${organization ?? ''} (${because ?? ''})`
    case 'access.grant':
      return list('roles') ? `+ ${list('roles')}` : undefined
    case 'access.take':
      return list('roles') ? `− ${list('roles')} (${because ?? ''})` : undefined
    case 'seat.give':
      return `${fields['state'] === 'Reserved' ? 'seat held' : 'seat'} of ${String(fields['pool'])}`
    case 'seat.free':
      return `seat of ${String(fields['pool'])} freed`
    default:
      return undefined
  }
}

const clockTime = (now: number): string => new Date(now).toTimeString().slice(0, 8)
