import { escapeText } from '../api/escape.ts'
import type { Description, MembershipLines } from '../app/describe.ts'
import { when } from '../app/when.ts'
import { commitText } from '../app/whence.ts'
import { heldLines } from './heldtext.ts'
import { age, document, table } from './output.ts'

/** One resource for a person: whence, spec, status in words, what happened, events. */
export const describeText = async (of: Description, now: number): Promise<string> => {
  const { object, whence, managers, events, timeZone } = of
  const { metadata } = object
  const at = (time: string): string => `${when(time, timeZone)} (${age(time, now)} ago)`
  const head = pairs([
    ['Kind', object.kind],
    ['Name', metadata.name],
    ['Declared in', declaredText(whence)],
    ['Labels', mapText(metadata.labels)],
    ['Annotations', mapText(metadata.annotations)],
    ['Created', at(metadata.creationTimestamp)],
    ['Being deleted', metadata.deletionTimestamp === undefined ? '' : `since ${at(metadata.deletionTimestamp)}`],
  ])
  const sections: string[] = [head, section('Spec', await document(object.spec, 'yaml'))]
  if ('status' in object && object.status) {
    const { conditions = [], ...status } = object.status as { conditions?: Condition[] }
    if (Object.keys(status).length > 0) sections.push(section('Status', await document(status, 'yaml')))
    if (conditions.length > 0) sections.push(section('Conditions', conditionTable(conditions, now)))
  }
  if (of.values && of.values.length > 0)
    sections.push(
      section(
        'Values',
        table(
          ['Name', 'Value', 'By'],
          of.values.map(({ name, value, from }) => [name, value, from]),
        ),
      ),
    )
  for (const membership of of.memberships ?? []) sections.push(membershipText(membership, timeZone, now))
  if (of.held) sections.push(section('Held', heldLines(of.held).join('\n')))
  if (of.removals && of.removals.length > 0)
    sections.push(section('Means', of.removals.map(text => `${escapeText(text)}\n`).join('')))
  if (of.seats && of.seats.length > 0)
    sections.push(section('Seats', of.seats.map(({ pool, text }) => `${escapeText(`${pool}: ${text}`)}\n`).join('')))
  if (of.holders && of.holders.length > 0) sections.push(section('Seats', holderTable(of.holders, now)))
  if (of.accounts && of.accounts.length > 0)
    sections.push(
      section(
        'Signs in with',
        of.accounts
          .map(({ address, proven, closed }) =>
            escapeText(
              `${address}${proven === undefined ? ', not proven yet' : `, proven ${when(proven, timeZone)}`}${closed === undefined ? '' : `, closed ${when(closed, timeZone)}`}`,
            ),
          )
          .join('\n'),
      ),
    )
  if (managers.length > 0) sections.push(section('Fields are managed by', managersText(managers)))
  sections.push(events.length > 0 ? section('Events', eventTable(events, now)) : 'Events: none\n')
  return sections.join('\n')
}

interface Condition {
  type: string
  status: string
  reason: string
  message: string
  lastTransitionTime: string
}

const conditionTable = (conditions: readonly Condition[], now: number): string =>
  table(
    ['Type', 'Status', 'Reason', 'Since', 'Message'],
    conditions.map(({ type, status, reason, lastTransitionTime, message }) => [
      type,
      status,
      reason,
      age(lastTransitionTime, now),
      message,
    ]),
  )

/** So many are shown; JSON has all. */
const SHOWN_HOLDERS = 100

const holderTable = (holders: NonNullable<Description['holders']>, now: number): string => {
  const shown = holders.slice(0, SHOWN_HOLDERS)
  const rest = holders.length - shown.length
  const rows = shown.map(({ name, seats, state, since }) => [name, String(seats), state, age(since, now)])
  return `${table(['Person', 'Seats', 'State', 'Since'], rows)}${rest > 0 ? `and ${rest} more\n` : ''}`
}

const eventTable = (events: Description['events'], now: number): string =>
  table(
    ['Last', 'Type', 'Reason', 'Count', 'Message'],
    events.map(({ time, type, reason, count, message }) => [age(time, now), type, reason, String(count), message]),
  )

const membershipText = (of: MembershipLines, timeZone: string, now: number): string => {
  const rows = pairs([
    ['Standing', `${of.standing}${of.text === '' ? '' : `: ${of.text}`}`],
    ['Address', of.address],
    ['Roles in force', of.roles.join(', ') || 'none'],
    ['Groups', of.groups.join(', ')],
    ['Permissions', of.permissions.join(', ')],
    ['Reach down to', of.reach.join(', ')],
  ])
  const grants = of.grants.map(({ invitation, roles, by, time }) =>
    escapeText(
      `Granted by invitation ${invitation} of ${by}, ${when(time, timeZone)}: ${roles.join(', ') || 'no role'}`,
    ),
  )
  const attempts =
    of.attempts.length === 0
      ? ''
      : `\n${table(
          ['Attempt', 'For', 'By', 'Sent', 'Outcome', 'Link until', 'Answer'],
          of.attempts.map(one => [
            String(one.number),
            one.purpose === 'SetUp' ? 'set-up' : 'invitation',
            one.automatic ? `${one.actor} (again, by itself)` : one.actor,
            `${age(one.outcomeTime ?? one.claimedTime, now)} ago`,
            one.outcome ?? 'under way',
            one.withdrawnTime === undefined
              ? when(one.expirationTime, timeZone)
              : `withdrawn ${when(one.withdrawnTime, timeZone)}`,
            one.response ?? '',
          ]),
        )}`
  const mails =
    of.mails.length === 0
      ? ''
      : `\n${table(
          ['Mail', 'Sent', 'Outcome', 'Answer'],
          of.mails.map(({ key, time, outcome, response }) => [
            key,
            `${age(time, now)} ago`,
            outcome ?? 'under way',
            response ?? '',
          ]),
        )}`
  return section(
    `Membership of ${of.organization}`,
    `${rows}${grants.map(text => `${text}\n`).join('')}${attempts}${mails}`,
  )
}

const declaredText = (whence: Description['whence']): string => {
  const { place, source, revision, generatedFor } = whence
  if (generatedFor !== undefined)
    return generatedFor === 'User'
      ? 'made by Roster for a declared membership'
      : 'made by Roster for an address that nobody declares'
  if (source === undefined) return 'no source'
  const at = commitText(whence) ?? revision?.replace(/^sha256:/, '').slice(0, 12)
  return `${place} (source ${source}${at === undefined ? '' : `, last changed at ${at}`})`
}

const managersText = (managers: Description['managers']): string => {
  const byManager = Map.groupBy(managers, one => one.manager)
  return [...byManager]
    .map(
      ([manager, own]) =>
        `${escapeText(`${manager}: ${own.map(one => one.field.replace(/^spec\./, '')).join(', ')}`)}\n`,
    )
    .join('')
}

/** Our own labels and annotations are told elsewhere, in words. */
const mapText = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .filter(([key]) => !key.startsWith('roster.dev/') && key !== 'app.kubernetes.io/managed-by')
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')

const pairs = (rows: readonly [string, string][]): string => {
  const shown = rows.filter(([, value]) => value !== '')
  const wide = Math.max(...shown.map(([key]) => key.length))
  return shown.map(([key, value]) => `${`${key}:`.padEnd(wide + 2)}${escapeText(value)}\n`).join('')
}

const section = (title: string, body: string): string =>
  `${escapeText(title)}\n${body
    .trimEnd()
    .split('\n')
    .map(text => (text === '' ? '' : `  ${text}`))
    .join('\n')}\n`
