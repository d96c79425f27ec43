import type { Document, Documents, HeldSet, Oracle } from './oracle.ts'
import { material, type Shape, seeded } from './organization.ts'

const SHIELDED = 'person-20'
const PROTECTED = `${SHIELDED}@acme.example`
const ADMINS = ['person-21', 'person-22']
const TINY = ['tiny-1', 'tiny-2', 'tiny-3']
const ROLES = ['viewer', 'editor', 'maintainer', 'auditor']

/** What makes the commits: it changes documents in place. */
export interface Commits {
  documents: Documents
  /** @returns what it is */
  next(oracle: Oracle, now: number, number: number): { what: string }
  /** The documents that a held commit changed are as they were before. */
  revert(number: number): void
}

/**
 * The organization of real shape as one root with a part of it (`holding`, `acme`, `labs`), another root and a few tiny ones, of two sources; and commits of every
 * kind that matters to a guard, some just within what may still be taken and some one person beyond it.
 */
export const guardedCommits = (shape?: Shape, seed = 815): Commits => {
  const draw = seeded(seed)
  const pick = <T>(all: readonly T[]): T => all[draw(all.length)] as T
  const documents: Documents = new Map()
  const put = (document: Document) => documents.set(`${document.kind}/${document.name}`, document)
  for (const text of material(shape).files.values()) {
    const { kind, metadata, spec } = JSON.parse(text)
    put({ kind, name: metadata.name, source: 'people', ...(metadata.labels && { labels: metadata.labels }), spec })
  }
  const organization = (name: string, source: string, more: Document['spec'] = {}) =>
    put({ kind: 'Organization', name, source, spec: more })
  const role = (name: string, of: string, source: string, allow = [`documents:${name}`]) =>
    put({ kind: 'Role', name, source, spec: { organization: of, allow } })
  organization('holding', 'people', { children: ['acme', 'labs'], domains: ['acme.example'] })
  organization('acme', 'people', { parent: 'holding', guard: { protected: [PROTECTED] } })
  organization('labs', 'people', { parent: 'holding' })
  organization('island', 'people')
  role('admin', 'acme', 'people', ['users:*', 'roles:*'])
  role('visitor', 'acme', 'people')
  role('researcher', 'labs', 'people')
  role('islander', 'island', 'people')
  for (const one of TINY) {
    organization(one, 'islands')
    role(`${one}-role`, one, 'islands')
  }
  const join = 'None'
  let come = 0
  const user = (name: string, source: string, memberships: { organization: string; roles: string[] }[]) =>
    put({
      kind: 'User',
      name,
      source,
      spec: { email: `${name}@acme.example`, memberships: memberships.map(one => ({ ...one, join })) },
    })
  for (let at = 0; at < 100; at++) user(`island-${at}`, 'people', [{ organization: 'island', roles: ['islander'] }])
  for (const one of TINY)
    for (let at = 0; at < 8; at++) user(`${one}-${at}`, 'islands', [{ organization: one, roles: [`${one}-role`] }])
  const change = (document: Document, spec: Partial<Document['spec']>) =>
    put({ ...document, spec: { ...document.spec, ...spec } })
  let at = 0
  for (const document of [...documents.values()]) {
    if (document.kind === 'User' && document.spec.memberships?.[0]?.organization === 'acme') {
      const [first] = document.spec.memberships
      const labs = at++ % 15 === 0 ? [{ organization: 'labs', roles: ['researcher'], join }] : []
      const isAdmin = ADMINS.includes(document.name)
      const roles = document.name === SHIELDED ? ['viewer'] : [...(first?.roles ?? []), ...(isAdmin ? ['admin'] : [])]
      change(document, {
        memberships: [{ organization: 'acme', roles, ...(!isAdmin && { join }) }, ...labs],
      })
    } else if (document.kind === 'Group' && document.spec.members?.includes(SHIELDED)) {
      // So that it is not for one person that a large team is held.
      change(document, { members: document.spec.members.filter(name => name !== SHIELDED) })
    } else if (document.kind === 'Group' && at++ % 30 === 0) change(document, { roles: ['visitor'] })
  }

  const peopleOf = (of: string): Document[] =>
    [...documents.values()].filter(
      ({ kind, name, spec }) =>
        kind === 'User' &&
        spec.email !== PROTECTED &&
        !ADMINS.includes(name) &&
        !name.startsWith('new-admin') &&
        spec.memberships?.some(({ organization }) => organization === of),
    )
  const teams = (): Document[] => [...documents.values()].filter(({ kind }) => kind === 'Group')
  const withRoles = (document: Document, of: string, roles: string[]) =>
    change(document, {
      memberships: (document.spec.memberships ?? []).map(one => (one.organization === of ? { ...one, roles } : one)),
    })
  const without = (document: Document, of: string) =>
    change(document, { memberships: (document.spec.memberships ?? []).filter(one => one.organization !== of) })
  /** Lists of people and groups name only who is there. */
  const tidy = () => {
    for (const team of teams()) {
      const members = team.spec.members?.filter(name => documents.has(`User/${name}`))
      const groups = team.spec.groups?.filter(name => documents.has(`Group/${name}`))
      if (members?.length !== team.spec.members?.length || groups?.length !== team.spec.groups?.length)
        change(team, { members: members ?? [], groups: groups ?? [] })
    }
  }
  const leave = (document: Document) => {
    documents.delete(`User/${document.name}`)
    tidy()
  }
  /** So many people who have lost nothing lately, and of whom nothing is held. */
  const fresh = (of: string, count: number, oracle: Oracle, now: number): Document[] => {
    const busy = new Set(oracle.held.flatMap(({ losses }) => [...losses.keys()].map(key => key.split(' ')[1])))
    const all = peopleOf(of).filter(
      ({ spec }) =>
        !oracle.isSpent(spec.email ?? '', now) && !busy.has(spec.email) && oracle.settled.has(`${of} ${spec.email}`),
    )
    const from = draw(Math.max(1, all.length - count))
    return all.slice(from, from + count)
  }
  const drop = (of: string, count: number, oracle: Oracle, now: number) => {
    for (const one of fresh(of, count, oracle, now)) without(one, of)
  }

  type Edit = (oracle: Oracle, now: number) => void
  const edits: Record<string, Edit> = {
    'somebody has another role': () => {
      withRoles(pick(peopleOf('acme')), 'acme', [pick(ROLES)])
    },
    'somebody is in or out of a team': () => {
      const team = pick(teams())
      const { name } = pick(peopleOf('acme'))
      const members = team.spec.members ?? []
      change(team, { members: members.includes(name) ? members.filter(one => one !== name) : [...members, name] })
    },
    'somebody comes': () => {
      user(`new-${come++}`, 'people', [{ organization: 'acme', roles: [pick(ROLES)] }])
    },
    'somebody leaves': () => leave(pick(peopleOf('acme'))),
    'somebody has another name and address': () => {
      const old = pick(peopleOf('acme'))
      const groups = teams().filter(({ spec }) => spec.members?.includes(old.name))
      leave(old)
      const name = `renamed-${come++}`
      put({ ...old, name, spec: { ...old.spec, email: `${name}@acme.example` } })
      for (const team of groups) {
        const now = documents.get(`Group/${team.name}`) as Document
        change(now, { members: [...(now.spec.members ?? []), name] })
      }
    },
    'somebody is suspended': () => {
      change(pick(peopleOf('acme')), { suspended: true })
    },
    'somebody is suspended no more': () => {
      const one = peopleOf('acme').find(({ spec }) => spec.suspended)
      if (one) change(one, { suspended: false })
    },
    'somebody moves from one team to another': () => {
      const from = pick(teams().filter(({ spec }) => (spec.members?.length ?? 0) > 0))
      const [name, ...rest] = from.spec.members as [string]
      change(from, { members: rest })
      const to = pick(teams())
      if (!to.spec.members?.includes(name)) change(to, { members: [...(to.spec.members ?? []), name] })
    },
    'a team is dissolved': () => {
      const team = pick(teams().filter(({ spec }) => (spec.groups?.length ?? 0) === 0))
      documents.delete(`Group/${team.name}`)
      tidy()
    },
    'a large team is dissolved': () => {
      const team = teams().toSorted(
        (a, b) => (b.spec.groups?.length ?? 0) - (a.spec.groups?.length ?? 0),
      )[0] as Document
      documents.delete(`Group/${team.name}`)
      tidy()
    },
    'a role is emptied': () => {
      const empty = documents.get('Role/auditor') as Document
      change(empty, { allow: empty.spec.allow?.length === 0 ? ['documents:auditor'] : [] })
    },
    'as many as may': (oracle, now) => {
      drop('acme', Math.max(1, oracle.left('acme', 'people', now)), oracle, now)
    },
    'one more than may': (oracle, now) => {
      drop('acme', Math.max(1, oracle.left('acme', 'people', now) + 1), oracle, now)
    },
    'a hundred leave': (oracle, now) => {
      for (const one of fresh('acme', 100, oracle, now)) documents.delete(`User/${one.name}`)
      tidy()
    },
    'one more than labs may': (oracle, now) => drop('labs', oracle.left('labs', 'people', now) + 1, oracle, now),
    'one of labs': (oracle, now) => drop('labs', 1, oracle, now),
    'five of the island': (oracle, now) => drop('island', 5, oracle, now),
    'two of the island': (oracle, now) => drop('island', 2, oracle, now),
    'two of each tiny one': (oracle, now) => {
      for (const one of TINY) drop(one, 2, oracle, now)
    },
    'one of a tiny one': (oracle, now) => {
      drop(pick(TINY), 1, oracle, now)
    },
    'four of a tiny one': (oracle, now) => {
      drop(pick(TINY), 4, oracle, now)
    },
    'somebody protected, with two others': (oracle, now) => {
      const who = [...documents.values()].find(({ spec }) => spec.email === PROTECTED) as Document
      const roles = who.spec.memberships?.[0]?.roles ?? []
      withRoles(who, 'acme', roles.includes('viewer') ? ['editor'] : ['viewer'])
      drop('acme', 2, oracle, now)
    },
    'an admin goes': oracle => {
      const one = [...documents.values()].find(
        ({ kind, name, spec }) =>
          kind === 'User' &&
          (ADMINS.includes(name) || name.startsWith('new-admin')) &&
          spec.memberships?.[0]?.roles.includes('admin') &&
          oracle.settled.get(`acme ${spec.email}`)?.has('admin'),
      )
      if (one) withRoles(one, 'acme', ['viewer'])
    },
    'an admin comes': () => {
      const name = `new-admin-${come++}`
      put({
        kind: 'User',
        name,
        source: 'people',
        spec: { email: `${name}@acme.example`, memberships: [{ organization: 'acme', roles: ['viewer', 'admin'] }] },
      })
    },
  }
  const names = Object.keys(edits)
  /** What happens every day stands between the others. */
  const daily = names.slice(0, 9)
  /** Each where the budget that is to stop it is the only one that does. */
  const first = ['one more than labs may', 'as many as may', 'one of labs']
  const rare = [...first, ...names.slice(8).filter(name => !first.includes(name))]
  const made = new Map<number, { was: Documents; is: Documents }>()
  let next = 0
  return {
    documents,
    next: (oracle, now, number) => {
      const was = new Map(documents)
      const what = made.size % 2 === 0 ? (rare[next++ % rare.length] as string) : pick(daily)
      edits[what]?.(oracle, now)
      made.set(number, { was, is: new Map(documents) })
      return { what }
    },
    revert: number => {
      const { was, is } = made.get(number) ?? { was: documents, is: documents }
      for (const key of new Set([...was.keys(), ...is.keys()])) {
        const old = was.get(key)
        if (old === is.get(key)) continue
        if (old) documents.set(key, old)
        else documents.delete(key)
      }
      tidy()
    },
  }
}

/** A held set that has waited for so many commits. */
export const waitedFor = (held: readonly HeldSet[], number: number, commits: number): HeldSet | undefined =>
  held.find(({ since }) => number - since >= commits)
