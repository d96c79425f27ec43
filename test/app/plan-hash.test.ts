import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { planHash, splitDue } from '../../src/app/plan-hash.ts'
import type { Change } from '../../src/effects/change.ts'
import { DAY } from '../fakes/realm.ts'
import fc from '../properties.ts'
import { applyOn, openPlanned, placed, planOn, revisionWith } from './planning.ts'

const change = fc.record(
  {
    action: fc.constantFrom('create', 'update', 'send', 'take'),
    target: fc.constantFrom('resource', 'mail', 'access'),
    kind: fc.constantFrom('User', 'Role'),
    name: fc.constantFrom('ann', 'ben'),
    organization: fc.constantFrom('acme', 'globex'),
    because: fc.string(),
    fields: fc.dictionary(fc.constantFrom('roles', 'to', '__proto__'), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 2,
      noNullPrototype: true,
    }),
  },
  { requiredKeys: ['action', 'target', 'kind', 'name', 'because', 'fields'] },
) as fc.Arbitrary<Change>
const changes = fc.array(change, { maxLength: 6 })

/** What the definition says, written down a second time: fields in the order of their names, one line a change. */
const byHand = (all: readonly Change[]): string => {
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(
            Object.keys(value)
              .sort()
              .map(key => [key, sorted(Reflect.get(value, key))]),
          )
        : value
  const lines = all.map(({ because: _, ...rest }) => JSON.stringify(sorted(rest)))
  return `sha256:${createHash('sha256').update(lines.sort().join('\n')).digest('hex')}`
}

describe('the hash of a plan', () => {
  it('is over the sorted changes, whatever their order and their reasons', () => {
    fc.assert(
      fc.property(changes, fc.string(), (all, because) => {
        expect(planHash(all)).toBe(byHand(all))
        expect(planHash(all.toReversed().map(one => ({ ...one, because })))).toBe(planHash(all))
      }),
    )
  })

  it('is another one as soon as one change is another, is missing or is there twice', () => {
    const one: Change = {
      action: 'send',
      target: 'mail',
      kind: 'User',
      name: 'ann',
      organization: 'acme',
      because: 'users/ann.yaml:1',
      fields: { to: 'ann@acme.example', roles: ['viewer'] },
    }
    const others: Change[] = [
      { ...one, action: 'queue' },
      { ...one, target: 'access' },
      { ...one, kind: 'Invitation' },
      { ...one, name: 'ben' },
      { ...one, organization: 'globex' },
      { ...one, fields: { to: 'ann@acme.example', roles: ['editor'] } },
      { ...one, fields: { to: 'ann@acme.example', roles: [] } },
      { ...one, fields: { to: 'ann@acme.example' } },
    ]
    const { organization: _, ...nowhere } = one
    const hashes = [[], [one], [one, one], [nowhere], ...others.map(other => [other])].map(planHash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('of an edit is the same whether or not something else is due, which is told beside it', async () => {
    const acme = placed('Organization', 'acme', { domains: ['acme.example'] })
    const role = placed('Role', 'viewer', { organization: 'acme', allow: ['documents:read'] })
    const ann = (displayName?: string) =>
      placed('User', 'ann', {
        email: 'ann@acme.example',
        ...(displayName !== undefined && { displayName }),
        memberships: [{ organization: 'acme', roles: ['viewer'], until: '2026-03-31' }],
      })
    await using realm = await openPlanned()
    await applyOn(realm, revisionWith(acme, role, ann()))
    await realm.accept('acme', 'ann@acme.example')
    await realm.run()
    // The controller is away while the membership ends.
    await realm.clock.advance(60 * DAY)
    const due = await planOn(realm, revisionWith(acme, role, ann('Ann')))
    expect(due.changes.map(({ action, target }) => `${action} ${target}`)).toEqual(['update resource'])
    expect(due.alsoDue).toEqual([expect.objectContaining({ action: 'end', target: 'membership', name: 'ann' })])
    await realm.run()
    await realm.pass(DAY)
    const done = await planOn(realm, revisionWith(acme, role, ann('Ann')))
    expect(done.alsoDue).toEqual([])
    expect(done.hash).toBe(due.hash)
  })
})

describe('what is also due', () => {
  it('is taken from the changes once for each time that it would happen anyway', () => {
    fc.assert(
      fc.property(changes, changes, (all, due) => {
        const { caused, alsoDue } = splitDue([...all, ...due], due)
        expect(caused.length).toBe(all.length)
        expect(planHash(alsoDue)).toBe(planHash(due))
        expect(planHash([...caused, ...alsoDue])).toBe(planHash([...all, ...due]))
        // What would only happen without the manifests is in neither.
        expect(splitDue([], due)).toEqual({ caused: [], alsoDue: [] })
      }),
    )
  })
})
