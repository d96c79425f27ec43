import type { Invitation } from '../api/invitation.ts'
import type { AnyManifest } from '../api/kinds.ts'
import { API_VERSION, LABELS, MANAGED_BY } from '../api/names.ts'
import { parseAddress } from '../decide/address.ts'
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
 * @throws SettingsError naming what is wrong
 */
export const invite = async (
  realm: Pick<Realm, 'store' | 'clock' | 'actor' | 'audit'>,
  asked: Inviting,
): Promise<{ invited: Invited[]; quota: Quota }> => {
  const snapshot = await takeSnapshot(realm)
  const organization = checkOrganization(snapshot, asked.organization)
  const found = settingsFor(snapshot, organization)
  if (!found)
    throw new RequestError('NotAllowed', `organization ${organization} is being deleted; nobody can be invited there`)
  if (found.problem)
    throw new RequestError('NotAllowed', `nobody can be invited into ${organization} now: ${found.problem.message}`)
  const manifests = distinct(asked.addresses).map(address => manifestOf(asked, address, snapshot.now))
  await check(snapshot, manifests)

  const lines = new Lines(snapshot.cache)
  const line = lines.of(organization)
  const limits = lineLimits(found.settings)
  const invited: Invited[] = []
  for (const manifest of manifests) {
    const { email } = manifest.spec
    const refused = obstacle(snapshot, organization, email)
    if (refused !== undefined) {
      invited.push({ address: email, is: 'refused', why: refused })
      continue
    }
    const place = membershipName(organization, email)
    line.enter({ name: place, since: new Date(snapshot.now).toISOString(), address: email, actor: ANYBODY })
    const turn = line.turn(place, limits, snapshot.now)
    const made = await realm.store.create(
      { kind: 'Invitation', metadata: manifest.metadata, spec: manifest.spec },
      { manager: realm.actor },
    )
    await realm.audit.append({
      phase: 'change',
      actor: realm.actor,
      action: 'invitation.create',
      target: `Invitation/${made.metadata.name}`,
      organization,
      after: { to: email, roles: manifest.spec.roles ?? [] },
    })
    const { name, uid } = made.metadata
    invited.push({
      address: email,
      is: 'made',
      invitation: name,
      uid,
      ...(turn.is === 'later' && { at: new Date(turn.at).toISOString() }),
    })
  }
  return { invited, quota: quotaOf(snapshot, organization, limits.perInviter) }
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
