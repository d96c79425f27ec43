import type { Retry } from '../../api/errors.ts'
import type { Kind, Reason } from '../../api/names.ts'
import type { ObjectRef } from '../../api/resource.ts'
import {
  AlreadyExistsError,
  ConflictError,
  GoneError,
  InvalidError,
  NotFoundError,
  StoreError,
  StoreUnusableError,
} from '../errors.ts'
import { isRecord } from '../semantics/write.ts'

/** The API server cannot be reached, does not answer in time, or answers that it cannot now. */
export class ClusterUnreachableError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'Unreachable'
  /** Milliseconds that the server asked to wait (`Retry-After`). */
  readonly wait: number
  constructor(message: string, options: ErrorOptions & { wait?: number } = {}) {
    super(message, options)
    this.wait = options.wait ?? 0
  }
}

/** The API server does not allow it (401, 403). Tried again, since rights can be given while we run. */
export class ForbiddenError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'NotAllowed'
}

/** The API server knows no such kind: the CustomResourceDefinition is missing. Tried again, since it may come. */
export class KindMissingError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'ReferenceNotFound'
  constructor(kind: Kind) {
    super(
      `the cluster does not know the kind ${kind}: install Roster's CustomResourceDefinitions (\`roster crds | kubectl apply --server-side -f -\`)`,
    )
  }
}

/** The CustomResourceDefinition is being deleted: the API server takes no new object of the kind, and deletes all that there are. */
export class DefinitionDeletedError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'NotAllowed'
  constructor(kind: Kind) {
    super(
      `the definition of ${kind} is being deleted, so nothing new of it can be made; what is there is held, and nobody loses anything. Back up (\`roster backup\`), let go (\`roster uninstall\`), install the definitions again, and restore`,
    )
  }
}

/** The namespace is being deleted: the API server takes nothing new in it, and deletes all that there is. */
export class NamespaceDeletedError extends StoreError {
  readonly retry: Retry = 'backoff'
  readonly reason: Reason = 'NotAllowed'
  constructor() {
    super(
      'the namespace of this realm is being deleted, so nothing new can be made in it; what is there is held, and nobody loses anything by it. It cannot be taken back: save what is left (`roster export`), stop the controller, and `roster uninstall` lets the namespace go',
    )
  }
}

/** What an API server says when it does not do something (`meta/v1 Status`). */
export interface Status {
  code?: number
  reason?: string
  message?: string
  details?: {
    retryAfterSeconds?: number
    kind?: string
    name?: string
    causes?: { reason?: string; message?: string; field?: string }[]
  }
}

/** An answer other than 2xx. Inside this folder only: what callers see is made by {@link storeError}. */
export class StatusError extends Error {
  readonly code: number
  readonly status: Status
  constructor(code: number, status: Status) {
    super(status.message ?? `HTTP ${code}`)
    this.code = code
    this.status = status
  }
  /** Whether the whole kind is unknown, not only one object of it. */
  get kindMissing(): boolean {
    return this.code === 404 && !this.status.details?.kind
  }
}

/** Whether it is refused because the definition of the kind is being deleted. */
export const isDefinitionGoing = ({ code, message }: StatusError): boolean =>
  (code === 403 || code === 405) && message.includes('custom resource definition is terminating')

/** Whether it is refused because the namespace is being deleted (`corev1.NamespaceTerminatingCause`). */
export const isNamespaceGoing = ({ code, status }: StatusError): boolean =>
  code === 403 && (status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false)

/** Longest text of an API server that goes into an error of ours. */
const LONGEST = 500

/** What an answer about one object means to the callers of a store; any other error as it is. */
export const storeError = (ref: ObjectRef, error: unknown): unknown => {
  if (!(error instanceof StatusError)) return error
  const { code, status } = error
  const said = error.message.slice(0, LONGEST)
  if (error.kindMissing) return new KindMissingError(ref.kind)
  if (isDefinitionGoing(error)) return new DefinitionDeletedError(ref.kind)
  if (code === 404) return new NotFoundError(ref)
  if (code === 409 && status.reason === 'AlreadyExists') return new AlreadyExistsError(ref)
  if (code === 409) return new ConflictError(ref, said)
  if (code === 410) return new GoneError(said)
  if (code === 400 || code === 413 || code === 422 || isTypeError(error)) {
    // A refused value is quoted, and in a record it may be what a link is made of.
    const text = isRecord(ref.kind) ? said.replace(/"(?:[^"\\]|\\.)*"?/g, '"…"') : said
    return new InvalidError(`${ref.kind}/${ref.name}: ${text}`)
  }
  return clusterError(error)
}

/** What an answer about no object in particular means. */
export const clusterError = (error: StatusError): StoreError => {
  const said = error.message.slice(0, LONGEST)
  if (isNamespaceGoing(error)) return new NamespaceDeletedError()
  if (error.code === 401)
    return new ForbiddenError(`the API server does not accept our credentials (${said}); renew the kubeconfig or token`)
  if (error.code === 403) return new ForbiddenError(`the API server refuses: ${said}; see the rules of Roster's Role`)
  if (error.code === 410) return new GoneError(said)
  if (error.code === 429 || error.code >= 500) {
    const wait = (error.status.details?.retryAfterSeconds ?? 0) * 1_000
    return new ClusterUnreachableError(`the API server cannot now (${error.code}: ${said})`, { wait })
  }
  return new StoreUnusableError(
    `the API server refuses what every request needs (${error.code}: ${said})`,
    'check that the address in the kubeconfig is that of a Kubernetes API server',
  )
}

/** Server-side apply answers a value of the wrong type, and a duplicate key, with 500. Trying again does not help. */
export const isTypeError = (error: StatusError): boolean =>
  error.code === 500 &&
  /failed to create (typed|manager|patch)|failed to convert new object|duplicate entries/i.test(error.message)

/** The fields that other managers hold, from a refused apply: `conflict with "source/hr" using roster.dev/v1alpha1` at `.spec.locale`. */
export const fieldConflicts = (error: unknown): { field: string; manager: string }[] => {
  if (!(error instanceof StatusError)) return []
  const found = new Map<string, { field: string; manager: string }>()
  for (const { reason, message = '', field = '' } of error.status.details?.causes ?? []) {
    if (reason !== 'FieldManagerConflict') continue
    const manager = /conflict with "((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? 'another manager'
    const conflict = { field: fieldPath(field), manager }
    found.set(JSON.stringify(conflict), conflict)
  }
  return [...found.values()]
}

/** `.spec.memberships[organization="acme"].roles` → `spec.memberships[acme]`; `.metadata.labels.team` → `metadata.labels[team]`. */
const fieldPath = (path: string): string => {
  const [, map, key] = /^\.metadata\.(labels|annotations)\.(.+)$/.exec(path) ?? []
  if (map) return `metadata.${map}[${key}]`
  const [, field = path, item] = /^\.spec\.([^.[]+)(?:\[[^=\]]+="([^"]*)"\])?/.exec(path) ?? []
  return item === undefined ? `spec.${field}` : `spec.${field}[${item}]`
}
