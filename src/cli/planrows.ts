import { counted } from '../api/counted.ts'
import type { Plan } from '../app/plan.ts'
import { when } from '../app/when.ts'

type Change = Plan['changes'][number]

/** One line of a plan: what happens to one person in one organization, or to one other resource, with all that follows. */
export interface PlanRow {
  sign: '+' | '-' | '~' | '✉' | '◔'
  verb: string
  name: string
  what: string
  where: string
  /** What follows from it. */
  also: string
}

/** Organization → its lines, what costs first. What belongs to none stands under the empty name. */
export const planRows = (plan: Plan): Map<string, PlanRow[]> => {
  const people = new Map<string, Person>()
  const rows: { organization: string; cost: number; row: PlanRow }[] = []
  const known = subjects(plan.changes)
  for (const change of plan.changes) {
    // Told with what is held.
    if (change.kind === 'RemovalSet' && change.target === 'access') continue
    const subject = known(change)
    const organization = change.organization ?? ''
    if (subject === undefined) {
      rows.push({ organization, ...rowOf(change) })
      continue
    }
    const key = JSON.stringify([organization, subject])
    const person = people.get(key) ?? { organization, subject, changes: [] }
    person.changes.push(change)
    people.set(key, person)
  }
  // Somebody of several organizations is told in each of them, and not once more for their document.
  const placed = new Set([...people.values()].flatMap(one => (one.organization === '' ? [] : [one.subject])))
  for (const person of people.values())
    if (person.organization !== '' || !placed.has(person.subject))
      rows.push({ organization: person.organization, ...personRow(person, plan) })
  rows.push(...laterRows(plan))
  rows.sort((a, b) => a.cost - b.cost || compare(a.row.verb, b.row.verb) || compare(a.row.name, b.row.name))
  const grouped = new Map<string, PlanRow[]>()
  for (const { organization, row } of rows) grouped.set(organization, [...(grouped.get(organization) ?? []), row])
  return new Map([...grouped].sort(([a], [b]) => compare(a, b)))
}

interface Person {
  organization: string
  subject: string
  changes: Change[]
}

/** Whom a change is about: a User by name, somebody nobody declares by the name of their Invitation. Seats of the latter name the address. */
const subjects = (changes: readonly Change[]): ((change: Change) => string | undefined) => {
  const byAddress = new Map<string, string>()
  for (const { target, kind, name, fields } of changes)
    if (target === 'mail' && kind === 'Invitation')
      byAddress.set(String(fields['to']).toLowerCase(), `Invitation/${name}`)
  return ({ kind, name, fields }) => {
    if (kind === 'User') return byAddress.get(name.toLowerCase()) ?? `User/${name}`
    if (kind !== 'Invitation') return undefined
    return typeof fields['user'] === 'string' ? `User/${fields['user']}` : `Invitation/${name}`
  }
}

const COST = {
  remove: 0,
  loses: 1,
  withdraw: 2,
  gone: 3,
  free: 4,
  invite: 5,
  queue: 6,
  add: 7,
  grant: 8,
  new: 9,
  change: 10,
  seat: 11,
  mail: 12,
  later: 13,
}

const personRow = ({ subject, changes }: Person, { later, timeZones }: Plan): { cost: number; row: PlanRow } => {
  const of = (target: Change['target'], ...actions: Change['action'][]): Change[] =>
    changes.filter(change => change.target === target && actions.includes(change.action))
  const name = changes.find(one => one.called !== undefined)?.called ?? subject.slice(subject.indexOf('/') + 1)
  const document = changes.find(one => one.target === 'resource' && typeof one.fields['user'] !== 'string')
  const generated = of('resource', 'delete').some(one => typeof one.fields['user'] === 'string')
  const lost = [...of('membership', 'end'), ...of('access', 'take')]
  const losses = lost.length > 0 ? accessText(lost) : ''
  const gains = accessText([...of('access', 'grant'), ...of('membership', 'grant', 'join')])
  const [invited] = of('mail', 'send').filter(one => one.fields['template'] === 'invitation')
  const [queued] = of('mail', 'queue')
  const mail = invited ?? queued
  const also = [
    ...(generated || (document?.action === 'delete' && document.kind === 'Invitation')
      ? ['the link stops working']
      : []),
    ...seatTexts(of('seat', 'free', 'give')),
    ...of('mail', 'send').flatMap(one => (one === invited ? [] : [MAILS[String(one.fields['template'])] ?? 'a mail'])),
  ].join('; ')
  const where = document?.because ?? changes[0]?.because ?? ''
  const row = (sign: PlanRow['sign'], verb: string, cost: keyof typeof COST, ...what: string[]) => ({
    cost: COST[cost],
    row: { sign, verb, name, what: what.filter(text => text !== '').join('; '), where, also },
  })
  const loses = losses === '' ? '' : `loses ${losses}`

  if (of('membership', 'end').length > 0) return row('-', 'remove', 'remove', loses || 'no role')
  if (lost.length > 0) return row('-', 'change', 'loses', loses, gains && `gains ${gains}`)
  if (mail) {
    const roles = accessText([mail]) || 'no role yet'
    const goes = later.find(one => one.target === 'mail' && one.fields['to'] === mail.fields['to'])
    const time = goes && `goes ${when(goes.time, timeZones.get(goes.organization ?? '') ?? 'UTC')}`
    const invite = row(invited ? '+' : '◔', 'invite', invited ? 'invite' : 'queue', roles, (!invited && time) || '')
    return { ...invite, row: { ...invite.row, name: String(mail.fields['to']) } }
  }
  if (document?.action === 'delete')
    return row('-', 'remove', generated ? 'withdraw' : 'gone', generated ? 'is not invited any more' : '')
  if (generated) return row('-', 'withdraw', 'withdraw', 'is not invited any more')
  if (of('membership', 'join').length + of('account', 'create').length > 0)
    return row('+', 'add', 'add', gains || 'no role')
  if (gains !== '') return row('+', 'grant', 'grant', gains)
  if (document?.action === 'create') return row('+', nounOf(document.kind), 'new')
  if (document) return row('~', nounOf(document.kind), 'change', fieldTexts(document.fields))
  if (of('seat', 'free').length > 0) return row('-', 'seat', 'free')
  if (of('seat', 'give').length > 0) return row('+', 'seat', 'seat')
  return row('✉', 'mail', 'mail')
}

const MAILS: Record<string, string> = {
  accountCreated: 'a mail how to sign in',
  welcome: 'a welcome mail',
  licenseKeys: 'a mail with licence keys',
  invitationFailed: 'a mail to the admins',
  invitationGaveUp: 'a mail to the admins',
  adminNotice: 'a mail to the admins',
  removalsHeld: 'a mail that something is held',
  directoryStale: 'a mail to the admins',
}

/** Roles, else groups, else permissions, else where these reach down to: the first of them that says something. */
const accessText = (changes: readonly Change[]): string => {
  for (const part of ['roles', 'groups', 'permissions']) {
    const all = changes.flatMap(({ fields }) => texts(fields[part]))
    if (all.length > 0) return listed([...new Set(all)])
  }
  const reach = changes.flatMap(({ fields }) => texts(fields['reach']))
  return reach.length > 0 ? `reach: ${listed([...new Set(reach)])}` : ''
}

const seatTexts = (changes: readonly Change[]): string[] =>
  changes.map(({ action, fields }) => {
    const count = Number(fields['seats'] ?? 1)
    const does = action === 'free' ? 'frees' : fields['state'] === 'Reserved' ? 'holds' : 'takes'
    return `${does} ${counted(count, 'seat')} of ${String(fields['pool'])}`
  })

/** Any other resource than a person's. */
const rowOf = (change: Change): { cost: number; row: PlanRow } => {
  const { action, target, kind, name, because, fields } = change
  if (target === 'mail') {
    const row = { sign: '✉' as const, verb: 'mail', name: String(fields['to']), where: because, also: '' }
    return { cost: COST.mail, row: { ...row, what: MAILS[String(fields['template'])] ?? '' } }
  }
  const sign = action === 'delete' ? '-' : action === 'update' ? '~' : '+'
  const cost = action === 'delete' ? COST.gone : action === 'update' ? COST.change : COST.new
  const what = action === 'update' ? fieldTexts(fields) : ''
  return { cost, row: { sign, verb: nounOf(kind), name, what, where: because, also: '' } }
}

const nounOf = (kind: string): string => (kind === 'LicensePool' ? 'pool' : kind.toLowerCase())

/** `seats: 10 → 7; roles + editor`: short values in full, long ones by name. */
const fieldTexts = (fields: Change['fields']): string =>
  Object.entries(fields)
    .map(([path, change]) =>
      fieldText(path.replace(/^spec\.|^metadata\./, ''), change as { from?: unknown; to?: unknown }),
    )
    .join('; ')

const fieldText = (field: string, { from, to }: { from?: unknown; to?: unknown }): string => {
  if (isTexts(from) && isTexts(to)) {
    const [was, is] = [texts(from), texts(to)]
    const parts = [...missing(is, was).map(one => `+ ${one}`), ...missing(was, is).map(one => `− ${one}`)]
    return parts.length > 0 ? `${field} ${listed(parts)}` : `${field} in another order`
  }
  if (isMemberships(from) && isMemberships(to)) return membershipTexts(from, to).join('; ')
  return isShort(from) && isShort(to) ? `${field}: ${shown(from)} → ${shown(to)}` : field
}

interface Membership {
  organization: string
  roles?: string[]
}
const isMemberships = (value: unknown): value is Membership[] | null =>
  value === null || (Array.isArray(value) && value.every(one => typeof one?.organization === 'string'))

const membershipTexts = (from: Membership[] | null, to: Membership[] | null): string[] => {
  const [was, is] = [
    new Map(from?.map(one => [one.organization, one])),
    new Map(to?.map(one => [one.organization, one])),
  ]
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap(organization => {
    const [before, after] = [was.get(organization), is.get(organization)]
    if (!before) return [`+ membership in ${organization}`]
    if (!after) return [`− membership in ${organization}`]
    return Object.keys({ ...before, ...after })
      .filter(field => JSON.stringify(Reflect.get(before, field)) !== JSON.stringify(Reflect.get(after, field)))
      .map(field =>
        fieldText(field, { from: Reflect.get(before, field) ?? null, to: Reflect.get(after, field) ?? null }),
      )
  })
}

const isTexts = (value: unknown): boolean =>
  value === null || (Array.isArray(value) && value.every(one => typeof one === 'string'))
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
const missing = (all: readonly string[], from: readonly string[]): string[] => all.filter(one => !from.includes(one))
const isShort = (value: unknown): boolean =>
  value === null || ['number', 'boolean'].includes(typeof value) || (typeof value === 'string' && value.length <= 40)
const shown = (value: unknown): string => (value === null ? 'none' : String(value))

const SHOWN = 6
const listed = (all: readonly string[]): string =>
  all.length <= SHOWN ? all.join(', ') : `${all.slice(0, SHOWN - 1).join(', ')} and ${all.length - SHOWN + 1} more`

/** Mails that wait are told where they are planned. */
const laterRows = ({ later, timeZones }: Plan): { organization: string; cost: number; row: PlanRow }[] =>
  later.flatMap(({ action, target, name, organization = '', because, fields, time }) => {
    if (target === 'mail') return []
    const roles = texts(fields['roles'])
    const verb = action === 'end' ? 'ends' : action === 'free' ? 'frees' : 'begins'
    const also = target === 'seat' ? seatTexts([{ action, target, kind: 'User', name, because, fields }]).join() : ''
    const what = [when(time, timeZones.get(organization) ?? 'UTC'), roles.join(', ')]
      .filter(text => text !== '')
      .join('; ')
    return [{ organization, cost: COST.later, row: { sign: '◔' as const, verb, name, what, where: because, also } }]
  })

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
