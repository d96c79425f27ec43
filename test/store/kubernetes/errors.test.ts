import { describe, expect, test } from 'vitest'
import {
  AlreadyExistsError,
  ConflictError,
  GoneError,
  InvalidError,
  NotFoundError,
  StoreUnusableError,
} from '../../../src/store/errors.ts'
import {
  ClusterUnreachableError,
  ForbiddenError,
  fieldConflicts,
  KindMissingError,
  type Status,
  StatusError,
  storeError,
} from '../../../src/store/kubernetes/errors.ts'

const ref = { kind: 'User' as const, name: 'alice' }
const said = (code: number, status: Status = {}) => storeError(ref, new StatusError(code, status))

describe('an answer of an API server', () => {
  test.each<[string, unknown, abstract new (...args: never[]) => Error]>([
    ['404 of an object', said(404, { details: { kind: 'users' } }), NotFoundError],
    ['404 of everything', said(404, { message: '404 page not found' }), KindMissingError],
    ['409 for a name', said(409, { reason: 'AlreadyExists' }), AlreadyExistsError],
    ['409 for a version', said(409, { reason: 'Conflict' }), ConflictError],
    ['410', said(410), GoneError],
    ['422', said(422), InvalidError],
    ['400', said(400), InvalidError],
    ['413', said(413), InvalidError],
    ['500 for a type', said(500, { message: 'failed to create typed patch object (a/b): .spec' }), InvalidError],
    ['500', said(500), ClusterUnreachableError],
    ['429', said(429), ClusterUnreachableError],
    ['401', said(401), ForbiddenError],
    ['403', said(403), ForbiddenError],
    ['405', said(405), StoreUnusableError],
  ])('%s has its error', (_, error, type) => expect(error).toBeInstanceOf(type))

  test('keeps no more of a long text than helps', () => {
    expect((said(422, { message: 'x'.repeat(10_000) }) as Error).message.length).toBeLessThan(600)
  })

  test('tells the refused value of what people declare, and of a record only where it is', () => {
    const message = 'Membership.roster.dev "m-1" is invalid: spec.nonce: Invalid value: "c2Vj\\"cmV0": must match'
    const refused = (kind: 'User' | 'Membership') =>
      (storeError({ kind, name: 'm-1' }, new StatusError(422, { message })) as Error).message
    expect(refused('User')).toContain('c2Vj')
    expect(refused('Membership')).not.toMatch(/c2Vj|cmV0/)
    expect(refused('Membership')).toContain('spec.nonce')
  })

  test('names the fields that other managers hold, each once', () => {
    const causes = [
      ['.spec.locale', 'conflict with "source/hr" using roster.dev/v1alpha1'],
      ['.spec.memberships[organization="acme"].roles', 'conflict with "source/hr" using roster.dev/v1alpha1'],
      ['.spec.memberships[organization="acme"].until', 'conflict with "source/hr" using roster.dev/v1alpha1'],
      ['.metadata.labels.example.com/team', 'conflict with "kubectl-edit" with subresource "x" using v1 at 2026'],
    ].map(([field = '', message = '']) => ({ reason: 'FieldManagerConflict', field, message }))
    expect(fieldConflicts(new StatusError(409, { details: { causes } }))).toEqual([
      { field: 'spec.locale', manager: 'source/hr' },
      { field: 'spec.memberships[acme]', manager: 'source/hr' },
      { field: 'metadata.labels[example.com/team]', manager: 'kubectl-edit' },
    ])
    expect(fieldConflicts(new StatusError(409, { details: { causes: [{ reason: 'FieldValueInvalid' }] } }))).toEqual([])
  })
})
