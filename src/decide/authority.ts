import { isDeepStrictEqual } from 'node:util'
import type { Grant } from '../api/grant.ts'
import type { AnyManifest, ManifestOf } from '../api/kinds.ts'
import { DECLARED_KINDS } from '../api/names.ts'
import { type Declaration, type Declared, merged } from './declared.ts'
import { matchesGlob, matchesPath } from './glob.ts'
import { gainedPermissions, lostPermissions, normalPermissions, permissionsOf } from './permissions.ts'
import { turnsOf } from './turns.ts'

/** One rule of the controller's policy file, and where it stands: `policy.yaml:7`. */
export interface PolicyRule {
  sources?: readonly string[]
  paths?: readonly string[]
  may: Grant
  place: string
}
export interface Policy {
  file: string
  rules: readonly PolicyRule[]
}

/** Who declares something, and what they may. */
export interface Authority {
  /** Name of the source. */
  source: string
  /** `Source.spec.may`. */
  may?: Grant | undefined
  /** The controller's own; without one only `may` counts. */
  policy?: Policy | undefined
  /** A person at the command line applies it: only they may hand out what they do not bound, new Sources. */
  byPerson: boolean
}

/** What becomes of one declared thing. Without `before` it is new. */
export interface Edit {
  before: Declaration | undefined
  /** What the document says; undefined: it is gone. */
  desired: AnyManifest | undefined
  /** File inside the source, where there is a document. */
  path?: string | undefined
}

/** Why a document is refused. */
export interface Refusal {
  /** JSON pointer to what goes beyond. */
  pointer: string
  /** In words, with the rule that bounds it. */
  message: string
}

/** What goes beyond a grant: where, and in words. */
interface Excess {
  pointer: string
  what: string
}

/**
 * Nobody grants what they do not hold: the one decision on whether a document may be declared. It must be within `may` of its source and, where the controller has
 * a policy, within one of its rules that speak of the source and the file. What the edit makes possible counts, not only what the document names: roles that
 * groups give, denials that fall away, everything a person has where their address changes.
 * @param declared what is in force before this edit: a revision is judged document by document, each after those before it were applied
 */
export const refusalOf = (authority: Authority, edit: Edit, declared: Declared): Refusal | undefined => {
  const { source, may, policy, byPerson } = authority
  const subject = edit.desired ?? edit.before
  if (!subject) return undefined
  if (!byPerson && subject.kind === 'Source' && subject.metadata.name === source)
    return { pointer: '', message: `source ${source} may not change what it may itself` }
  const own = excessOf(may ?? {}, edit, declared, byPerson)
  if (own)
    return {
      pointer: own.pointer,
      message: `${own.what}, which is beyond what source ${source} may${may ? ' (Source.spec.may)' : ''}`,
    }
  if (!policy) return undefined
  const speaking = policy.rules.filter(
    rule =>
      (rule.sources?.some(pattern => matchesGlob(pattern, source)) ?? true) &&
      // Something that is gone has no file any more: whoever could have declared it somewhere may drop it.
      (edit.path === undefined || (rule.paths?.some(pattern => matchesPath(pattern, edit.path ?? '')) ?? true)),
  )
  let first: (Excess & { place: string }) | undefined
  for (const rule of speaking) {
    const excess = excessOf(rule.may, edit, declared, byPerson)
    if (!excess) return undefined
    first ??= { ...excess, place: rule.place }
  }
  if (!first)
    return {
      pointer: '',
      message: `no rule of ${policy.file.replace(/^.*[/\\]/, '')} lets source ${source} declare anything${edit.path === undefined ? '' : ` in ${edit.path}`}`,
    }
  const others = speaking.length === 1 ? '' : `, and ${speaking.length - 1} more`
  return { pointer: first.pointer, message: `${first.what}, which is beyond the policy (${first.place}${others})` }
}

/** Whether a decision with this grant needs to know what else is declared. */
export const needsDeclared = ({ organizations, roles, permissions }: Grant): boolean =>
  organizations !== undefined || roles !== undefined || permissions !== undefined

const excessOf = (may: Grant, edit: Edit, declared: Declared, byPerson: boolean): Excess | undefined => {
  const { before, desired } = edit
  const subject = (desired ?? before) as AnyManifest
  const kinds: readonly string[] = may.kinds ?? (byPerson ? DECLARED_KINDS : DECLARED_KINDS.filter(isOrdinary))
  if (!kinds.includes(subject.kind)) return { pointer: '/kind', what: `declares ${article(subject.kind)}` }
  if (subject.kind === 'Source') return byPerson || !desired ? undefined : sourceExcess(may, desired as typeof subject)
  return organizationExcess(may, edit, declared) ?? accessExcess(may, edit, declared)
}

const article = (kind: string): string => `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`
const isOrdinary = (kind: string): boolean => kind !== 'Source' && kind !== 'Approval'

/** A source that is declared may at most what its declarer may, and never reads the machine. */
const sourceExcess = (may: Grant, { spec }: ManifestOf<'Source'>): Excess | undefined => {
  if (spec.folder) return { pointer: '/spec/folder', what: 'declares a Source that reads a folder of the machine' }
  const given: Grant = spec.may ?? {}
  const lists = ['kinds', 'organizations', 'roles'] as const
  for (const field of lists) {
    const bound: readonly string[] | undefined = may[field]
    const wanted: readonly string[] | undefined = given[field]
    const pointer = `/spec/may/${field}`
    if (!bound) continue
    if (!wanted)
      return { pointer: '/spec', what: `declares a Source that bounds no ${field} (${field}: ${bound.join(', ')})` }
    const over = wanted.find(one => !bound.some(pattern => matchesGlob(pattern, one)))
    if (over !== undefined) return { pointer, what: `declares a Source with ${field} ${over}` }
  }
  if (!may.permissions) return undefined
  if (!given.permissions) return { pointer: '/spec', what: 'declares a Source that bounds no permissions' }
  const over = beyond(may.permissions, given.permissions)
  return over === undefined
    ? undefined
    : { pointer: '/spec/may/permissions', what: `declares a Source that may give ${over}` }
}

/** Everything happens in organizations that the grant names: in what is declared, and in what is there already. */
const organizationExcess = (may: Grant, { before, desired }: Edit, declared: Declared): Excess | undefined => {
  const { organizations } = may
  if (!organizations) return undefined
  const within = (name: string): boolean => organizations.some(pattern => matchesGlob(pattern, name))
  for (const { pointer, organization } of desired ? placesOf(desired, declared) : [])
    if (!within(organization)) return { pointer, what: `declares something in organization ${organization}` }
  for (const { organization } of before ? placesOf(before as AnyManifest, declared) : [])
    if (!within(organization)) return { pointer: '', what: `changes what belongs to organization ${organization} too` }
  return undefined
}

function* placesOf(manifest: AnyManifest, declared: Declared): Generator<{ pointer: string; organization: string }> {
  switch (manifest.kind) {
    case 'Organization':
      yield { pointer: '/metadata/name', organization: manifest.metadata.name }
      return
    case 'User':
      for (const [index, { organization }] of (manifest.spec.memberships ?? []).entries())
        yield { pointer: `/spec/memberships/${index}/organization`, organization }
      for (const [index, { pool }] of (manifest.spec.licenses ?? []).entries()) {
        const organization = declared.poolOrganization(pool)
        if (organization !== undefined) yield { pointer: `/spec/licenses/${index}/pool`, organization }
      }
      // An alias in a domain is a decision on whoever has that address there, and so is keeping them from signing in.
      for (const [index, alias] of (manifest.spec.aliases ?? []).entries())
        for (const organization of declared.organizationsOfAddress(alias))
          yield { pointer: `/spec/aliases/${index}`, organization }
      if (manifest.spec.suspended)
        for (const organization of declared.organizationsOfAddress(manifest.spec.email))
          yield { pointer: '/spec/suspended', organization }
      // Who is who in a directory is decided by who may declare something where its people are.
      for (const field of ['identities', 'distinctFrom'] as const)
        for (const [index, { directory }] of (manifest.spec[field] ?? []).entries()) {
          const organization = declared.directoryOrganization(directory)
          if (organization !== undefined) yield { pointer: `/spec/${field}/${index}/directory`, organization }
        }
      return
    case 'Source':
      return
    case 'Approval':
      // One without an organization releases what concerns everybody.
      yield { pointer: '/spec/organization', organization: manifest.spec.organization ?? '*' }
      return
    default:
      yield { pointer: '/spec/organization', organization: manifest.spec.organization }
  }
}

const accessExcess = (may: Grant, edit: Edit, declared: Declared): Excess | undefined => {
  if (!may.roles && !may.permissions) return undefined
  const subject = (edit.desired ?? edit.before) as AnyManifest
  if (subject.kind === 'Role') return roleExcess(may, edit, subject.metadata.name)
  if (subject.kind === 'Organization' && may.permissions && movesOrganization(edit)) {
    const over = beyond(may.permissions, ['*:*'])
    // Whose roles reach down from above can be anybody's.
    if (over !== undefined) return { pointer: '/spec', what: 'changes the place of an organization in the tree' }
  }
  const permissions = (names: ReadonlySet<string>): string[] =>
    permissionsOf([...names].flatMap(name => declared.role(name) ?? []))
  // A field that the document does not name stays where somebody else set it, and goes where the document named it before.
  const outcomes = edit.desired ? [merged(edit.before, edit.desired), edit.desired] : [undefined]
  for (const turn of outcomes.flatMap(outcome => [...turnsOf(edit.before, outcome, declared)])) {
    const foreign = [...turn.after].find(
      role => !turn.before.has(role) && may.roles && !may.roles.some(pattern => matchesGlob(pattern, role)),
    )
    if (foreign !== undefined) return { pointer: turn.pointer, what: `gives role ${foreign}` }
    if (!may.permissions) continue
    const over = beyond(may.permissions, gainedPermissions(permissions(turn.before), permissions(turn.after)))
    if (over !== undefined) return { pointer: turn.pointer, what: `gives permission ${over}` }
  }
  return undefined
}

const roleExcess = (may: Grant, { before, desired }: Edit, name: string): Excess | undefined => {
  if (may.roles && !may.roles.some(pattern => matchesGlob(pattern, name)))
    return { pointer: '/metadata/name', what: `declares role ${name}` }
  if (!may.permissions) return undefined
  const of = (role: Declaration | undefined) => permissionsOf(role ? [(role as ManifestOf<'Role'>).spec] : [])
  const over = beyond(may.permissions, gainedPermissions(of(before), of(desired)))
  return over === undefined ? undefined : { pointer: '/spec', what: `lets its holders have permission ${over}` }
}

const movesOrganization = ({ before, desired }: Edit): boolean => {
  const place = (of: Declaration | undefined) => {
    const { parent, children = [] } = (of as ManifestOf<'Organization'> | undefined)?.spec ?? {}
    return [parent, children]
  }
  return !isDeepStrictEqual(place(before), place(desired))
}

/** The first of some permissions that a list of patterns does not cover; a denial that falls away is what it kept from people. */
const beyond = (patterns: readonly string[], permissions: readonly string[]): string | undefined => {
  // How far down a role reaches is a matter of the organizations.
  const held = normalPermissions(patterns.map(pattern => `>${pattern}`))
  return permissions
    .map(text => text.replace(/^!/, ''))
    .find(text => lostPermissions(normalPermissions([text]), held).some(lost => !lost.startsWith('!')))
    ?.replace(/^>/, '')
}
