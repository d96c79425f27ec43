import { isConflict } from '../api/errors.ts'
import type { Organization } from '../api/organization.ts'
import { frozenAt, placement } from '../decide/settings.ts'
import type { ResourceStore } from '../store/store.ts'
import { handManifest } from './handfields.ts'
import type { Realm } from './realm.ts'
import { declaredObject, RequestError } from './requests.ts'
import { whenceOf } from './whence.ts'

/** What became of one organization. */
export interface Frozen {
  organization: string
  /** Whether anything was written. */
  changed: boolean
  /** Whether nothing leaves for it now. */
  frozen: boolean
  /** The one above that keeps it frozen. */
  above?: string
  /** Organizations below it that are frozen by themselves. */
  below: string[]
  /** Why it was not done, and what to do. */
  refused?: string
}

type Freezing = Pick<Realm, 'store' | 'actor' | 'audit'>

/**
 * Sets `frozen` of one organization, or of every root organization, in the name of who asks. From the answer on no mail begins to leave, also where no controller has noticed yet:
 * it is read right before each one.
 * @throws RequestError where the organization does not exist
 */
export const setFrozen = async (realm: Freezing, named: string | undefined, frozen: boolean): Promise<Frozen[]> => {
  if (named !== undefined) await declaredObject(realm, { kind: 'Organization', name: named })
  const all = await organizations(realm.store)
  const wanted = named === undefined ? [...all.values()].filter(one => isRoot(one, all)) : [all.get(named)]
  if (wanted.length === 0) throw new RequestError('ReferenceNotFound', 'there is no organization')
  const done: Frozen[] = []
  for (const organization of wanted) if (organization) done.push(await setOne(realm, organization, frozen))
  const after = await organizations(realm.store)
  return done.map(one => ({ ...one, ...standing(one.organization, after) }))
}

/** How often an organization that is being written by others is read anew. */
const RACES = 5

const setOne = async (realm: Freezing, first: Organization, frozen: boolean): Promise<Frozen> => {
  const { store, actor, audit } = realm
  const { name, uid } = first.metadata
  const result = { organization: name, changed: false, frozen, below: [] }
  let organization: Organization | undefined = first
  for (let race = 1; organization?.metadata.uid === uid; race++) {
    if ((organization.spec.frozen ?? false) === frozen) return result
    const owners = await store.owners({ kind: 'Organization', name })
    const source = owners.find(one => one.field === 'spec.frozen' && one.manager.startsWith('source/'))?.manager
    if (!frozen && source !== undefined) {
      const refused = `${name} is frozen in its manifest, ${whenceOf(organization).place}, which ${source} applies: take \`frozen: true\` out there`
      return { ...result, refused }
    }
    const line = {
      actor,
      action: frozen ? 'organization.freeze' : 'organization.unfreeze',
      target: `Organization/${name}`,
      organization: name,
      because: `asked by ${actor}`,
    }
    const manifest = handManifest(
      { ...organization, kind: 'Organization' as const },
      { owners, manager: actor },
      { 'spec.frozen': frozen },
    )
    await audit.append({ ...line, phase: 'intent', before: { frozen: !frozen }, after: { frozen } })
    try {
      await store.apply(manifest, {
        manager: actor,
        force: true,
        ifUid: uid,
        ifVersion: organization.metadata.resourceVersion,
      })
    } catch (error) {
      if (!isConflict(error) || race >= RACES) throw error
      organization = await store.get('Organization', name)
      continue
    }
    await audit.append({ ...line, phase: 'result', after: { frozen } })
    return { ...result, changed: true }
  }
  return { ...result, refused: `${name} is gone` }
}

const organizations = async (store: Pick<ResourceStore, 'list'>): Promise<Map<string, Organization>> =>
  new Map((await store.list('Organization')).items.map(one => [one.metadata.name, one]))

/** Whatever is not confirmed below another one: that is frozen by nothing else. */
const isRoot = ({ metadata }: Organization, all: ReadonlyMap<string, Organization>): boolean =>
  placement(metadata.name, name => all.get(name)).chain.length === 1

const standing = (name: string, all: ReadonlyMap<string, Organization>): Pick<Frozen, 'frozen' | 'above' | 'below'> => {
  const by = frozenAt(placement(name, one => all.get(one)).chain)
  const below = [...all.values()].filter(
    ({ metadata, spec }) =>
      spec.frozen === true &&
      metadata.name !== name &&
      placement(metadata.name, one => all.get(one)).chain.some(one => one.metadata.name === name),
  )
  return {
    frozen: by !== undefined,
    ...(by !== undefined && by !== name && { above: by }),
    below: below.map(({ metadata }) => metadata.name).sort(),
  }
}
