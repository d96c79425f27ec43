import type { AnyResource } from '../api/kinds.ts'
import type { DeclaredKind, Kind } from '../api/names.ts'
import type { Change } from '../effects/change.ts'
import type { Plan } from './plan.ts'
import type { Realm } from './realm.ts'
import { rehearse } from './rehearsal.ts'
import { declaredObject, RequestError } from './requests.ts'
import { whenceOf } from './whence.ts'

/** A deletion that may be done, with all that follows from it. */
export interface Deletion {
  object: AnyResource
  plan: Plan
  /** What should be known before: who would make it again. */
  warnings: string[]
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
  const warnings: string[] = []
  if (source !== undefined) {
    if (await realm.store.get('Source', source))
      throw new RequestError(
        'NotAllowed',
        `${kind}/${name} is declared in ${place} by source ${source}, which would make it again; take it out there`,
      )
    warnings.push(`${place} declares it; \`roster apply\` of that makes it again`)
  }
  const { changes, rest } = await rehearse(
    realm,
    async store => void (await store.delete({ kind, name }, { ifUid: uid })),
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
  const { resourceVersion: base } = await realm.store.info()
  return {
    object,
    warnings,
    plan: {
      base,
      changes: [gone, ...changes],
      held: [],
      refused: [],
      later: [],
      failed: rest.failed.map(one => ({
        ref: { kind: one.kind, name: one.name },
        message: one.error instanceof Error ? one.error.message : String(one.error),
      })),
    },
  }
}

/** @returns whether it is gone at once; else its finalizers wait for the controller. @throws ConflictError when it is another life by now */
export const deleteObject = async (
  { store, audit, actor }: Pick<Realm, 'store' | 'audit' | 'actor'>,
  object: AnyResource,
): Promise<boolean> => {
  const { kind, metadata } = object
  await audit.append({
    phase: 'change',
    actor,
    action: 'resource.delete',
    target: `${kind}/${metadata.name}`,
    ...organizationOf(object),
    before: object.spec,
  })
  const left = await store.delete({ kind, name: metadata.name }, { ifUid: metadata.uid })
  return left === undefined
}

const organizationOf = (object: AnyResource): { organization?: string } => {
  const { organization } = object.spec as { organization?: string }
  return object.kind === 'Organization'
    ? { organization: object.metadata.name }
    : organization === undefined
      ? {}
      : { organization }
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
