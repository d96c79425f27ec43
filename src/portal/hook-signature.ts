import { createHmac } from 'node:crypto'
import { sameText } from '../accounts/mac.ts'

/** What a delivery brings that tells who sent it. */
export interface Delivery {
  headers: Pick<Headers, 'get'>
  /** The body as it came: a signature covers its bytes. */
  body: Uint8Array
}

/** A key for signatures of its own, and the only sort that is never sent itself (Standard Webhooks 1.0, "Signature scheme"; GitLab's signing token). */
const SIGNING = 'whsec_'
/** How far the time in a signature may be from ours, in milliseconds. */
const TOLERANCE = 5 * 60_000
/** Signatures in one header: a sender that changes its key sends two. */
const MOST_SIGNATURES = 8

/** Characters of a secret that is worth anything: shorter ones are guessed. */
export const LEAST_SECRET = 16

/**
 * Whether whoever sent this knows the secret. Of the ways that are known, any one is enough:
 *
 * - `X-Hub-Signature-256`: HMAC-SHA256 of the body, as GitHub, Gitea and Forgejo sign ("Validating webhook deliveries");
 * - `webhook-signature` with `webhook-id` and `webhook-timestamp`: Standard Webhooks, as GitLab signs with a signing token;
 * - `X-Gitlab-Token`: the secret itself ("Webhooks", secret token). Not where the secret is one for signatures.
 *
 * Texts are compared in constant time.
 */
export const isSigned = ({ headers, body }: Delivery, secret: string, now: number): boolean => {
  const found = [
    isHubSigned(headers.get('x-hub-signature-256'), body, secret),
    isStandardSigned({ headers, body }, secret, now),
    !secret.startsWith(SIGNING) && isToken(headers.get('x-gitlab-token'), secret),
  ]
  return found.includes(true)
}

const isHubSigned = (given: string | null, body: Uint8Array, secret: string): boolean =>
  given !== null && sameText(given, `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)

const isStandardSigned = ({ headers, body }: Delivery, secret: string, now: number): boolean => {
  const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(name => headers.get(name))
  if (!id || !given || !timestamp || !/^\d{1,12}$/.test(timestamp) || !secret.startsWith(SIGNING)) return false
  if (Math.abs(now - Number(timestamp) * 1000) > TOLERANCE) return false
  const key = Buffer.from(secret.slice(SIGNING.length), 'base64')
  const expected = `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
  const matching = given
    .split(' ', MOST_SIGNATURES)
    .map(one => sameText(one, expected))
    .filter(same => same)
  return matching.length > 0
}

/** Digests have one length, so that not even the secret's length shows. */
const isToken = (given: string | null, secret: string): boolean => {
  const digest = (text: string): string => createHmac('sha256', 'token').update(text).digest('hex')
  return given !== null && sameText(digest(given), digest(secret))
}
