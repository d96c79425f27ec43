import type { ScimDirectory } from '../../api/services/scim.ts'
import type { DirectoryCheck } from '../../ports/directory.ts'
import { lackOf } from '../trouble.ts'
import { askFeatures, askMembersTold, type Features } from './features.ts'
import { membersOf } from './groups.ts'
import { listingOf } from './reading.ts'
import { countOf, isJson, type Json, textOf, valuesOf } from './resource.ts'
import { pathOf, type Service } from './service.ts'

type Right = DirectoryCheck['rights'][number]
type What = 'people' | 'groups'
/** People or groups that are looked at. */
const SAMPLE = 10
/** Groups that are asked for by themselves. */
const ALONE = 3

/**
 * Tries one by one what a read needs.
 * @throws ServiceTrouble where the service cannot be talked to at all
 */
export const checkService = async (service: Service, spec: ScimDirectory): Promise<DirectoryCheck> => {
  const features = await askFeatures(service)
  const whats: What[] = spec.groups ? ['people', 'groups'] : ['people']
  const types = await typesOf(service)
  const rights: Right[] = []
  for (const what of whats) {
    const listing = listingOf(what, spec, features)
    const elsewhere = types && !types.has(listing.path.toLowerCase())
    if (elsewhere)
      rights.push({
        held: false,
        what: `has ${what} at ${listing.path}; it says that it has ${[...types.values()].join(', ')}`,
      })
    try {
      rights.push(...(await listRights(service, spec, features, what)))
    } catch (error) {
      const lack = lackOf(error)
      if (!lack || lack.reason === 'Unreachable' || lack.reason === 'CredentialsRefused') throw error
      rights.push({ held: false, what: `shows ${what}: ${lack.message}` })
    }
  }
  return {
    server: `${service.host}, SCIM 2.0${features.told ? '' : ', which does not say what it can do'}`,
    rights: [
      { held: true, what: 'takes the token' },
      pageRight(spec, features),
      ...filterRights(spec, features),
      ...rights,
    ],
  }
}

const pageRight = (spec: ScimDirectory, features: Features): Right => {
  const { pageSize, paging } = listingOf('people', spec, features)
  return {
    held: true,
    what: `answers in pages by ${paging === 'cursor' ? 'cursor' : 'index'}, ${pageSize} people at once`,
  }
}

const filterRights = ({ users, groups }: ScimDirectory, { filter }: Features): Right[] =>
  filter === false && (users?.filter ?? groups?.filter) !== undefined
    ? [{ held: false, what: 'takes filters; it says that it does not, so leave filter out' }]
    : []

/** Where the service says that resources are (RFC 7643 section 6), by lower case; undefined: it does not say. */
const typesOf = async (service: Service): Promise<Map<string, string> | undefined> => {
  const body = await service.find('/ResourceTypes')
  const types = body ? valuesOf(body, 'Resources').filter(isJson) : []
  const places = types.flatMap(type => {
    const endpoint = textOf(type, 'endpoint')
    return endpoint === undefined ? [] : [`/${endpoint.split('/').filter(Boolean).at(-1) ?? ''}`]
  })
  return places.length === 0 ? undefined : new Map(places.map(place => [place.toLowerCase(), place]))
}

const listRights = async (service: Service, spec: ScimDirectory, features: Features, what: What): Promise<Right[]> => {
  const { path, paging, query, filter } = listingOf(what, spec, features)
  const told = what === 'groups' ? await askMembersTold(service) : undefined
  const page = paging === 'none' ? {} : { ...(paging === 'cursor' ? { cursor: '' } : { startIndex: 1 }), count: SAMPLE }
  const byName = told === 'request' ? { attributes: 'id,displayName,members' } : {}
  const body = await service.get(path, { ...query, ...byName, ...page }, filter)
  const resources = valuesOf(body, 'Resources').filter(isJson)
  const total = countOf(body, 'totalResults')
  const more = textOf(body, 'nextCursor') === undefined ? '' : ' or more'
  const named = resources.filter(resource => textOf(resource, 'id') !== undefined)
  return [
    { held: resources.length > 0, what: `shows ${what}: ${total ?? `${resources.length}${more}`}` },
    ...(resources.length > 0 ? [{ held: named.length === resources.length, what: `shows the id of ${what}` }] : []),
    ...(what === 'groups' && named.length > 0 ? [await memberRight(service, spec, named, told, byName)] : []),
  ]
}

const memberRight = async (
  service: Service,
  spec: ScimDirectory,
  groups: readonly Json[],
  told: Awaited<ReturnType<typeof askMembersTold>>,
  byName: { attributes?: string },
): Promise<Right> => {
  if (told === 'never') return { held: false, what: 'tells who is in a group; it says that it never does' }
  const hasMembers = (group: Json | undefined) => ((group && membersOf(group)?.members.length) ?? 0) > 0
  const name = told === 'request' ? ', when they are asked for by name' : ''
  if (spec.groups?.members !== 'OneByOne' && groups.some(hasMembers))
    return { held: true, what: `tells who is in a group, with the list${name}` }
  const some = groups.slice(0, ALONE).map(group => textOf(group, 'id') ?? '')
  for (const path of some.map(id => pathOf('/Groups', id)))
    if (path !== undefined && hasMembers(await service.find(path, byName)))
      return spec.groups?.members === 'InLists'
        ? {
            held: false,
            what: 'tells who is in a group with the list; it does so only when asked for one, so set members: OneByOne',
          }
        : { held: true, what: `tells who is in a group when asked for one, which takes a request for each${name}` }
  return { held: false, what: `tells who is in a group; nobody is in any of the first ${groups.length}` }
}
