import { describe, expect, test } from 'vitest'
import { joined, ownersOf } from '../../../src/store/kubernetes/managedfields.ts'
import type { ManagedFields } from '../../../src/store/kubernetes/objects.ts'

const applied: ManagedFields = {
  manager: 'source/hr',
  operation: 'Apply',
  apiVersion: 'roster.dev/v1alpha1',
  fieldsType: 'FieldsV1',
  fieldsV1: {
    'f:metadata': { 'f:labels': { 'f:example.com/team': {} } },
    'f:spec': {
      'f:email': {},
      'f:memberships': { 'k:{"organization":"acme"}': { '.': {}, 'f:organization': {}, 'f:roles': {} } },
    },
  },
}
const created: ManagedFields = {
  manager: 'source/hr',
  operation: 'Update',
  fieldsV1: {
    'f:metadata': { 'f:annotations': { '.': {}, 'f:note': {} }, 'f:finalizers': { '.': {}, 'v:"x"': {} } },
    'f:spec': { '.': {}, 'f:locale': {} },
  },
}
const status: ManagedFields = {
  manager: 'roster',
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:status': { 'f:state': {} } },
}
const other: ManagedFields = {
  manager: 'kubectl-edit',
  operation: 'Update',
  fieldsV1: { 'f:spec': { 'f:locale': {} } },
}

describe('managed fields', () => {
  test('give the owners of fields, items, labels and annotations; a status and finalizers have none', () => {
    expect(ownersOf([applied, created, status, other])).toEqual({
      'kubectl-edit': ['spec.locale'],
      'source/hr': [
        'metadata.annotations[note]',
        'metadata.labels[example.com/team]',
        'spec.email',
        'spec.locale',
        'spec.memberships[acme]',
      ],
    })
    expect(ownersOf(undefined)).toEqual({})
  })

  test('what a manager created is joined into what it applied; finalizers stay where they are', () => {
    const all = joined([applied, created, status, other], 'source/hr')
    expect(all).toHaveLength(4)
    expect(ownersOf(all)).toEqual(ownersOf([applied, created, other]))
    const own = all?.find(entry => entry.manager === 'source/hr' && entry.operation === 'Apply')
    expect(own?.fieldsV1?.['f:metadata']).toEqual({
      'f:labels': { 'f:example.com/team': {} },
      'f:annotations': { '.': {}, 'f:note': {} },
    })
    const left = all?.find(entry => entry.manager === 'source/hr' && entry.operation === 'Update')
    expect(left?.fieldsV1).toEqual({ 'f:metadata': { 'f:finalizers': { '.': {}, 'v:"x"': {} } } })
  })

  test('there is nothing to join of others, of a status, or of finalizers alone', () => {
    expect(joined([applied, created, status, other], 'local/it')).toBeUndefined()
    expect(joined([status], 'roster')).toBeUndefined()
    const finalizers = { ...created, fieldsV1: { 'f:metadata': { 'f:finalizers': {} } } }
    expect(joined([applied, finalizers], 'source/hr')).toBeUndefined()
  })
})
