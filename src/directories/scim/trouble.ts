import type { ServiceAnswer } from '../client.ts'
import { ServiceTrouble } from '../trouble.ts'
import { isJson, textOf } from './resource.ts'

/** What was asked for when the service refused. */
export interface Asked {
  /** Host and port, for people. */
  readonly host: string
  readonly path: string
  /** The field of the block with the filter that was sent; undefined: none was. */
  readonly filter?: 'users.filter' | 'groups.filter'
  /** What must not be repeated to anybody, whatever the service sends back. */
  readonly secret: string | undefined
}

/** Statuses that `refusal` explains. */
export const EXPLAINED: readonly number[] = [400, 403, 404, 405, 413, 501]

/** The trouble that an error of a service means (RFC 7644 section 3.12, RFC 9865 section 2.1). */
export const refusal = ({ status, body }: Pick<ServiceAnswer, 'status' | 'body'>, asked: Asked): ServiceTrouble => {
  const { host, path, filter } = asked
  const error = isJson(body) ? body : {}
  const type = textOf(error, 'scimType')?.trim()
  const said = saidOf(textOf(error, 'detail'), asked.secret)
  const because = said === undefined ? '' : ` (it says: ${said})`
  if (type === 'invalidCursor' || type === 'expiredCursor')
    return new ServiceTrouble('Retrying', `${host} no longer knows where the last page ended; it is read again`)
  if (type === 'invalidCount')
    return new ServiceTrouble('InvalidSpec', `${host} refuses pages of that size${because}; lower pageSize`)
  if (type === 'tooMany' || status === 413)
    return new ServiceTrouble(
      'NotAllowed',
      `${host} finds more beneath ${path} than it tells at once${because}; lower pageSize, or name a filter`,
    )
  if (filter !== undefined && (type === 'invalidFilter' || status === 400))
    return new ServiceTrouble('InvalidSpec', `${host} does not take ${filter}${because}; correct it`)
  if (status === 403)
    return new ServiceTrouble(
      'NotAllowed',
      `${host} does not allow the token to read ${path}${because}; give it that right there`,
    )
  if (status === 404)
    return new ServiceTrouble(
      'InvalidSpec',
      `${host} has no ${path}${because}; correct url, which ends before /Users${path.startsWith('/Groups') ? ', or leave groups out' : ''}`,
    )
  if (status === 501 || status === 405)
    return new ServiceTrouble(
      'NotAllowed',
      `${host} cannot do what is asked of it at ${path}${because}; look at profile${filter === undefined ? '' : ` and ${filter}`}`,
    )
  return new ServiceTrouble('NotAllowed', `${host} refuses ${path} (${status})${because}; look into its log`)
}

/** The service's own sentence, on one line; not at all where it holds the secret that it was sent. */
const saidOf = (detail: string | undefined, secret: string | undefined): string | undefined => {
  if (detail === undefined || (secret !== undefined && detail.includes(secret))) return undefined
  const line = detail.replace(/[\p{C}\s]+/gu, ' ').trim()
  return line === '' ? undefined : [...line].slice(0, 200).join('')
}

/** An answer that is JSON, and not what SCIM means by it. */
export const strange = (host: string, path: string, what: string): ServiceTrouble =>
  new ServiceTrouble(
    'NotAllowed',
    `${host} answered ${path} with ${what}; look whether url is that of a SCIM 2.0 service`,
  )
