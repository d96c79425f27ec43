import { isDeepStrictEqual } from 'node:util'
import type { AnyManifest, ManifestOf } from '../api/kinds.ts'
import type { Declaration, Declared } from './declared.ts'

/** Roles of one person, or of whoever is in a group, before and after. */
export interface Turn {
  before: ReadonlySet<string>
  after: ReadonlySet<string>
  /** Where it is said: roles of a membership, of a group. */
  pointer: string
}

const NONE: ReadonlySet<string> = new Set()

/** Every turn of roles that an edit brings about, or makes possible: whom it may let in counts as having had nothing. */
export function* turnsOf(
  before: Declaration | undefined,
  after: Declaration | undefined,
  declared: Declared,
): Generator<Turn> {
  const { kind } = (after ?? before) as AnyManifest
  if (kind === 'User') yield* turnsOfUser(before as OfUser, after as OfUser, declared)
  else if (kind === 'Group') yield* turnsOfGroup(before as OfGroup, after as OfGroup, declared)
  else if (kind === 'Organization' && after)
    yield* turnsOfOrganization(before as OfOrganization, after as ManifestOf<'Organization'>, declared)
  else if (kind === 'Directory' && after)
    yield* turnsOfDirectory(before as OfDirectory, after as ManifestOf<'Directory'>, declared)
  // What an accepted one gave stays, whatever becomes of it.
  else if (kind === 'Invitation' && after)
    yield {
      before: before ? declared.rolesOfInvitation(before as ManifestOf<'Invitation'>) : NONE,
      after: declared.rolesOfInvitation(after as ManifestOf<'Invitation'>),
      pointer: '/spec',
    }
}

type OfUser = ManifestOf<'User'> | undefined
type OfGroup = ManifestOf<'Group'> | undefined
type OfOrganization = ManifestOf<'Organization'> | undefined
type OfDirectory = ManifestOf<'Directory'> | undefined

function* turnsOfUser(before: OfUser, after: OfUser, declared: Declared): Generator<Turn> {
  // Who is gone has nothing.
  if (!after) return
  const had = before ? declared.rolesOfUser(before) : new Map<string, ReadonlySet<string>>()
  const has = declared.rolesOfUser(after)
  const newcomer = before !== undefined && namesSomebodyElse(before, after)
  for (const [organization, now] of has) {
    const index = after.spec.memberships?.findIndex(one => one.organization === organization) ?? -1
    const pointer = index === -1 ? '/spec/identities' : `/spec/memberships/${index}`
    yield { before: had.get(organization) ?? NONE, after: now, pointer }
    if (newcomer) yield { before: NONE, after: now, pointer: '/spec' }
  }
  // Whoever leaves has nothing there any more, but what was denied from there on down is denied no more.
  for (const [organization, old] of had)
    if (!has.has(organization))
      yield {
        before: new Set([...old].filter(role => declared.role(role)?.scope === 'Descendants')),
        after: NONE,
        pointer: '/spec',
      }
}

function* turnsOfGroup(before: OfGroup, after: OfGroup, declared: Declared): Generator<Turn> {
  const pointer = '/spec'
  const old = before ? declared.rolesOfGroup(before.metadata.name) : NONE
  const now = after ? declared.with(after, () => declared.rolesOfGroup(after.metadata.name)) : NONE
  yield { before: old, after: now, pointer }
  // A cycle of groups gives nothing to whoever comes: ending one gives all of it, and making one takes what its roles deny.
  const freed = before ? declared.rolesOfCycle(before.metadata.name) : NONE
  const caught = after ? declared.with(after, () => declared.rolesOfCycle(after.metadata.name)) : NONE
  if (freed.size > 0) yield { before: NONE, after: freed, pointer }
  if (caught.size > 0) yield { before: caught, after: NONE, pointer }
  if (haveNewcomers(before, after)) yield { before: NONE, after: now, pointer }
  if (haveNewcomers(after, before)) yield { before: old, after: NONE, pointer }
}

/** Who of a directory belongs here, and whom it may speak of, is said by the organization too. */
function* turnsOfOrganization(
  before: OfOrganization,
  after: ManifestOf<'Organization'>,
  declared: Declared,
): Generator<Turn> {
  if (!before) return
  for (const field of ['users', 'domains'] as const)
    if (!isDeepStrictEqual(before.spec[field], after.spec[field]))
      yield { before: NONE, after: declared.rolesOfImportsIn(after.metadata.name), pointer: `/spec/${field}` }
}

/** Whoever declares who is imported makes people members, of whatever address: they get what it gives, and what groups give by an expression. */
function* turnsOfDirectory(before: OfDirectory, after: ManifestOf<'Directory'>, declared: Declared): Generator<Turn> {
  // A field that is left as it is brings nobody new.
  if (before && isDeepStrictEqual(before.spec, after.spec)) return
  yield { before: NONE, after: declared.rolesOfImport(after), pointer: '/spec/import' }
}

/** Whether somebody may be in a group who was not before. */
const haveNewcomers = (before: OfGroup, after: OfGroup): boolean => {
  if (!after) return false
  const more = (field: 'members' | 'groups') => {
    const known = new Set(before?.spec[field])
    return after.spec[field]?.some(name => !known.has(name)) ?? false
  }
  const { membersWhere, importFrom } = after.spec
  if (importFrom && !isDeepStrictEqual(importFrom, before?.spec.importFrom)) return true
  return more('members') || more('groups') || (membersWhere !== undefined && membersWhere !== before?.spec.membersWhere)
}

/** Another address, or one more, may be somebody else: they have what the person has. */
const namesSomebodyElse = (before: ManifestOf<'User'>, after: ManifestOf<'User'>): boolean => {
  const names = ({ spec }: ManifestOf<'User'>): string[] => [
    spec.email,
    ...(spec.aliases ?? []),
    ...(spec.identities ?? []).map(one => JSON.stringify([one.directory, one.id, one.name])),
  ]
  const known = new Set(names(before))
  return names(after).some(name => !known.has(name))
}
