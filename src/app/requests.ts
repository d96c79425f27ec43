import { randomBytes } from 'node:crypto'
import { type Retry, RosterError } from '../api/errors.ts'
import type { Invitation } from '../api/invitation.ts'
import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, DECLARED_KINDS, type DeclaredKind, type Kind, type Reason } from '../api/names.ts'
import { findPerson } from './person.ts'
import type { Realm } from './realm.ts'
import { findObject } from './selecting.ts'
import { takeSnapshot } from './snapshot.ts'
import { didYouMean } from './suggest.ts'
import { whenceOf } from './whence.ts'

/** Something cannot be asked of a resource. */
export class RequestError extends RosterError {
  readonly retry: Retry = 'never'
  readonly reason: Reason
  constructor(reason: 'ReferenceNotFound' | 'NotAllowed', message: string) {
    super(message)
    this.reason = reason
  }
}

type Requesting = Pick<Realm, 'store' | 'clock' | 'actor' | 'audit'>

/** A declared resource. @throws RequestError for a record, and for what is not there, with the name that was probably meant */
export const declaredObject = async (
  { store }: Pick<Realm, 'store'>,
  { kind, name }: { kind: Kind; name: string },
): Promise<AnyResource> => {
  if (!(DECLARED_KINDS as readonly Kind[]).includes(kind))
    throw new RequestError('NotAllowed', `${kind} is a record: only Roster itself writes it`)
  const found = await findObject(store, kind, name)
  if (found) return found
  const names = (await store.list(kind)).items.map(({ metadata }) => metadata.name)
  throw new RequestError(
    'ReferenceNotFound',
    `${kind.toLowerCase()} ${JSON.stringify(name)} does not exist${didYouMean(name, names)}`,
  )
}

/** Stops reconciling one resource, or goes on with it. @returns whether anything changed. @throws RequestError */
export const setPaused = async (
  realm: Requesting,
  ref: { kind: Kind; name: string },
  paused: boolean,
): Promise<{ object: AnyResource; changed: boolean }> => {
  const object = await declaredObject(realm, ref)
  const { name, uid, annotations } = object.metadata
  const already = annotations?.[ANNOTATIONS.pause] !== undefined
  if (already === paused) return { object, changed: false }
  const kind = object.kind as DeclaredKind
  if (!paused) {
    const owners = await realm.store.owners({ kind, name })
    const source = owners.find(one => one.field === `metadata.annotations[${ANNOTATIONS.pause}]`)?.manager
    if (source?.startsWith('source/'))
      throw new RequestError(
        'NotAllowed',
        `${kind}/${name} is paused in its manifest, ${whenceOf(object).place}: take the annotation ${ANNOTATIONS.pause} out there`,
      )
  }
  await realm.audit.append({
    phase: 'change',
    actor: realm.actor,
    action: paused ? 'resource.pause' : 'resource.resume',
    target: `${kind}/${name}`,
  })
  await realm.store.annotate(
    { kind, name },
    { [ANNOTATIONS.pause]: paused ? 'true' : null },
    { manager: realm.actor, ifUid: uid },
  )
  return { object, changed: true }
}

/** Asks for a run now. @returns the resource as it was. @throws RequestError */
export const requestReconcile = async (realm: Requesting, ref: { kind: Kind; name: string }): Promise<AnyResource> =>
  (await requestRun(realm, ref)).object

/**
 * Asks for a run now.
 * @param also further annotations, which get the token of the request as their value
 * @returns the resource as it was, and the token
 * @throws RequestError
 */
export const requestRun = async (
  realm: Requesting,
  ref: { kind: Kind; name: string },
  also: readonly string[] = [],
): Promise<{ object: AnyResource; token: string }> => {
  const object = await declaredObject(realm, ref)
  const { name, uid } = object.metadata
  const kind = object.kind as DeclaredKind
  const asked = token(realm)
  await realm.store.annotate(
    { kind, name },
    Object.fromEntries([ANNOTATIONS.requestedAt, ...also].map(annotation => [annotation, asked])),
    { manager: realm.actor, ifUid: uid },
  )
  return { object, token: asked }
}

/** What came of asking for one invitation again. */
export interface Resend {
  invitation: string
  email: string
  organization: string
  /** Absent: it was asked for. Else why not. */
  refused?: string
}

/**
 * Asks for a new link: the old one is dead, and a new series runs under the limits.
 * @param of a person (all their open invitations), or everybody whose link has expired
 * @throws UnknownPersonError
 */
export const requestResend = async (
  realm: Requesting,
  of: { person: string } | { expired: true },
  organization?: string,
): Promise<Resend[]> => {
  const snapshot = await takeSnapshot(realm)
  const all = [...snapshot.cache.list('Invitation')].filter(
    ({ spec, metadata }) =>
      metadata.deletionTimestamp === undefined && (organization === undefined || spec.organization === organization),
  )
  const wanted = 'expired' in of ? all.filter(hasExpired) : chosen(all, snapshot, of.person)
  const done: Resend[] = []
  const asked = new Set<string>()
  for (const invitation of wanted) {
    const { email, organization: where } = invitation.spec
    const { name, uid } = invitation.metadata
    // Several invitations of one address in one organization are one mail.
    const place = `${where}/${email.toLowerCase()}`
    if (asked.has(place)) continue
    asked.add(place)
    const refused = obstacle(invitation)
    if (refused === undefined)
      await realm.store.annotate(
        { kind: 'Invitation', name },
        { [ANNOTATIONS.resendRequestedAt]: token(realm) },
        { manager: realm.actor, ifUid: uid },
      )
    done.push({ invitation: name, email, organization: where, ...(refused !== undefined && { refused }) })
  }
  return done
}

const chosen = (
  all: readonly Invitation[],
  snapshot: Awaited<ReturnType<typeof takeSnapshot>>,
  called: string,
): Invitation[] => {
  const name = called.replace(/^(invitations?|inv)\//i, '')
  const direct = all.filter(({ metadata }) => metadata.name === name)
  if (direct.length > 0) return direct
  const addressed = all.filter(({ spec }) => spec.email.toLowerCase() === name.toLowerCase())
  if (addressed.length > 0) return addressed
  const { addresses } = findPerson(snapshot, called)
  return all.filter(({ spec }) => addresses.includes(spec.email.toLowerCase()))
}

const hasExpired = ({ status }: Invitation): boolean => status?.state === 'Expired' || status?.state === 'GaveUp'

const obstacle = ({ status, metadata }: Invitation): string | undefined => {
  if (status?.state === 'Accepted') return 'has joined already'
  if (status?.state === 'Queued') return 'is queued already; it goes by itself'
  if (metadata.annotations?.[ANNOTATIONS.pause] !== undefined)
    return `is paused; roster resume invitation/${metadata.name}`
  return undefined
}

/** Another one each time, readable as a time. */
const token = ({ clock }: Pick<Realm, 'clock'>): string =>
  `${new Date(clock.now()).toISOString()}-${randomBytes(4).toString('hex')}`
