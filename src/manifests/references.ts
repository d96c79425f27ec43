import { SCHEMAS } from '../api/generated/schemas.ts'
import { DECLARED_KINDS, type DeclaredKind } from '../api/names.ts'
import type { SchemaNode } from '../api/schemanode.ts'
import type { Judgement } from './judgement.ts'
import { escapePointer } from './pointer.ts'
import type { ResourceSet } from './set.ts'

interface Reference {
  kind: DeclaredKind
  name: string
  pointer: string
}

/** Every name that a spec refers to, found by its schema. */
function* referencesIn(node: SchemaNode, value: unknown, pointer: string): Generator<Reference> {
  if (node.ref && typeof value === 'string') yield { kind: node.ref as DeclaredKind, name: value, pointer }
  else if (Array.isArray(value) && node.items) {
    if (!hasReferences(node.items)) return
    for (const [index, item] of value.entries()) yield* referencesIn(node.items, item, `${pointer}/${index}`)
  } else if (typeof value === 'object' && value !== null && hasReferences(node)) {
    for (const [name, child] of Object.entries(value)) {
      const property = node.properties?.[name]
      if (property) yield* referencesIn(property, child, `${pointer}/${escapePointer(name)}`)
    }
  }
}

const referring = new WeakMap<SchemaNode, boolean>()
function hasReferences(node: SchemaNode): boolean {
  let found = referring.get(node)
  if (found === undefined) {
    found =
      node.ref !== undefined ||
      Object.values(node.properties ?? {}).some(hasReferences) ||
      (node.items !== undefined && hasReferences(node.items))
    referring.set(node, found)
  }
  return found
}

/** Names that nothing has, names of other organizations, and (strict) things that nothing names. */
export function judgeReferences(set: ResourceSet, strict: boolean): void {
  const used = new Set<string>()
  for (const kind of DECLARED_KINDS) {
    for (const { manifest, judgement } of set.of(kind)) {
      // What is only referred to, refers to nothing that has to be there.
      if (!judgement && !strict) continue
      for (const reference of referencesIn(SCHEMAS[kind].spec, manifest.spec, '/spec')) {
        used.add(`${reference.kind}/${reference.name}`)
        if (judgement && !set.has(reference.kind, reference.name)) judgeMissing(judgement, set, kind, reference)
      }
    }
  }
  judgeReach(set)
  if (strict) judgeUnused(set, used)
}

function judgeMissing(
  judgement: Judgement,
  set: ResourceSet,
  from: DeclaredKind,
  { kind, name, pointer }: Reference,
): void {
  // An organization may allow children that somebody else has yet to declare.
  const awaited = from === 'Organization' && pointer.startsWith('/spec/children/')
  const what = kind === 'LicensePool' ? 'pool' : kind.toLowerCase()
  judgement.report(
    'reference-not-found',
    `${what} ${JSON.stringify(name)} does not exist${set.suggestion(kind, name)}`,
    pointer,
    awaited ? 'warning' : 'error',
  )
}

/** Roles go down the tree of organizations, groups stay where they are, seats go down only where the pool is shared. */
function judgeReach(set: ResourceSet): void {
  const role = (judgement: Judgement, name: string, organization: string, pointer: string): void => {
    const belongs = set.get('Role', name)?.manifest.spec.organization
    if (belongs === undefined || !set.get('Organization', organization) || set.chain(organization).includes(belongs))
      return
    judgement.report(
      'reference-out-of-reach',
      `role ${JSON.stringify(name)} belongs to organization ${JSON.stringify(belongs)} and can be given only there and below, not in ${JSON.stringify(organization)}`,
      pointer,
    )
  }
  for (const { manifest, judgement } of set.of('User')) {
    if (!judgement) continue
    for (const [index, { organization, roles }] of (manifest.spec.memberships ?? []).entries())
      for (const [at, name] of (roles ?? []).entries())
        role(judgement, name, organization, `/spec/memberships/${index}/roles/${at}`)
  }
  for (const { manifest, judgement } of set.of('Invitation')) {
    if (!judgement) continue
    for (const [at, name] of (manifest.spec.roles ?? []).entries())
      role(judgement, name, manifest.spec.organization, `/spec/roles/${at}`)
  }
  for (const { manifest, judgement } of set.of('Directory')) {
    if (!judgement) continue
    for (const [at, name] of (manifest.spec.import?.roles ?? []).entries())
      role(judgement, name, manifest.spec.organization, `/spec/import/roles/${at}`)
    for (const [at, name] of (manifest.spec.import?.mayGrant?.roles ?? []).entries())
      role(judgement, name, manifest.spec.organization, `/spec/import/mayGrant/roles/${at}`)
  }
  for (const { manifest, judgement } of set.of('Group')) {
    if (!judgement) continue
    const { organization, roles, groups, importFrom } = manifest.spec
    const directory = importFrom && set.get('Directory', importFrom.directory)?.manifest.spec
    if (directory && directory.organization !== organization)
      judgement.report(
        'reference-out-of-reach',
        `directory ${JSON.stringify(importFrom.directory)} belongs to organization ${JSON.stringify(directory.organization)}; its groups are imported there only`,
        '/spec/importFrom/directory',
      )
    for (const [at, name] of (directory ? (roles ?? []) : []).entries())
      if (!directory?.import?.mayGrant?.roles.includes(name))
        judgement.report(
          'reference-out-of-reach',
          `role ${JSON.stringify(name)} is not in import.mayGrant of directory ${JSON.stringify(importFrom?.directory)}: nobody gets it by this group`,
          `/spec/roles/${at}`,
        )
    for (const [at, name] of (roles ?? []).entries()) role(judgement, name, organization, `/spec/roles/${at}`)
    for (const [at, name] of (groups ?? []).entries()) {
      const belongs = set.get('Group', name)?.manifest.spec.organization
      if (belongs !== undefined && belongs !== organization)
        judgement.report(
          'reference-out-of-reach',
          `group ${JSON.stringify(name)} belongs to organization ${JSON.stringify(belongs)}; groups hold groups of their own organization only`,
          `/spec/groups/${at}`,
        )
    }
  }
  for (const { manifest, judgement } of set.of('LicensePool')) if (judgement) judgePool(set, manifest.spec, judgement)
}

interface Criteria {
  roles?: string[]
  groups?: string[]
}

function judgePool(
  set: ResourceSet,
  spec: { organization: string; shared?: boolean; selector?: Criteria; priority?: Criteria[] },
  judgement: Judgement,
): void {
  const chain = set.chain(spec.organization)
  const below = (organization: string): boolean =>
    spec.shared === true && set.chain(organization).includes(spec.organization)
  const check = ({ roles, groups }: Criteria, pointer: string): void => {
    for (const [at, name] of (roles ?? []).entries()) {
      const belongs = set.get('Role', name)?.manifest.spec.organization
      if (belongs !== undefined && !chain.includes(belongs) && !below(belongs))
        judgement.report(
          'reference-out-of-reach',
          `nobody in organization ${JSON.stringify(spec.organization)} can hold role ${JSON.stringify(name)} of ${JSON.stringify(belongs)}`,
          `${pointer}/roles/${at}`,
        )
    }
    for (const [at, name] of (groups ?? []).entries()) {
      const belongs = set.get('Group', name)?.manifest.spec.organization
      if (belongs !== undefined && belongs !== spec.organization && !below(belongs))
        judgement.report(
          'reference-out-of-reach',
          `group ${JSON.stringify(name)} belongs to organization ${JSON.stringify(belongs)}, and the pool to ${JSON.stringify(spec.organization)}`,
          `${pointer}/groups/${at}`,
        )
    }
  }
  if (spec.selector) check(spec.selector, '/spec/selector')
  for (const [index, step] of (spec.priority ?? []).entries()) check(step, `/spec/priority/${index}`)
}

function judgeUnused(set: ResourceSet, used: ReadonlySet<string>): void {
  const selecting = (pool: { selector?: unknown }): boolean => pool.selector !== undefined
  for (const { manifest, judgement } of set.of('Role'))
    if (!used.has(`Role/${manifest.metadata.name}`))
      judgement?.report('unused', 'nobody gets this role', '/metadata/name', 'info')
  for (const { manifest, judgement } of set.of('Group'))
    if (!used.has(`Group/${manifest.metadata.name}`) && !manifest.spec.roles?.length)
      judgement?.report('unused', 'the group gives no role, and nothing names it', '/metadata/name', 'info')
  for (const { manifest, judgement } of set.of('LicensePool'))
    if (!used.has(`LicensePool/${manifest.metadata.name}`) && !selecting(manifest.spec))
      judgement?.report('unused', 'the pool has no selector, and no user names it', '/metadata/name', 'info')
}
