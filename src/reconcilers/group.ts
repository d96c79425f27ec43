import { setImmediate } from 'node:timers/promises'
import type { Readiness } from '../api/conditions.ts'
import type { Group } from '../api/group.ts'
import { ANNOTATIONS } from '../api/names.ts'
import { standingOf } from '../decide/can.ts'
import { compileExpression } from '../decide/cel.ts'
import { factsOf } from '../decide/qualification.ts'
import type { Cache, ReconcileResult, Reconciler } from '../runtime/reconciler.ts'
import {
  isPaused,
  organizationsConcerned,
  recordEvent,
  settingsFor,
  type World,
  watch,
  writeStatus,
} from './context.ts'
import { withFinalizer } from './finalizer.ts'
import { Pace } from './pace.ts'

/** People that the passes over one group may look at in a second. */
const PEOPLE_PER_SECOND = 10_000
const NAMED = 5
/** After so many people, everybody else gets a turn: an expression takes some microseconds each. What changes meanwhile wakes the group again. */
const TURN = 500

/**
 * A group: how many are in it, and what is wrong with it. Who is in it is settled on each member's Membership by the User reconciler;
 * where there can be no new verdict (a cycle, a failing expression), that settled access is also the memory of the verdict before.
 */
export const groupReconciler = (world: World): Reconciler<'Group'> => {
  const pace = new Pace(PEOPLE_PER_SECOND)
  return {
    kind: 'Group',
    changed: ({ metadata, spec }) => [metadata.deletionTimestamp, metadata.annotations?.[ANNOTATIONS.pause], spec],
    watches: [
      watch({
        kind: 'Membership',
        changed: ({ spec }) => [
          spec.settled?.groups,
          spec.joined,
          spec.left,
          spec.ended,
          spec.user,
          spec.declared?.until,
        ],
        *wakes({ spec }, cache) {
          yield* spec.settled?.groups ?? []
          for (const group of cache.by('Group', 'expressions', spec.organization)) yield group.metadata.name
          if (!spec.user) return
          for (const group of cache.by('Group', 'member', spec.user.name)) yield group.metadata.name
        },
      }),
      watch({
        kind: 'User',
        changed: ({ metadata, spec }) => [metadata.uid, metadata.labels, spec],
        *wakes({ metadata }, cache) {
          for (const group of cache.by('Group', 'member', metadata.name)) yield group.metadata.name
          for (const { spec } of cache.by('Membership', 'user', metadata.name))
            for (const group of cache.by('Group', 'expressions', spec.organization)) yield group.metadata.name
        },
      }),
      // Groups below and above on the way of a cycle: the whole chain that contains the changed one.
      watch({
        kind: 'Group',
        changed: ({ metadata, spec }) => [metadata.uid, spec.groups, spec.organization],
        *wakes({ metadata, spec }, cache) {
          const around = new Set([metadata.name, ...(spec.groups ?? [])])
          for (const name of around)
            for (const outer of cache.by('Group', 'group', name)) around.add(outer.metadata.name)
          yield* around
        },
      }),
      watch({
        kind: 'Directory',
        changed: ({ metadata, spec }) => [metadata.uid, spec.organization, spec.import?.mayGrant],
        wakes: ({ metadata }, cache) => cache.by('Group', 'importer', metadata.name).map(group => group.metadata.name),
      }),
      watch({
        kind: 'Role',
        changed: ({ metadata }) => metadata.uid,
        wakes: ({ metadata }, cache) => cache.by('Group', 'role', metadata.name).map(group => group.metadata.name),
      }),
      watch({
        kind: 'Organization',
        changed: ({ metadata, spec }) => [metadata.deletionTimestamp, spec.parent, spec.children, spec.domains],
        *wakes({ metadata }, cache) {
          for (const below of organizationsConcerned(cache, metadata.name))
            for (const group of cache.by('Group', 'organization', below)) yield group.metadata.name
        },
      }),
    ],
    reconcile: async name => {
      const group = world.cache.get('Group', name)
      if (!group) {
        pace.forget(name)
        return undefined
      }
      const wait = pace.take(name, sizeOf(world.cache, group), world.clock.now())
      if (wait !== undefined) return { again: wait }
      // Saved first: a group that goes because its definition is deleted takes its roles from nobody. Nothing outside outlives it: what its members lose follows on them.
      return withFinalizer(world.store, group, {
        apply: saved => reconcileGroup(world, saved),
        cleanup: async () => 'done',
      })
    },
  }
}

const reconcileGroup = async (world: World, group: Group): Promise<ReconcileResult | undefined> => {
  const { name, uid } = group.metadata
  const ref = { kind: 'Group' as const, name, uid }
  const { conditions, ...before } = group.status ?? {}
  if (isPaused(group)) {
    await writeStatus(world, group, before, { is: 'ready', reason: 'Paused', message: 'reconciling is paused' })
    return undefined
  }
  const { members, until } = count(world, name)
  const is = await readinessOf(world, group)
  const said = conditions?.find(condition => condition.type === 'Ready')
  if (is.reason === 'MemberWithoutMembership' && said?.message !== is.message)
    await recordEvent(world, ref, 'Warning', is.reason, is.message)
  await writeStatus(world, group, { members }, is)
  return until === undefined ? undefined : { again: until }
}

/** How many people a pass over the group looks at. */
const sizeOf = (cache: Cache, { metadata, spec }: Group): number =>
  cache.by('Membership', 'group', metadata.name).length +
  (spec.members?.length ?? 0) +
  (spec.membersWhere === undefined ? 0 : cache.by('Membership', 'organization', spec.organization).length)

/** Who is settled in it and belongs to the organization now. */
const count = ({ cache, clock }: World, group: string): { members: number; until: number | undefined } => {
  let members = 0
  let until: number | undefined
  for (const { spec } of cache.by('Membership', 'group', group)) {
    const standing = standingOf(spec, { suspended: false, now: clock.now() })
    if (standing !== 'Active' && standing !== 'Restricted') continue
    members++
    const end = spec.declared?.until === undefined ? undefined : Date.parse(spec.declared.until)
    if (end !== undefined) until = Math.min(until ?? end, end)
  }
  return { members, until }
}

const readinessOf = async (world: World, group: Group): Promise<Readiness> => {
  const { spec } = group
  const found = settingsFor(world, spec.organization)
  if (!found)
    return {
      is: 'stalled',
      reason: 'ReferenceNotFound',
      message: `organization ${spec.organization} does not exist`,
    }
  if (found.problem) return { is: 'stalled', ...found.problem }
  const cycle = world.groups.cycleOf(group.metadata.name)
  if (cycle) {
    const message = `groups contain each other: ${cycle.join(' → ')}; who is in them stays, nobody new comes in`
    return { is: 'stalled', reason: 'ReferenceCycle', message }
  }
  const missing = missingReferences(world, group)
  if (missing.length > 0) return { is: 'stalled', reason: 'ReferenceNotFound', message: shown(missing, '; ') }
  const refused = importProblem(world, group)
  if (refused !== undefined) return { is: 'stalled', reason: 'NotAllowed', message: refused }
  const failing = await expressionProblem(world, group, found.settings.domains)
  if (failing !== undefined) return { is: 'stalled', reason: 'ExpressionFailed', message: failing }
  const strangers = (spec.members ?? []).filter(user => !belongs(world, user, spec.organization))
  if (strangers.length > 0) {
    const message = `${shown(strangers, ', ')} ${strangers.length === 1 ? 'has' : 'have'} no membership in ${spec.organization} and so nothing from this group`
    return { is: 'ready', reason: 'MemberWithoutMembership', message }
  }
  return { is: 'ready', reason: 'Succeeded', message: 'everything is as declared' }
}

const missingReferences = ({ cache }: World, { spec }: Group): string[] => [
  ...(spec.groups ?? []).flatMap(name => {
    const nested = cache.get('Group', name)
    if (!nested) return `group ${name} does not exist`
    const { organization } = nested.spec
    return organization === spec.organization ? [] : `group ${name} belongs to ${organization}`
  }),
  ...(spec.importFrom && !cache.get('Directory', spec.importFrom.directory)
    ? [`directory ${spec.importFrom.directory} does not exist`]
    : []),
  ...(spec.roles ?? []).flatMap(name => (cache.get('Role', name) ? [] : `role ${name} does not exist`)),
  ...(spec.members ?? []).flatMap(name => (cache.get('User', name) ? [] : `user ${name} does not exist`)),
]

/** What an imported group says that its directory does not give. */
const importProblem = ({ cache }: World, { spec }: Group): string | undefined => {
  const directory = spec.importFrom && cache.get('Directory', spec.importFrom.directory)
  if (!directory) return undefined
  const { name } = directory.metadata
  if (directory.spec.organization !== spec.organization)
    return `Directory/${name} belongs to ${directory.spec.organization}; import a group of a directory of ${spec.organization}`
  if (!directory.spec.import) return `Directory/${name} does not import: nobody is in the group by it`
  const granted = directory.spec.import.mayGrant?.roles ?? []
  const over = (spec.roles ?? []).filter(role => !granted.includes(role))
  if (over.length === 0) return undefined
  return `nobody gets ${shown(over, ', ')} by it: import.mayGrant of Directory/${name} does not name ${over.length === 1 ? 'it' : 'them'}`
}

/** What is wrong with the expression: with its text, or for some of the people it is asked about. */
const expressionProblem = async (
  world: World,
  { spec }: Group,
  domains: readonly string[],
): Promise<string | undefined> => {
  if (spec.membersWhere === undefined) return undefined
  const expression = compileExpression(spec.membersWhere)
  if (expression.problem) return `membersWhere is no expression: ${expression.problem.message}`
  const failing: string[] = []
  let first = ''
  let asked = 0
  for (const { spec: membership } of world.cache.by('Membership', 'organization', spec.organization)) {
    if (++asked % TURN === 0) await setImmediate()
    const found = membership.user && world.cache.get('User', membership.user.name)
    if (!found || !membership.joined || membership.ended) continue
    const user = { ...found.metadata, labels: found.metadata.labels ?? {}, spec: found.spec }
    const evaluation = expression.evaluate(factsOf({ membership, user, domains }))
    if (!('error' in evaluation)) continue
    failing.push(found.metadata.name)
    first ||= evaluation.error
  }
  if (failing.length === 0) return undefined
  return `membersWhere fails for ${shown(failing, ', ')}, for whom the verdict before stands: ${first}`
}

/** Whether a user has, or is declared to have, a membership in the organization. */
const belongs = ({ cache, clock }: World, name: string, organization: string): boolean => {
  const declared = cache
    .get('User', name)
    ?.spec.memberships?.some(one => one.organization === organization && one.state !== 'Ended')
  if (declared) return true
  return cache.by('Membership', 'user', name).some(({ spec }) => {
    if (spec.organization !== organization) return false
    const standing = standingOf(spec, { suspended: false, now: clock.now() })
    return standing === 'Active' || standing === 'Restricted' || standing === 'Invited'
  })
}

const shown = (names: readonly string[], separator: string): string => {
  const more = names.length - NAMED
  return `${names.slice(0, NAMED).join(separator)}${more > 0 ? ` and ${more} more` : ''}`
}
