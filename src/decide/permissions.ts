import { PERMISSION_AREAS, PERMISSION_VERBS } from '../api/names.ts'

/**
 * Permissions are `area:verb`; `area:*` is every verb of an area and `*:*` everything. Our own areas and verbs are a closed table (`api/names`), so
 * `users:*` means exactly those verbs; every other area is the customer's, with any verb.
 *
 * The *flat* form, kept in `Membership.settled.permissions`, is one text an entry:
 * `area:verb` holds in the organization of the membership, `>area:verb` there and in every organization below;
 * with `!` in front it is a denial with the same reach. A denial beats every permission, from whichever role and whichever membership either came.
 */
export type FlatPermissions = readonly string[]

/** From where one looks at a membership: in its own organization, or in one below it. */
export type Where = 'here' | 'below'

/** One entry of the flat form, taken apart. */
interface Entry {
  text: string
  denied: boolean
  /** Holds in the organizations below too. */
  below: boolean
  area: string
  verb: string
}

const WHERE = ['here', 'below'] as const satisfies readonly Where[]
const OURS: ReadonlySet<string> = new Set(PERMISSION_AREAS)
const VERBS: ReadonlySet<string> = new Set(PERMISSION_VERBS)

const parse = (text: string): Entry => {
  const denied = text.startsWith('!')
  const below = text.startsWith('>', denied ? 1 : 0)
  const start = (denied ? 1 : 0) + (below ? 1 : 0)
  const colon = text.indexOf(':', start)
  return { text, denied, below, area: text.slice(start, colon), verb: text.slice(colon + 1) }
}

/** `area:verb` and `area:*` of an own area must be in the table; otherwise the text says what is wrong. */
export const permissionProblem = (pattern: string): string | undefined => {
  const { area, verb } = parse(pattern)
  if (!OURS.has(area) || verb === '*' || VERBS.has(verb)) return undefined
  return `${pattern} is no permission: the verbs of ${area} are ${PERMISSION_VERBS.join(', ')}`
}

/**
 * The flat, normal form of what several roles allow and deny together.
 * A permission of an own area with a verb that the table lacks means nothing and is dropped.
 */
export const permissionsOf = (
  roles: Iterable<{
    allow?: readonly string[] | undefined
    deny?: readonly string[] | undefined
    scope?: 'Organization' | 'Descendants' | undefined
  }>,
): string[] => {
  const entries: string[] = []
  for (const { allow = [], deny = [], scope } of roles) {
    const reach = scope === 'Descendants' ? '>' : ''
    for (const pattern of allow) entries.push(reach + pattern)
    for (const pattern of deny) entries.push(`!${reach}${pattern}`)
  }
  return normalPermissions(entries)
}

/**
 * Sorted, each entry once, without entries that another one covers and without permissions that are wholly denied. Wildcards stay as they are.
 * Denials stay even where nothing is left for them to deny: they also beat what memberships above give.
 */
export const normalPermissions = (permissions: Iterable<string>): string[] => {
  const entries = [...new Set(permissions)].map(parse).filter(entry => permissionProblem(entry.text) === undefined)
  const sets = patternSets(entries)
  const covered = (entry: Entry) =>
    wider(entry).some(text => (entry.denied ? sets.denials : sets.permissions).has(text))
  const deniedWhole = (entry: Entry) =>
    !entry.denied && [bare(entry), ...wider(entry)].some(text => sets.denials.has(text) && reaches(text, entry))
  return entries
    .filter(entry => !covered(entry) && !deniedWhole(entry))
    .map(entry => entry.text)
    .sort()
}

/** What one membership says of a concrete `area:verb`, for its own organization or for one below it. */
export const verdictOf = (
  permissions: FlatPermissions,
  permission: string,
  where: Where,
): 'allowed' | 'denied' | 'silent' => {
  if (permissionProblem(permission)) return 'silent'
  const area = permission.slice(0, permission.indexOf(':'))
  const patterns = [permission, `${area}:*`, '*:*']
  let allowed = false
  for (const text of permissions) {
    const denied = text.startsWith('!')
    const below = text.startsWith('>', denied ? 1 : 0)
    if (where === 'below' && !below) continue
    if (!patterns.includes(text.slice((denied ? 1 : 0) + (below ? 1 : 0)))) continue
    if (denied) return 'denied'
    allowed = true
  }
  return allowed ? 'allowed' : 'silent'
}

/** Whether one membership by itself gives a concrete `area:verb` there. */
export const allows = (permissions: FlatPermissions, permission: string, where: Where): boolean =>
  verdictOf(permissions, permission, where) === 'allowed'

/** Whether something is given or denied in the organizations below. */
export const reachesDown = (permissions: FlatPermissions): boolean =>
  givesBelow(permissions) || deniesBelow(permissions)
export const givesBelow = (permissions: FlatPermissions): boolean => permissions.some(text => text.startsWith('>'))
export const deniesBelow = (permissions: FlatPermissions): boolean => permissions.some(text => text.startsWith('!>'))

/**
 * What is lost from `before` to `after`, exact to the single permission: empty if and only if nothing that was allowed, here or below, is gone and no denial is new.
 * `documents:*` among the lost: that permission no longer covers all it did, though single verbs may be left. `>…`: lost below (and here, where it was held here).
 * `!…`: a new denial that takes nothing given by this membership, but may take what one above gives.
 */
export const lostPermissions = (before: FlatPermissions, after: FlatPermissions): string[] => {
  if (before.length === after.length && before.every((text, at) => text === after[at])) return []
  const points = pointsOf([...before, ...after])
  const was = meaningOf(before)
  const is = meaningOf(after)
  const lost = { here: [] as Point[], below: [] as Point[] }
  const denied = { here: [] as Point[], below: [] as Point[] }
  for (const point of points)
    for (const where of WHERE) {
      if (was.holds(point, where) && !is.holds(point, where)) lost[where].push(point)
      else if (is.denies(point, where) && !was.denies(point, where)) denied[where].push(point)
    }
  return [...textOf(lost, ''), ...textOf(denied, '!')].sort()
}

/** What is gained; `!…`: a denial that fell away. See {@link lostPermissions}. */
export const gainedPermissions = (before: FlatPermissions, after: FlatPermissions): string[] =>
  lostPermissions(after, before)

/**
 * The most of `after` that can be added to `before` so that nothing at all is taken and nothing is given that neither of the two gives.
 * Where flat permissions cannot say that (`documents:*` comes together with a new denial of `documents:delete`), the gain waits for the loss it comes with.
 */
export const withGains = (before: FlatPermissions, after: FlatPermissions): string[] => {
  if (lostPermissions(before, after).length === 0) return normalPermissions(after)
  const candidates = after.filter(text => !text.startsWith('!')).flatMap(text => [text, ...parts(parse(text))])
  const points = pointsOf([...before, ...after, ...candidates])
  const was = meaningOf(before)
  const is = meaningOf(after)
  const given = (point: Point, where: Where) => was.holds(point, where) || is.holds(point, where)
  const byArea = Map.groupBy(points, one => one.area)
  const coveredBy = (entry: Entry) =>
    (entry.area === '*' ? points : (byArea.get(entry.area) ?? [])).filter(one => coversPoint(entry, one))
  const denials = after.filter(text => text.startsWith('!')).map(parse)
  let current = normalPermissions(before)
  for (;;) {
    const start = current.join(' ')
    // A denial may shrink to what is still denied when that gives nothing that neither gives.
    for (const text of current.filter(one => one.startsWith('!'))) {
      const entry = parse(text)
      const left = denials.flatMap(denial => meet(entry, denial))
      if (left.includes(text)) continue
      const next = normalPermissions([...current.filter(one => one !== text), ...left])
      const { holds } = meaningOf(next)
      const tolerable = coveredBy(entry).every(one => WHERE.every(where => !holds(one, where) || given(one, where)))
      if (tolerable) current = next
    }
    // A permission may be added when all it covers is given by one of the two, or denied.
    const { denies } = meaningOf(current)
    const fits = (entry: Entry) =>
      coveredBy(entry).every(one =>
        WHERE.every(where => (where === 'below' && !entry.below) || given(one, where) || denies(one, where)),
      )
    current = normalPermissions([...current, ...new Set(candidates).values().filter(text => fits(parse(text)))])
    if (current.join(' ') === start) return current
  }
}

const coversPoint = (entry: Entry, point: Pick<Point, 'area' | 'verb'>): boolean =>
  (entry.area === '*' || entry.area === point.area) && (entry.verb === '*' || entry.verb === point.verb)

/** Texts of entries, by sign. */
const patternSets = (entries: readonly Entry[]) => ({
  permissions: new Set(entries.filter(entry => !entry.denied).map(entry => bare(entry))),
  denials: new Set(entries.filter(entry => entry.denied).map(entry => bare(entry))),
})
/** Without the sign: `>users:read`. */
const bare = (entry: Entry): string => `${entry.below ? '>' : ''}${entry.area}:${entry.verb}`
/** The entries that say more than this one, without a sign. */
const wider = (entry: Entry): string[] => {
  const patterns = [`${entry.area}:${entry.verb}`, `${entry.area}:*`, '*:*']
  const own = bare(entry)
  return [...(entry.below ? [] : patterns), ...patterns.map(pattern => `>${pattern}`)].filter(text => text !== own)
}
const reaches = (text: string, entry: Entry): boolean => !entry.below || text.startsWith('>')

/** The single permissions that a wildcard stands for, as far as they can be listed: only in our own areas. */
const parts = (entry: Entry): string[] => {
  if (entry.verb !== '*') return entry.below ? [`${entry.area}:${entry.verb}`] : []
  const areas = entry.area === '*' ? PERMISSION_AREAS : OURS.has(entry.area) ? [entry.area] : []
  const single = areas.flatMap(area => PERMISSION_VERBS.map(verb => `${area}:${verb}`))
  return entry.below ? [...single.map(text => `>${text}`), `${entry.area}:*`, ...single] : single
}

/** What two denials deny both. */
const meet = (a: Entry, b: Entry): string[] => {
  const area = a.area === '*' ? b.area : b.area === '*' || b.area === a.area ? a.area : undefined
  if (area === undefined) return []
  const verb = a.verb === '*' ? b.verb : b.verb === '*' || b.verb === a.verb ? a.verb : undefined
  if (verb === undefined) return []
  return [`!${a.below && b.below ? '>' : ''}${area}:${verb}`]
}

/**
 * A permission, or all those that no text names: the verbs of a customer's area beside the named ones (`verb` is `*`), and the areas beside the named ones (`area` is `*`).
 * Over the points of their texts two flat forms mean the same if and only if they agree on every one.
 */
interface Point {
  area: string
  verb: string
  /** What covers it. */
  patterns: readonly string[]
}

const EVERYTHING: Point = { area: '*', verb: '*', patterns: ['*:*'] }
const point = (area: string, verb: string): Point => ({
  area,
  verb,
  patterns: [...new Set([`${area}:${verb}`, `${area}:*`, '*:*'])],
})
const OWN_POINTS: ReadonlyMap<string, readonly Point[]> = new Map(
  PERMISSION_AREAS.map(area => [area, PERMISSION_VERBS.map(verb => point(area, verb))]),
)

const pointsOf = (permissions: FlatPermissions): Point[] => {
  const verbs = new Map<string, Set<string>>()
  for (const text of permissions) {
    const { area, verb } = parse(text)
    if (area === '*') continue
    const known = verbs.get(area)
    if (known) known.add(verb)
    else verbs.set(area, new Set(['*', verb]))
  }
  return [
    EVERYTHING,
    ...[...verbs].flatMap(([area, all]) => OWN_POINTS.get(area) ?? [...all].map(verb => point(area, verb))),
  ]
}

const meaningOf = (permissions: FlatPermissions) => {
  const reach = { '': new Set<string>(), '>': new Set<string>(), '!': new Set<string>(), '!>': new Set<string>() }
  for (const text of permissions) {
    const entry = parse(text)
    if (permissionProblem(text)) continue
    reach[`${entry.denied ? '!' : ''}${entry.below ? '>' : ''}`].add(`${entry.area}:${entry.verb}`)
  }
  const covers = (set: ReadonlySet<string>, { patterns }: Point) =>
    set.size > 0 && patterns.some(pattern => set.has(pattern))
  const denies = (point: Point, where: Where) =>
    covers(reach['!>'], point) || (where === 'here' && covers(reach['!'], point))
  const holds = (point: Point, where: Where) =>
    !denies(point, where) && (covers(reach['>'], point) || (where === 'here' && covers(reach[''], point)))
  return { holds, denies }
}

/** Points as entries: a whole area, or all of them, as a wildcard. */
const textOf = (points: Record<Where, readonly Point[]>, sign: '' | '!'): string[] => {
  const below = new Set(patternsOf(points.below))
  const here = patternsOf(points.here).filter(pattern => !below.has(pattern))
  return [...here.map(pattern => sign + pattern), ...[...below].map(pattern => `${sign}>${pattern}`)]
}

const patternsOf = (points: readonly Point[]): string[] => {
  if (points.some(point => point.area === '*')) return ['*:*']
  const areas = Map.groupBy(points, point => point.area)
  return [...areas].flatMap(([area, verbs]) =>
    verbs.some(point => point.verb === '*') || (OURS.has(area) && verbs.length === PERMISSION_VERBS.length)
      ? [`${area}:*`]
      : verbs.map(point => `${area}:${point.verb}`),
  )
}
