import { listed, people } from '../api/counted.ts'
import type { AnyResource } from '../api/kinds.ts'
import { ANNOTATIONS, type DeclaredKind, type Kind } from '../api/names.ts'
import type { Change } from '../effects/change.ts'
import type { Plan } from './plan.ts'
import type { Realm } from './realm.ts'
import { rehearse } from './rehearsal.ts'
import { rehearsedPlan } from './rehearsedplan.ts'
import { declaredObject, RequestError } from './requests.ts'
import { takeSnapshot } from './snapshot.ts'
import { waitWhile } from './waiting.ts'
import { whenceOf } from './whence.ts'

/** A deletion that may be done, with all that follows from it. */
export interface Deletion {
  object: AnyResource
  plan: Plan
  /** What else it comes to, in words: a link that dies, who would make it again. */
  consequences: string[]
}

/**
 * Computes what deleting one resource takes away, by letting the reconcilers run over a copy without it. Nothing is changed.
 * @throws RequestError for records, for what Roster made itself, and for what a source declares: there it has to go from
 */
export const planDeletion = async (
  realm: Realm,
  ref: { kind: Kind; name: string },
  signal: AbortSignal,
): Promise<Deletion> => {
  const object = await declaredObject(realm, ref)
  const kind = object.kind as DeclaredKind
  const { name, uid } = object.metadata
  const { place, source, generatedFor } = whenceOf(object)
  if (generatedFor !== undefined) throw new RequestError('NotAllowed', await generatedText(realm, object))
  const consequences = await consequencesOf(realm, object)
  if (source !== undefined) {
    if (await realm.store.get('Source', source))
      throw new RequestError(
        'NotAllowed',
        `${kind}/${name} is declared in ${place} by source ${source}, which would make it again; take it out there`,
      )
    consequences.push(`${place} declares it; \`roster apply\` of that makes it again`)
  }
  const rehearsal = await rehearse(
    realm,
    async store => {
      if (kind === 'User') await confirmRemoval({ store, actor: realm.actor }, object)
      await store.delete({ kind, name }, { ifUid: uid })
    },
    { signal },
  )
  const gone: Change = {
    action: 'delete',
    target: 'resource',
    kind,
    name,
    because: `roster delete, by ${realm.actor}`,
    fields: {},
    ...organizationOf(object),
  }
  return { object, consequences, plan: rehearsedPlan(rehearsal, [gone]) }
}

/** How long a running controller is waited for, in milliseconds. */
const PATIENCE = 10_000

/**
 * Deletes, and lets a running controller end what hangs on it.
 * @returns gone, or what it still waits for @throws ConflictError when it is another life by now
 */
export const deleteObject = async (
  { store, audit, actor }: Pick<Realm, 'store' | 'audit' | 'actor'>,
  object: AnyResource,
  signal: AbortSignal,
): Promise<{ gone: true } | { gone: false; why: string }> => {
  const { kind, metadata } = object
  const { name, uid } = metadata
  await audit.append({
    phase: 'change',
    actor,
    action: 'resource.delete',
    target: `${kind}/${name}`,
    ...organizationOf(object),
    before: object.spec,
  })
  if (kind === 'User') await confirmRemoval({ store, actor }, object)
  if ((await store.delete({ kind, name }, { ifUid: uid })) === undefined) return { gone: true }
  if (!(await store.lease.read())?.held)
    return { gone: false, why: 'no controller runs on this store to end what hangs on it' }
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)])
  const isGone = (one: { metadata: { uid: string } } | undefined): true | undefined =>
    one?.metadata.uid === uid ? undefined : true
  if (await waitWhile({ store }, { kind, name }, isGone, patience)) return { gone: true }
  const { status } = ((await store.get(kind, name)) ?? {}) as {
    status?: { conditions?: { type: string; message: string }[] }
  }
  const ready = status?.conditions?.find(one => one.type === 'Ready')
  return { gone: false, why: ready?.message ?? 'the controller is at it' }
}

/** Notes that somebody was asked for this one person and said yes: the guard lets ten such an hour go beside its budget. */
const confirmRemoval = async (
  { store, actor }: Pick<Realm, 'store' | 'actor'>,
  { kind, metadata: { name, uid } }: AnyResource,
): Promise<void> => {
  await store.annotate({ kind, name }, { [ANNOTATIONS.removalConfirmed]: actor }, { manager: actor, ifUid: uid })
}

const organizationOf = (object: AnyResource): { organization?: string } => {
  const { organization } = object.spec as { organization?: string }
  return object.kind === 'Organization'
    ? { organization: object.metadata.name }
    : organization === undefined
      ? {}
      : { organization }
}

/** What no reconciler tells, because nothing of it is a change of access. */
const consequencesOf = async (realm: Realm, object: AnyResource): Promise<string[]> => {
  const { store, clock } = realm
  const { name } = object.metadata
  switch (object.kind) {
    case 'Invitation': {
      const { state, expirationTime } = object.status ?? {}
      if (state === 'Accepted') return [`${object.spec.email} has joined and stays, with the roles that it granted`]
      const works = expirationTime !== undefined && Date.parse(expirationTime) > clock.now()
      return works ? [`the link in the mail to ${object.spec.email} stops working`] : []
    }
    case 'User': {
      const { cache } = await takeSnapshot(realm)
      const own = cache.by('Membership', 'userUid', object.metadata.uid)
      return own.flatMap(({ metadata, spec: { organization } }) => {
        const admins = cache.by('Membership', 'admins', organization).map(one => one.metadata.name)
        return admins.length === 1 && admins[0] === metadata.name
          ? [`${name} is the last admin of ${organization}: nobody is left who may manage its people`]
          : []
      })
    }
    case 'Role': {
      const open = (await store.list('Invitation')).items.filter(
        ({ spec, status }) => spec.roles?.includes(name) && status?.state !== 'Accepted',
      )
      return open.length > 0 ? [`open invitations carry it: ${listed(open.map(({ spec }) => spec.email))}`] : []
    }
    case 'Organization': {
      const members = (await store.list('Membership')).items.filter(
        ({ spec }) => spec.organization === name && !spec.ended,
      )
      return members.length > 0 ? [`it stays until nothing is left in it; it has ${people(members.length)} now`] : []
    }
    case 'Source': {
      const objects = object.status?.objects ?? 0
      return objects > 0 ? [`its ${objects} resources stay as they are, and nothing updates them any more`] : []
    }
    default:
      return []
  }
}

/** Which declaration stands behind what Roster made. */
const generatedText = async ({ store }: Realm, { kind, metadata, spec }: AnyResource): Promise<string> => {
  const { email = '' } = spec as { email?: string }
  if (kind === 'Invitation') {
    const user = (await store.list('User')).items.find(one => one.spec.email.toLowerCase() === email.toLowerCase())
    const place = user ? whenceOf(user).place : 'the declaration of that person'
    return `Invitation/${metadata.name} is made for the membership declared in ${place}, and would be made again; take the membership out there, or write \`state: Ended\` into it`
  }
  return `${kind}/${metadata.name} was made by Roster for ${email}, whom nobody declares; it goes with their invitations and memberships`
}
