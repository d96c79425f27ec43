import type { Invitation } from '../api/invitation.ts'
import type { AnyManifest } from '../api/kinds.ts'
import { API_VERSION, LABELS, MANAGED_BY } from '../api/names.ts'
import { parseAddress } from '../decide/address.ts'
import type { LineLimits } from '../decide/line.ts'
import { generatedName, membershipName } from '../decide/record-names.ts'
import { readManifests } from '../manifests/read.ts'
import { settingsFor } from '../reconcilers/context.ts'
import { ANYBODY, Lines, lineLimits } from '../reconcilers/lines.ts'
import { isGenerated, requestsOf } from '../reconcilers/people.ts'
import type { Realm } from './realm.ts'
import { RequestError } from './requests.ts'
import { SettingsError } from './settings.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import { checkOrganization } from './why/permission.ts'

/** Whom to invite, and with what. */
export interface Inviting {
  addresses: readonly string[]
  organization: string
  roles: readonly string[]
  message?: string | undefined
  givenName?: string | undefined
  locale?: string | undefined
  validFor?: string | undefined
}

/** What becomes of one address. */
export type Invited =
  /** Its Invitation was made. `at`: when its mail may go by the limits, where that is not now. */
  | { address: string; is: 'made'; invitation: string; uid: string; at?: string }
  /** Nothing was made. */
  | { address: string; is: 'refused'; why: string }

/** How many mails may still go in these 24 hours, from this command line and from the organization. */
export interface Quota {
  limit: number
  left: number
}

/**
 * Makes one Invitation an address, under the field manager of who asks. Checked by the schema and references of manifests before the first is written:
 * what is wrong with one stops all.
 * @returns what became of each, what was left of the limit before, and the time zone in which people there read times
 * @throws SettingsError naming what is wrong
 */
export const invite = async (
  realm: Pick<Realm, 'store' | 'clock' | 'actor' | 'audit'>,
  asked: Inviting,
): Promise<{ invited: Invited[]; quota: Quota; timeZone: string }> => {
  const snapshot = await takeSnapshot(realm)
  const organization = checkOrganization(snapshot, asked.organization)
  const found = settingsFor(snapshot, organization)
  if (!found)
    throw new RequestError('NotAllowed', `organization ${organization} is being deleted; nobody can be invited there`)
  if (found.problem)
    throw new RequestError('NotAllowed', `nobody can be invited into ${organization} now: ${found.problem.message}`)
  const manifests = distinct(asked.addresses).map(address => manifestOf(asked, address, snapshot.now))
  await check(snapshot, manifests)

  const limits = lineLimits(found.settings)
  const open = manifests.filter(({ spec }) => obstacle(snapshot, organization, spec.email) === undefined)
  const turns = turnsOf(snapshot, organization, limits, open)
  const invited: Invited[] = []
  for (const manifest of manifests) {
    const { email } = manifest.spec
    const refused = obstacle(snapshot, organization, email)
    if (refused !== undefined) {
      invited.push({ address: email, is: 'refused', why: refused })
      continue
    }
    const at = turns.get(email)
    invited.push({ ...(await make(realm, manifest)), ...(at !== undefined && { at }) })
  }
  return { invited, quota: quotaOf(snapshot, organization, limits.perInviter), timeZone: found.settings.timeZone }
}

const make = async (
  { store, actor, audit }: Pick<Realm, 'store' | 'actor' | 'audit'>,
  { metadata, spec }: ReturnType<typeof manifestOf>,
): Promise<Extract<Invited, { is: 'made' }>> => {
  const { email, organization, roles = [] } = spec
  await audit.append({
    phase: 'change',
    actor,
    action: 'invitation.create',
    target: `Invitation/${metadata.name}`,
    organization,
    after: { to: email, roles },
  })
  const made = await store.create({ kind: 'Invitation', metadata, spec }, { manager: actor })
  return { address: email, is: 'made', invitation: made.metadata.name, uid: made.metadata.uid }
}

/** When each of those who come into the line together may go, where that is not now. */
const turnsOf = (
  snapshot: Snapshot,
  organization: string,
  limits: LineLimits,
  manifests: readonly ReturnType<typeof manifestOf>[],
): Map<string, string> => {
  const line = new Lines(snapshot.cache).of(organization)
  const since = new Date(snapshot.now).toISOString()
  const places = manifests.map(({ spec }) => ({ email: spec.email, name: membershipName(organization, spec.email) }))
  for (const { name, email } of places) line.enter({ name, since, address: email, actor: ANYBODY })
  return new Map(
    places.flatMap(({ name, email }): [string, string][] => {
      const turn = line.turn(name, limits, snapshot.now)
      return turn.is === 'later' ? [[email, new Date(turn.at).toISOString()]] : []
    }),
  )
}

/** Where one Invitation that was made stands now. */
export type InvitedState =
  | { is: 'waiting' }
  | { is: 'sent'; until: string; delivery?: string }
  | { is: 'queued'; why: string }
  | { is: 'joined' }
  | { is: 'failed'; why: string }

export const invitedState = (invitation: Invitation | undefined): InvitedState => {
  if (!invitation) return { is: 'failed', why: 'it was deleted meanwhile' }
  const { state, expirationTime, delivery, conditions } = invitation.status ?? {}
  const ready = conditions?.find(one => one.type === 'Ready')
  if (state === 'Accepted') return { is: 'joined' }
  if (state === 'Pending' && ready?.reason === 'WaitingForPerson')
    return { is: 'sent', until: expirationTime ?? '', ...(delivery !== undefined && { delivery }) }
  if (conditions?.some(one => one.type === 'Stalled' && one.status === 'True') || ready?.reason === 'Retrying')
    return { is: 'failed', why: ready?.message ?? 'unknown' }
  if (ready?.status === 'True' && state !== undefined) return { is: 'queued', why: ready.message }
  return { is: 'waiting' }
}

const distinct = (addresses: readonly string[]): string[] => {
  const found = new Map<string, string>()
  for (const text of addresses) {
    const parsed = parseAddress(text)
    if ('problem' in parsed) throw new SettingsError(`${JSON.stringify(text)} ${parsed.problem}`)
    if (!found.has(parsed.address)) found.set(parsed.address, parsed.text)
  }
  return [...found.values()]
}

const manifestOf = (
  { organization, roles, message, givenName, locale, validFor }: Inviting,
  email: string,
  now: number,
) => ({
  apiVersion: API_VERSION,
  kind: 'Invitation' as const,
  metadata: {
    name: generatedName(email.split('@')[0] ?? '', 'Invitation', organization, email, String(now)),
    labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.organization]: organization },
  },
  spec: {
    email,
    organization,
    ...(roles.length > 0 && { roles: [...roles] }),
    ...(givenName !== undefined && { givenName }),
    ...(locale !== undefined && { locale }),
    ...(message !== undefined && { message }),
    ...(validFor !== undefined && { validFor }),
  },
})

/** By the rules of manifests, as if they stood in a file beside everything that is in the store. */
const check = async ({ cache }: Snapshot, manifests: readonly AnyManifest[]): Promise<void> => {
  const bare = manifests.map(manifest => ({ ...manifest, metadata: { name: manifest.metadata.name } }))
  const base = (['Organization', 'Role', 'Group', 'User'] as const).flatMap(kind => [...cache.list(kind)])
  const { findings } = await readManifests(
    [{ file: 'invite', text: bare.map(one => JSON.stringify(one)).join('\n---\n') }],
    { base },
  )
  const [first] = findings.filter(({ severity }) => severity === 'error')
  if (first) throw new SettingsError(first.message)
}

const obstacle = ({ cache }: Snapshot, organization: string, email: string): string | undefined => {
  const open = requestsOf(cache, organization, email).find(({ status }) =>
    [undefined, 'Queued', 'Pending', 'Expired', 'Failed'].includes(status?.state),
  )
  if (!open) return undefined
  const { name } = open.metadata
  if (isGenerated(open))
    return `is declared and invited already (invitation ${name}); \`roster resend ${email}\` sends a new link`
  return `is invited already (invitation ${name}, ${open.status?.state ?? 'new'}); \`roster resend ${email}\` sends a new link`
}

const quotaOf = ({ cache, now }: Snapshot, organization: string, limit: number): Quota => {
  const DAY = 86_400_000
  const sent = cache
    .by('Membership', 'organization', organization)
    .flatMap(({ spec }) => spec.attempts)
    .filter(one => one.actor === ANYBODY && !one.automatic && Date.parse(one.claimedTime) > now - DAY).length
  return { limit, left: Math.max(0, limit - sent) }
}
