import { attributeOf, countOf, flagOf, isJson, type Json, textOf, valuesOf } from './resource.ts'
import type { Service } from './service.ts'

export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group'

/** What a service says of itself (RFC 7643 section 5, RFC 9865 section 4). */
export interface Features {
  /** It says something at all. */
  readonly told: boolean
  /** It pages by cursor. */
  readonly cursor: boolean
  /** Most that it tells at once. */
  readonly maxPageSize?: number
  /** It takes filters. */
  readonly filter?: boolean
}

/** From a ServiceProviderConfig; undefined: there is none. */
export const featuresOf = (config: Json | undefined): Features => {
  const part = (name: string): Json => {
    const value = config && attributeOf(config, name)
    return isJson(value) ? value : {}
  }
  const sizes = [countOf(part('pagination'), 'maxPageSize'), countOf(part('filter'), 'maxResults')]
  const maxPageSize = sizes.find(size => size !== undefined && size > 0)
  const filter = flagOf(part('filter'), 'supported')
  return {
    told: config !== undefined,
    cursor: flagOf(part('pagination'), 'cursor') ?? false,
    ...(maxPageSize !== undefined && { maxPageSize }),
    ...(filter !== undefined && { filter }),
  }
}

/** When members of groups are told (`returned`, RFC 7643 section 7): undefined where the schema does not say. */
export type MembersTold = 'always' | 'default' | 'request' | 'never'

/** From the schema of groups. */
export const membersToldOf = (schema: Json | undefined): MembersTold | undefined => {
  const attributes = schema ? valuesOf(schema, 'attributes').filter(isJson) : []
  const members = attributes.find(attribute => textOf(attribute, 'name')?.toLowerCase() === 'members')
  const returned = members && textOf(members, 'returned')?.toLowerCase()
  return (['always', 'default', 'request', 'never'] as const).find(word => word === returned)
}

export const askFeatures = async (service: Service): Promise<Features> =>
  featuresOf(await service.find('/ServiceProviderConfig'))

export const askMembersTold = async (service: Service): Promise<MembersTold | undefined> =>
  membersToldOf(await service.find(`/Schemas/${GROUP_SCHEMA}`))
