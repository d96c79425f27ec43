import { expect, test } from 'vitest'
import { missingRightsText } from '../../src/decide/missing-rights.ts'

const core = { group: '', namespace: 'people' }
const ours = { group: 'roster.dev', namespace: 'people' }

test('nothing is said while nothing is missing', () => {
  expect(missingRightsText([])).toBeUndefined()
})

test('rights of one verb are one sentence, and an object that a rule names is named', () => {
  expect(
    missingRightsText([
      { ...ours, verb: 'list', resource: 'users' },
      { ...ours, verb: 'list', resource: 'roles' },
      { ...core, verb: 'get', resource: 'secrets', name: 'suite-keys' },
    ]),
  ).toBe(
    "the right to list roles, users of roster.dev in the namespace people is missing; give it to Roster's Role there. " +
      "the right to get secrets suite-keys in the namespace people is missing; give it to Roster's Role there",
  )
})
