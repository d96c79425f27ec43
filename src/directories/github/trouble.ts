import type { Clock } from '../../ports/clock.ts'
import type { ServiceAnswer } from '../client.ts'
import { retryAfter } from '../retry.ts'
import { ServiceTrouble } from '../trouble.ts'

/** One of `errors` in an answer of GraphQL. */
export interface GraphqlError {
  readonly type: string
  readonly message: string
  readonly path: readonly unknown[]
}

/** GitHub answers with status 200 whatever goes wrong in a query, and with what did come beside it. */
export const errorsOf = ({ body }: ServiceAnswer): GraphqlError[] => {
  const errors = (body as { errors?: unknown } | undefined)?.errors
  if (!Array.isArray(errors)) return []
  return errors.map((error: { type?: unknown; message?: unknown; path?: unknown } | null) => ({
    type: typeof error?.type === 'string' ? error.type : '',
    message: typeof error?.message === 'string' ? error.message : '',
    path: Array.isArray(error?.path) ? error.path : [],
  }))
}

/** Where nothing else is said, GitHub asks for a minute. */
const MINUTE = 60_000
/** Its clock and ours need not agree to the second. */
const SLACK = 1000

/**
 * How GitHub says that it was asked too much: 403 or 429 over REST, an error in the answer over GraphQL; until when, by `Retry-After`, else by
 * `x-ratelimit-reset` where the budget of the hour is used up, else a minute
 * (docs.github.com, "Rate limits for the REST API" and "Rate limits and node limits for the GraphQL API").
 */
export const githubLimit =
  (clock: Clock) =>
  (answer: ServiceAnswer): number | undefined => {
    const { status, headers, body } = answer
    const asked = retryAfter(headers.get('retry-after'), clock.now())
    const usedUp = headers.get('x-ratelimit-remaining') === '0'
    const said = String((body as { message?: unknown } | undefined)?.message ?? '')
    const refused = status === 403 && (usedUp || asked !== undefined || /rate limit/i.test(said))
    if (
      status !== 429 &&
      !refused &&
      !errorsOf(answer).some(({ type }) => type === 'RATE_LIMITED' || type === 'RATE_LIMIT')
    )
      return undefined
    if (asked !== undefined) return asked
    const reset = Number(headers.get('x-ratelimit-reset') ?? '')
    return usedUp && reset > 0 ? Math.max(reset * 1000 - clock.now(), 0) + SLACK : MINUTE
  }

/** What an error of a query means. */
export const graphqlTrouble = ({ type, message }: GraphqlError, host: string, organization: string): ServiceTrouble => {
  switch (type) {
    case 'NOT_FOUND':
      return new ServiceTrouble(
        'InvalidSpec',
        `${host} has no organization ${organization}, or does not show it; correct organization, or let the token see it`,
      )
    case 'INSUFFICIENT_SCOPES':
      return new ServiceTrouble(
        'NotAllowed',
        `${host} does not let the token read all of ${organization}; give it the scopes read:org and read:user`,
      )
    case 'FORBIDDEN':
      return new ServiceTrouble(
        'NotAllowed',
        /SAML/.test(message)
          ? `${organization} lets only tokens in that were authorized for its single sign-on; authorize the token there`
          : `${host} does not let the token read ${organization}; give it the permission Members: read, or the scope read:org`,
      )
    default:
      return new ServiceTrouble(
        'Unreachable',
        `${host} answered a query with an error${/^[A-Z_]{1,50}$/.test(type) ? ` (${type})` : ''}; it is tried again`,
      )
  }
}

/** A list over REST that the token may not read. */
export const listTrouble = (status: number, what: string, host: string, organization: string): ServiceTrouble =>
  new ServiceTrouble(
    'NotAllowed',
    `${host} does not show the ${what} of ${organization} to the token (${status}); use one of an owner with the scope admin:org, or one with the permission Members: read`,
  )
