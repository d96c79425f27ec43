import { SCHEMAS } from '../api/generated/schemas.ts'
import {
  Approval,
  Directory,
  Group,
  Invitation,
  LicensePool,
  Organization,
  Role,
  Source,
  User,
} from '../api/generated/validators.js'
import type { AnyManifest } from '../api/kinds.ts'
import {
  API_VERSION,
  DECLARED_KINDS,
  type DeclaredKind,
  GROUP,
  KINDS,
  type Kind,
  RECORD_KINDS,
  VERSION,
} from '../api/names.ts'
import type { Judgement } from './judgement.ts'
import { isObject, judgeMetadata } from './metadata.ts'
import { escapePointer } from './pointer.ts'
import { judgeRules } from './rules.ts'
import { didYouMean, editDistance, nearest } from './suggest.ts'
import { judgeValues } from './values.ts'
import { quote, reportSchemaErrors } from './wording.ts'

/** Bytes of one resource: what etcd takes, with room for a status. */
const MAX_RESOURCE = 1_000_000

export type Judged =
  /** One of ours. With errors among the findings it is here only for the checks of the whole set. */
  | { is: 'manifest'; manifest: AnyManifest }
  /** A `List`: its items are judged one by one. */
  | { is: 'list'; items: unknown[] }
  /** A well-formed object of somebody else. */
  | { is: 'foreign' }
  /** Something is wrong with it. Where it says who it is, references to it are not dangling. */
  | { is: 'refused'; identity?: { kind: DeclaredKind; name: string } }

/**
 * Judges one value of a document by itself: is it ours, is everything in it allowed. A typo in group or kind must never read as
 * "somebody else's", for then a resource would seem gone.
 */
export function judgeManifest(
  judgement: Judgement,
  value: unknown,
  base?: (kind: DeclaredKind, name: string) => unknown,
): Judged {
  if (!isObject(value)) {
    judgement.report(
      'not-a-manifest',
      `a manifest is an object with apiVersion, kind, metadata and spec, and this is ${nameOf(value)}`,
    )
    return { is: 'refused' }
  }
  const { apiVersion, kind } = value
  judgement.of(kind, isObject(value.metadata) ? value.metadata.name : undefined)
  if (kind === undefined || kind === '' || kind === null) {
    judgement.report('not-a-manifest', 'kind is missing', { pointer: '/kind' })
    return { is: 'refused' }
  }
  if (typeof kind !== 'string') {
    judgement.report('not-a-manifest', 'kind must be text', '/kind')
    return { is: 'refused' }
  }
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    judgement.report(
      'not-a-manifest',
      `apiVersion is missing${isOurs(kind) ? `: write apiVersion: ${API_VERSION}` : ''}`,
      '/apiVersion',
    )
    return { is: 'refused' }
  }
  const [group, version] = apiVersion.includes('/')
    ? [apiVersion.slice(0, apiVersion.indexOf('/')), apiVersion.slice(apiVersion.indexOf('/') + 1)]
    : ['', apiVersion]
  if (
    (kind === 'List' && apiVersion === 'v1') ||
    (group === GROUP && kind.endsWith('List') && isOurs(kind.slice(0, -4)))
  ) {
    if (Array.isArray(value.items)) return { is: 'list', items: value.items }
    judgement.report('not-a-manifest', `${kind} needs items`, '/items')
    return { is: 'refused' }
  }
  if (group !== GROUP) {
    const near = group !== '' && editDistance(group.toLowerCase(), GROUP, 2) <= 2
    if (!near && !(group === '' && isOurs(kind))) return { is: 'foreign' }
    judgement.report(
      'wrong-group',
      `${quote(apiVersion)} is not our group; write apiVersion: ${API_VERSION}`,
      '/apiVersion',
    )
    return { is: 'refused' }
  }
  if (version !== VERSION) {
    judgement.report(
      'wrong-group',
      `${quote(apiVersion)} is not a version that this program knows; write apiVersion: ${API_VERSION}`,
      '/apiVersion',
    )
    return { is: 'refused' }
  }
  if (!isDeclared(kind)) {
    if ((RECORD_KINDS as readonly string[]).includes(kind))
      judgement.report(
        'record-in-manifest',
        `${kind} is a record: only Roster writes it, and it has no place in a manifest`,
        '/kind',
      )
    else
      judgement.report(
        'unknown-kind',
        `${quote(kind)} is not a kind of ${GROUP}${didYouMean(kind, DECLARED_KINDS)}`,
        '/kind',
      )
    return { is: 'refused' }
  }
  return judgeOwn(judgement, value, kind, base)
}

function judgeOwn(
  judgement: Judgement,
  value: Record<string, unknown>,
  kind: DeclaredKind,
  base?: (kind: DeclaredKind, name: string) => unknown,
): Judged {
  const schema = SCHEMAS[kind]
  for (const field of Object.keys(value)) {
    if (field === 'status')
      judgement.report('status-in-manifest', 'a status is written by Roster only; take it out of the manifest', {
        pointer: '/status',
        which: 'key',
      })
    else if (!FIELDS.includes(field)) {
      const hint = schema.spec.properties?.[field] ? `; it belongs into spec` : didYouMean(field, FIELDS)
      judgement.report('unknown-field', `${field} is not a field of a manifest${hint}`, {
        pointer: `/${escapePointer(field)}`,
        which: 'key',
      })
    }
  }
  judgeMetadata(judgement, schema, value.metadata)
  const { spec } = value
  if (spec === undefined) judgement.report('missing-field', 'spec is missing')
  else {
    const validate = VALIDATORS[kind]
    const valid = validate(spec)
    if (!valid) reportSchemaErrors(judgement, kind, schema.spec, spec, validate.errors ?? [], '/spec')
    if (isObject(spec)) judgeValues(judgement, schema.spec, spec, '/spec')
    // As in Kubernetes, one schema error switches the rules off: they may trust what the schema says.
    const name = isObject(value.metadata) ? value.metadata.name : undefined
    if (valid) judgeRules(judgement, schema, value, typeof name === 'string' ? base?.(kind, name) : undefined)
  }
  if (!isObject(value.metadata) || typeof value.metadata.name !== 'string') return { is: 'refused' }
  const refused: Judged = { is: 'refused', identity: { kind, name: value.metadata.name } }
  if (judgement.failed) return refused
  const size = Buffer.byteLength(JSON.stringify(value))
  if (size > MAX_RESOURCE) {
    judgement.report('too-large', `the resource has ${size} bytes, and may have ${MAX_RESOURCE}; split it`)
    return refused
  }
  return { is: 'manifest', manifest: value as unknown as AnyManifest }
}

const VALIDATORS = {
  Source,
  Organization,
  Directory,
  Role,
  Group,
  LicensePool,
  User,
  Invitation,
  Approval,
} satisfies Record<DeclaredKind, unknown>
const FIELDS = ['apiVersion', 'kind', 'metadata', 'spec']
const isDeclared = (kind: string): kind is DeclaredKind => (DECLARED_KINDS as readonly string[]).includes(kind)
/** One of our kinds, or almost: `user`, `Usr`. */
const isOurs = (kind: string): boolean =>
  (KINDS as readonly string[]).includes(kind as Kind) ||
  nearest(kind, DECLARED_KINDS)?.toLowerCase() === kind.toLowerCase()

const nameOf = (value: unknown): string =>
  value === null
    ? 'empty'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'string'
        ? 'a text'
        : `a ${typeof value}`
