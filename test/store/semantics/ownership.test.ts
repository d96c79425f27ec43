import { describe, expect, test } from 'vitest'
import { definitions } from '../../../src/api/definitions.ts'
import { fieldsOf, IMMUTABLE_FIELDS, normalized, type OwnedParts } from '../../../src/store/semantics/fields.ts'
import { type Owners, plain, sameJson } from '../../../src/store/semantics/object.ts'
import { applyFields, ownAll, ownerRows, ownersOf } from '../../../src/store/semantics/ownership.ts'
import fc from '../../properties.ts'

const parts = (spec: OwnedParts['spec'], labels = {}, annotations = {}): OwnedParts => ({ spec, labels, annotations })
const de = parts({ locale: 'de' })
const en = parts({ locale: 'en' })
const none = parts({})

describe('an applied field', () => {
  // manager `me` applies; who owned `locale: de` before, what is wanted, and what comes out
  test.each([
    ['new', none, [], de, { locale: 'de' }, ['me'], []],
    ['mine, the same', de, ['me'], de, { locale: 'de' }, ['me'], []],
    ['mine, another value', de, ['me'], en, { locale: 'en' }, ['me'], []],
    ['mine, no longer named', de, ['me'], none, {}, [], []],
    ['theirs, the same', de, ['they'], de, { locale: 'de' }, ['me', 'they'], []],
    ['theirs, another value', de, ['they'], en, { locale: 'en' }, ['me'], ['they']],
    ['theirs, not named', de, ['they'], none, { locale: 'de' }, ['they'], []],
    ['of both, the same', de, ['me', 'they'], de, { locale: 'de' }, ['me', 'they'], []],
    ['of both, another value', de, ['me', 'they'], en, { locale: 'en' }, ['me'], ['they']],
    ['of both, no longer named', de, ['me', 'they'], none, { locale: 'de' }, ['they'], []],
    ['of nobody, the same', de, [], de, { locale: 'de' }, ['me'], []],
    ['of nobody, another value', de, [], en, { locale: 'en' }, ['me'], []],
  ])('that was %s', (_, before, managers, wanted, spec, owners, held) => {
    const current = { parts: before, owners: ownersOf(managers.map(manager => ({ field: 'spec.locale', manager }))) }
    const forced = applyFields('User', current, wanted, { manager: 'me', force: true })
    expect(forced.parts.spec).toEqual(spec)
    expect(ownerRows(forced.owners)).toEqual(owners.map(manager => ({ field: 'spec.locale', manager })))
    expect(forced.taken).toEqual(held.map(manager => ({ field: 'spec.locale', manager })))
    expect(forced.conflicts).toEqual([])
    const asked = applyFields('User', current, wanted, { manager: 'me', force: false })
    expect(asked.conflicts).toEqual(forced.taken)
  })

  test('of a membership list that has no keys, or one twice, is the list as a whole', () => {
    for (const memberships of [[{ roles: [] }], [{ organization: 'acme' }, { organization: 'acme' }], 'acme']) {
      expect([...fieldsOf('User', parts({ memberships })).keys()]).toEqual(['spec.memberships'])
    }
  })

  test('has the name of its key, whatever is in it', () => {
    const odd = parts({}, { 'a]b[c': 'x', '': 'y' }, { 'roster.dev/note': 'z' })
    const applied = applyFields('Role', { parts: none, owners: {} }, odd, { manager: 'me', force: false })
    expect(applied.parts).toEqual(odd)
  })
})

describe('apply, for all inputs', () => {
  const manager = fc.constantFrom('a', 'b', 'c')
  const wanted: fc.Arbitrary<OwnedParts> = fc
    .record(
      {
        locale: fc.constantFrom('de', 'en'),
        aliases: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
        memberships: fc.uniqueArray(
          fc.record({
            organization: fc.constantFrom('acme', 'beta', 'gamma'),
            roles: fc.array(fc.constantFrom('r', 's'), { maxLength: 2 }),
          }),
          { selector: item => item.organization, maxLength: 3 },
        ),
      },
      { requiredKeys: [] },
    )
    .map(spec => parts(spec))
  const steps = fc.array(fc.record({ manager, wanted, force: fc.boolean() }), { minLength: 1, maxLength: 12 })

  /** Applies step by step; conflicts change nothing. */
  const run = (all: { manager: string; wanted: OwnedParts; force: boolean }[]) => {
    let state: { parts: OwnedParts; owners: Owners } = { parts: none, owners: {} }
    const lastApplied = new Map<string, OwnedParts>()
    for (const step of all) {
      const applied = applyFields('User', state, plain(step.wanted), step)
      if (applied.conflicts.length > 0) continue
      state = applied
      lastApplied.set(step.manager, step.wanted)
    }
    return { state, lastApplied }
  }

  test('every field has an owner, and every owner a field', () => {
    fc.assert(
      fc.property(steps, all => {
        const { state } = run(all)
        const owned = new Set(Object.values(state.owners).flat())
        expect([...owned].sort()).toEqual([...fieldsOf('User', state.parts).keys()].sort())
      }),
    )
  })

  test('who owns a field last applied exactly its value', () => {
    fc.assert(
      fc.property(steps, all => {
        const { state, lastApplied } = run(all)
        const now = fieldsOf('User', state.parts)
        for (const { field, manager: owner } of ownerRows(state.owners)) {
          const asked = lastApplied.get(owner)
          expect(asked && sameJson(fieldsOf('User', asked).get(field), now.get(field))).toBe(true)
        }
      }),
    )
  })

  test('the same again changes nothing', () => {
    fc.assert(
      fc.property(steps, wanted, manager, (all, last, by) => {
        const { state } = run(all)
        const once = applyFields('User', state, last, { manager: by, force: true })
        const twice = applyFields('User', once, last, { manager: by, force: true })
        expect(twice).toEqual({ ...once, taken: [], conflicts: [] })
        expect(JSON.stringify(twice.parts)).toBe(JSON.stringify(once.parts))
      }),
    )
  })

  test('a manager who applies nothing any more leaves nothing behind, and takes nothing along', () => {
    fc.assert(
      fc.property(steps, all => {
        const { state } = run(all)
        let left = state
        for (const by of ['a', 'b', 'c']) left = applyFields('User', left, none, { manager: by, force: false })
        expect(left.parts).toEqual(none)
        expect(left.owners).toEqual({})
        const withoutA = applyFields('User', state, none, { manager: 'a', force: false })
        for (const { field, manager: owner } of ownerRows(state.owners)) {
          if (owner !== 'a') expect(fieldsOf('User', withoutA.parts).has(field)).toBe(true)
        }
      }),
    )
  })

  test('owners come back from their rows, and an object made new is owned whole', () => {
    fc.assert(
      fc.property(wanted, manager, (given, by) => {
        const made = normalized('User', given)
        const owners = ownAll('User', made, by)
        expect(ownersOf(ownerRows(owners))).toEqual(owners)
        expect(applyFields('User', { parts: made, owners }, given, { manager: by, force: false })).toEqual({
          parts: made,
          owners,
          taken: [],
          conflicts: [],
        })
      }),
    )
  })
})

describe('equal as JSON', () => {
  test('agrees with what comes back from the file', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(sameJson(a, plain(a))).toBe(true)
        if (JSON.stringify(a) === JSON.stringify(b)) expect(sameJson(a, b)).toBe(true)
        expect(sameJson(a, b)).toBe(sameJson(b, a))
      }),
    )
  })

  test.each([
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: undefined }, { b: undefined }, true],
    [{ a: 1 }, { b: 1 }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, {}, false],
    [{ toString: 1 }, {}, false],
    [{}, { toString: 1 }, false],
    ['1', 1, false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameJson(a, b)).toBe(same)
  })
})

describe('immutable fields', () => {
  test('are those that the rules of the kinds name', () => {
    const ruled = Object.fromEntries(
      definitions.flatMap(definition => {
        const fields = definition.rules
          .map(({ rule }) => /(?:^|\|\| )self\.spec\.(\w+) == oldSelf\.spec\.\1\)?$/.exec(rule)?.[1])
          .filter(field => field !== undefined)
        return fields.length > 0 ? [[definition.kind, fields]] : []
      }),
    )
    expect(ruled).toEqual(IMMUTABLE_FIELDS)
  })
})
