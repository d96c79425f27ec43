/**
 * The nodes that lie on a cycle, each with all those that it shares cycles with, among all that can be reached from the roots.
 * Tarjan's strongly connected components (SIAM J. Comput. 1, 1972), without recursion: what is declared may be nested deeper than a call stack.
 */
export const cyclesFrom = (
  roots: Iterable<string>,
  next: (node: string) => Iterable<string>,
): Map<string, ReadonlySet<string>> => {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const cycles = new Map<string, ReadonlySet<string>>()

  for (const root of roots) {
    if (order.has(root)) continue
    const calls: { node: string; rest: Iterator<string> }[] = []
    const enter = (node: string) => {
      order.set(node, order.size)
      low.set(node, order.get(node) as number)
      open.push(node)
      isOpen.add(node)
      calls.push({ node, rest: next(node)[Symbol.iterator]() })
    }
    enter(root)
    for (let call = calls.at(-1); call; call = calls.at(-1)) {
      const { node, rest } = call
      const step = rest.next()
      if (!step.done) {
        if (!order.has(step.value)) enter(step.value)
        else if (isOpen.has(step.value)) lower(low, node, order.get(step.value) as number)
        continue
      }
      calls.pop()
      const caller = calls.at(-1)
      if (caller) lower(low, caller.node, low.get(node) as number)
      if (low.get(node) !== order.get(node)) continue
      const component = open.splice(open.lastIndexOf(node))
      for (const member of component) isOpen.delete(member)
      if (component.length > 1 || [...next(node)].includes(node)) {
        const members = new Set(component)
        for (const member of component) cycles.set(member, members)
      }
    }
  }
  return cycles
}

const lower = (low: Map<string, number>, node: string, value: number): void => {
  if (value < (low.get(node) ?? Number.POSITIVE_INFINITY)) low.set(node, value)
}

/** The shortest cycle through a node, both ends named: `[a, b, a]`; undefined where it lies on none. */
export const cycleThrough = (start: string, next: (node: string) => Iterable<string>): string[] | undefined => {
  const cameFrom = new Map<string, string>()
  const line = [start]
  for (const node of line)
    for (const neighbour of next(node)) {
      if (neighbour === start) {
        const path = [start]
        for (let at: string | undefined = node; at !== undefined && at !== start; at = cameFrom.get(at)) path.push(at)
        return [...path, start].reverse()
      }
      if (cameFrom.has(neighbour)) continue
      cameFrom.set(neighbour, node)
      line.push(neighbour)
    }
  return undefined
}
