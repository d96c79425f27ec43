import type { ScimDirectory } from '../../api/services/scim.ts'
import type { FoundGroup, FoundPage } from '../../ports/directory.ts'
import type { Lack } from '../trouble.ts'
import { ServiceTrouble } from '../trouble.ts'
import { askFeatures, askMembersTold, type Features } from './features.ts'
import { membersOf } from './groups.ts'
import { Known, type Told } from './known.ts'
import { type Listing, listAll } from './list.ts'
import { type Profile, profiles } from './profile.ts'
import { type Json, textOf } from './resource.ts'
import { pathOf, type Query, type Service } from './service.ts'
import { userOf } from './users.ts'

/** People or groups in a page, where the directory does not say: what a service allows, and no more than this. */
const MOST_PEOPLE = 500
/** Groups are large: each lists its members. */
const MOST_GROUPS = 100
/** Where the service does not say what it allows. */
const PAGE_SIZE = 100
/** Groups that are asked for one by one before they are told. */
const TOGETHER = 16

interface Reading {
  readonly service: Service
  readonly spec: ScimDirectory
  readonly take: (page: FoundPage) => Promise<void>
}

/** How people, or groups, are listed. */
export const listingOf = (what: 'people' | 'groups', spec: ScimDirectory, features: Features): Listing => {
  const profile = profiles[spec.profile ?? 'Standard']
  const filter = (what === 'people' ? spec.users : spec.groups)?.filter
  const most = Math.min(profile.largestPage, features.maxPageSize ?? Number.POSITIVE_INFINITY)
  const usual = features.maxPageSize === undefined || what === 'groups' ? PAGE_SIZE : MOST_PEOPLE
  const pageSize = Math.min(spec.pageSize ?? Math.min(usual, what === 'groups' ? MOST_GROUPS : MOST_PEOPLE), most)
  return {
    path: what === 'people' ? '/Users' : '/Groups',
    what,
    pageSize,
    mostAtOnce: features.maxPageSize === undefined ? pageSize : most,
    paging: pagingOf(what, profile, features),
    ...(filter !== undefined && {
      query: { filter },
      filter: what === 'people' ? ('users.filter' as const) : ('groups.filter' as const),
    }),
  }
}

const pagingOf = (what: 'people' | 'groups', profile: Profile, features: Features): Listing['paging'] => {
  if (what === 'groups' && !profile.groupPages) return 'none'
  return profile.cursor || features.cursor ? 'cursor' : 'index'
}

/**
 * Tells everything: people, then groups, whose members are known by then.
 * @returns undefined: nothing is missing
 * @throws ServiceTrouble where it had to stop
 */
export const readEverything = async ({ service, spec, take }: Reading): Promise<Lack | undefined> => {
  const features = await askFeatures(service)
  const known = new Known()
  const lack = await listAll(service, listingOf('people', spec, features), async page => {
    for (const { id } of page) known.users.add(id)
    await take({ users: page.map(({ id, resource }) => userOf(resource, id)) })
  })
  if (!spec.groups) return lack
  return both(lack, await readGroups({ service, spec, take }, features, known, lack === undefined))
}

const readGroups = async (
  { service, spec, take }: Reading,
  features: Features,
  known: Known,
  allPeople: boolean,
): Promise<Lack | undefined> => {
  const attributes = await membersAttribute(service)
  const members = spec.groups?.members
  const listing = listingOf('groups', spec, features)
  const query = members === 'OneByOne' ? { excludedAttributes: 'members' } : attributes
  const groups = new Groups()

  let lack = await listAll(service, { ...listing, query: { ...listing.query, ...query } }, async page => {
    const found: FoundGroup[] = []
    for (const { id, resource } of page) {
      known.groups.add(id)
      const told = groups.told(id, resource, members !== 'OneByOne')
      const group = told && known.group(told)
      if (group) found.push(group)
      else if (told) groups.waiting.push(told)
    }
    if (found.length > 0) await take({ groups: found })
  })

  // Where not one group of a list has members, the list leaves them out, or there are none.
  const alone = members !== 'InLists' && !groups.anyMembers
  for (let from = 0; from < groups.bare.length; from += TOGETHER) {
    const some = groups.bare.slice(from, from + TOGETHER)
    const read = await all(
      some.map(async bare =>
        alone ? await readGroup(service, bare, attributes) : { ...bare, members: [], unnamed: 0 },
      ),
    )
    const found: FoundGroup[] = []
    for (const told of read) {
      if (!told) groups.unshown++
      else groups.unnamed += told.unnamed
      const group = told && known.group(told)
      if (group) found.push(group)
      else if (told) groups.waiting.push(told)
    }
    if (found.length > 0) await take({ groups: found })
  }
  lack = both(lack, groups.lack(service.host))

  // Members who are not known although all are known are not among those that are read. Else nobody can tell.
  if (allPeople && lack === undefined) {
    for (let from = 0; from < groups.waiting.length; from += TOGETHER)
      await take({ groups: groups.waiting.slice(from, from + TOGETHER).map(told => known.knownPart(told)) })
    return undefined
  }
  return lack
}

/** All of them, once the last one has ended: none goes on by itself. @throws what the first one threw */
const all = async <Value>(work: readonly Promise<Value>[]): Promise<Value[]> => {
  await Promise.allSettled(work)
  return await Promise.all(work)
}

/** Asks for members by name where the service tells them only so. @throws ServiceTrouble where it never does */
const membersAttribute = async (service: Service): Promise<Query> => {
  const told = await askMembersTold(service)
  if (told === 'never')
    throw new ServiceTrouble(
      'NotAllowed',
      `${service.host} says that it never tells who is in a group; leave groups out`,
    )
  return told === 'request' ? { attributes: 'id,displayName,members' } : {}
}

/** @returns undefined: it is gone, or not shown */
const readGroup = async (
  service: Service,
  { id, name }: Omit<Told, 'members'>,
  attributes: Query,
): Promise<(Told & { unnamed: number }) | undefined> => {
  const path = pathOf('/Groups', id)
  const resource = path && (await service.find(path, attributes))
  if (!resource || textOf(resource, 'id') !== id) return undefined
  const { members, unnamed } = membersOf(resource) ?? { members: [], unnamed: 0 }
  return { id, name: textOf(resource, 'displayName') ?? name, members, unnamed }
}

/** Groups that are not told yet, and what is wrong with some. */
class Groups {
  /** With members who were not known when they came. */
  readonly waiting: Told[] = []
  /** In whom, by the list, nobody is. */
  readonly bare: Omit<Told, 'members'>[] = []
  anyMembers = false
  unshown = 0
  unnamed = 0

  /** @returns undefined where the list names nobody in it */
  told(id: string, resource: Json, withMembers: boolean): Told | undefined {
    const name = textOf(resource, 'displayName') ?? ''
    const told = withMembers ? membersOf(resource) : undefined
    this.unnamed += told?.unnamed ?? 0
    if (told && told.members.length + told.unnamed > 0) {
      this.anyMembers = true
      return { id, name, members: told.members }
    }
    this.bare.push({ id, name })
    return undefined
  }

  lack(host: string): Lack | undefined {
    const unshown: Lack | undefined =
      this.unshown > 0
        ? {
            reason: 'Retrying',
            message: `${host} does not show ${this.unshown} of the groups that it listed; they are read again, or give the token the right to read each of them`,
          }
        : undefined
    const unnamed: Lack | undefined =
      this.unnamed > 0
        ? {
            reason: 'NotAllowed',
            message: `${host} names members of groups without an id, ${this.unnamed} in all; look into the service`,
          }
        : undefined
    return both(unshown, unnamed)
  }
}

const both = (one: Lack | undefined, other: Lack | undefined): Lack | undefined =>
  one && other ? { reason: one.reason, message: `${one.message}; ${other.message}` } : (one ?? other)
