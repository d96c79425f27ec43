import { normalizeDomain } from '../decide/address.ts'
import type { Member, ResourceSet } from './set.ts'

/** Organizations under organizations and groups in groups: confirmed by both sides, without cycles; one owner a domain. */
export function judgeHierarchy(set: ResourceSet): void {
  judgeParents(set)
  judgeDomains(set)
  judgeCycles(
    set.of('Organization'),
    ({ manifest }) => (manifest.spec.parent === undefined ? [] : [manifest.spec.parent]),
    'organization',
    () => '/spec/parent',
  )
  judgeCycles(
    set.of('Group'),
    ({ manifest }) => manifest.spec.groups ?? [],
    'group',
    (member, next) => `/spec/groups/${(member.manifest.spec.groups ?? []).indexOf(next)}`,
  )
}

function judgeParents(set: ResourceSet): void {
  for (const { manifest, judgement } of set.of('Organization')) {
    const { parent } = manifest.spec
    const above = parent === undefined ? undefined : set.get('Organization', parent)
    if (!judgement || !above || above.manifest.spec.children?.includes(manifest.metadata.name)) continue
    judgement.report(
      'parent-not-confirmed',
      `organization ${JSON.stringify(parent)} does not name ${JSON.stringify(manifest.metadata.name)} in spec.children, so it is not its parent`,
      '/spec/parent',
    )
  }
}

function judgeDomains(set: ResourceSet): void {
  const owners = new Map<string, Member<'Organization'>>()
  for (const member of set.knownFirst('Organization')) {
    for (const [index, domain] of (member.manifest.spec.domains ?? []).entries()) {
      const key = normalizeDomain(domain) ?? domain
      const owner = owners.get(key)
      if (!owner) owners.set(key, member)
      else if (owner !== member)
        member.judgement?.report(
          'duplicate-domain',
          `the domain ${domain} belongs to organization ${JSON.stringify(owner.manifest.metadata.name)} already${placeOf(owner)}; a domain has one owner`,
          `/spec/domains/${index}`,
        )
    }
  }
}

/**
 * Reports every cycle once, at the member of it that comes first by name (Tarjan's strongly connected components, without recursion: a chain may be
 * as long as there are members).
 */
function judgeCycles<M extends Member<'Organization'> | Member<'Group'>>(
  members: M[],
  nextOf: (member: M) => readonly string[],
  what: string,
  pointer: (member: M, next: string) => string,
): void {
  const byName = new Map(members.map(member => [member.manifest.metadata.name, member]))
  for (const component of components(byName, nextOf)) {
    const names = component.map(({ manifest }) => manifest.metadata.name).sort()
    const inside = new Set(names)
    const [first = ''] = names
    const member = byName.get(first)
    const next = member && nextOf(member).find(name => inside.has(name))
    if (!member || next === undefined) continue
    const path = cycleThrough(first, name =>
      (byName.get(name) ? nextOf(byName.get(name) as M) : []).filter(other => inside.has(other)),
    )
    const reporter = member.judgement ? member : component.find(({ judgement }) => judgement)
    const message =
      names.length === 1 ? `${what} ${JSON.stringify(first)} contains itself` : `a cycle: ${path.join(' → ')}`
    reporter?.judgement?.report(
      'reference-cycle',
      message,
      reporter === member ? pointer(member, path[1] ?? next) : '/metadata/name',
    )
  }
}

/** The shortest way from a member back to itself. */
function cycleThrough(start: string, nextOf: (name: string) => readonly string[]): string[] {
  const from = new Map<string, string>()
  const queue = [start]
  for (const name of queue) {
    for (const next of nextOf(name)) {
      if (next === start) {
        const path = [start]
        for (let at: string | undefined = name; at !== undefined && at !== start; at = from.get(at)) path.unshift(at)
        return [start, ...path]
      }
      if (from.has(next)) continue
      from.set(next, name)
      queue.push(next)
    }
  }
  return [start]
}

/** Strongly connected components that are cycles. */
function components<M>(members: ReadonlyMap<string, M>, nextOf: (member: M) => readonly string[]): M[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const found: M[][] = []
  for (const root of members.keys()) {
    if (index.has(root)) continue
    const frames: { name: string; next: readonly string[]; at: number }[] = []
    const enter = (name: string): void => {
      index.set(name, index.size)
      low.set(name, index.get(name) ?? 0)
      open.push(name)
      isOpen.add(name)
      frames.push({ name, next: nextOf(members.get(name) as M).filter(other => members.has(other)), at: 0 })
    }
    enter(root)
    for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
      const { name } = frame
      const next = frame.next[frame.at++]
      if (next !== undefined) {
        if (!index.has(next)) enter(next)
        else if (isOpen.has(next)) low.set(name, Math.min(low.get(name) ?? 0, index.get(next) ?? 0))
        continue
      }
      frames.pop()
      const above = frames.at(-1)
      if (above) low.set(above.name, Math.min(low.get(above.name) ?? 0, low.get(name) ?? 0))
      if (low.get(name) !== index.get(name)) continue
      const component: string[] = []
      for (let taken = open.pop(); taken !== undefined; taken = taken === name ? undefined : open.pop()) {
        isOpen.delete(taken)
        component.push(taken)
      }
      if (component.length > 1 || frame.next.includes(name)) found.push(component.map(each => members.get(each) as M))
    }
  }
  return found
}

/** ` (organizations.yaml:12)`, or nothing for what is in the store only. */
export const placeOf = ({ judgement }: Member): string =>
  judgement ? ` (${judgement.origin.file}:${judgement.origin.line})` : ''
