import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { SCHEMAS } from '../../src/api/generated/schemas.ts'
import type { AnyManifest } from '../../src/api/kinds.ts'
import { API_VERSION, DECLARED_KINDS, type DeclaredKind } from '../../src/api/names.ts'
import type { SchemaNode } from '../../src/api/schemanode.ts'
import { readManifests } from '../../src/manifests/read.ts'
import { groupReconciler } from '../../src/reconcilers/group.ts'
import { invitationReconciler } from '../../src/reconcilers/invitation.ts'
import { roleReconciler } from '../../src/reconcilers/role.ts'
import { userReconciler } from '../../src/reconcilers/user.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { revisionOf } from '../../src/source/folder.ts'
import { SyncMemory } from '../../src/source/memory.ts'
import { syncRevision } from '../../src/source/sync.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { HOUR, openRealm } from '../fakes/realm.ts'
import fc from '../properties.ts'

const NAME = 'one'
const HAND = 'local/hand'
const TEXTS = [
  'one',
  'two',
  'documents:read',
  'documents:write',
  'one@acme.example',
  'two@acme.example',
  'acme.example',
  'zeta.example',
]

/** Two values of a schema, as different as it lets them be. */
const samples = (node: SchemaNode): unknown[] => {
  switch (node.type) {
    case 'string': {
      const fits = (text: string) =>
        (node.enum?.includes(text) ?? true) && new RegExp(node.pattern ?? '', 'u').test(text)
      return node.enum ?? TEXTS.filter(fits)
    }
    case 'integer':
      return [node.minimum ?? 1]
    case 'boolean':
      return [true, false]
    case 'array':
      return [[]]
    case 'object':
      return [0, 1].map(which =>
        Object.fromEntries(
          [...(node.required ?? []), ...eitherOf(node)].map(field => {
            const values = samples(node.properties?.[field] as SchemaNode)
            return [field, values[which] ?? values[0]]
          }),
        ),
      )
  }
}

/** Of two fields that exclude each other, and of which one is needed, the first. */
const eitherOf = ({ rules = [] }: SchemaNode): string[] =>
  rules.flatMap(({ rule }) => /^has\(self\.(\w+)\) != has\(self\.\w+\)$/.exec(rule)?.[1] ?? [])

/** Every list of a spec that may be left out, from the schemas themselves. */
const FIELDS = DECLARED_KINDS.flatMap(kind =>
  Object.entries(SCHEMAS[kind].spec.properties ?? {}).flatMap(([field, node]) =>
    node.type === 'array' && node.items && !SCHEMAS[kind].spec.required?.includes(field)
      ? [{ kind, field, keys: node.listKeys, items: samples(node.items), id: `${kind}.${field}` }]
      : [],
  ),
)
type Field = (typeof FIELDS)[number]
const fieldOf = (id: string): Field => FIELDS.find(one => one.id === id) ?? expect.fail(id)

/** What must stand there anyway. */
const requiredOf = (kind: DeclaredKind): Record<string, unknown> =>
  samples(SCHEMAS[kind].spec)[0] as Record<string, unknown>

const manifestOf = ({ kind, field }: Field, value: unknown[] | undefined, more: object): AnyManifest =>
  ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name: NAME },
    spec: { ...more, ...(value !== undefined && { [field]: value }) },
  }) as unknown as AnyManifest

const revision = async (...manifests: AnyManifest[]) => {
  const read = await readManifests(
    manifests.map((manifest, at) => ({ file: `${at}.yaml`, text: stringify(manifest) })),
    { references: false },
  )
  expect(read.findings).toEqual([])
  const found = revisionOf(read)
  return found.outcome === 'Complete' ? found : expect.fail(found.message)
}
const permitAll = async <T>(objects: readonly T[]) => ({ permitted: objects, because: '' })

/** What a field comes to by the annotations of its schema: a list of its own belongs to one as a whole; one with keys belongs item by item. */
class Model {
  readonly #keys: readonly string[] | undefined
  readonly #of = new Map<string, { value: unknown; owners: Set<string> }>()
  constructor({ keys }: Field) {
    this.#keys = keys
  }

  /** @returns parts that were taken from somebody else, as they were different */
  apply(manager: string, value: unknown[] | undefined): string[] {
    const taken: string[] = []
    const parts = new Map<string, unknown>()
    if (value !== undefined && !this.#keys) parts.set('', value)
    if (this.#keys)
      for (const item of value ?? []) parts.set(String((item as Record<string, unknown>)[this.#keys[0] ?? '']), item)
    for (const [part, wanted] of parts) {
      const now = this.#of.get(part)
      if (now && JSON.stringify(now.value) === JSON.stringify(wanted)) now.owners.add(manager)
      else {
        if ([...(now?.owners ?? [])].some(owner => owner !== manager)) taken.push(part)
        this.#of.set(part, { value: wanted, owners: new Set([manager]) })
      }
    }
    for (const [part, { owners }] of this.#of)
      if (!parts.has(part) && owners.delete(manager) && owners.size === 0) this.#of.delete(part)
    return taken
  }

  get value(): unknown {
    if (!this.#keys) return this.#of.get('')?.value
    const items = [...this.#of.values()].map(({ value }) => value)
    return items.length === 0 ? undefined : items
  }
}

const byText = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(item => JSON.stringify(item)).sort() : value

describe('a list that is left out, and one that is empty', () => {
  it('are told apart for every list there is', () => {
    expect(FIELDS.length).toBeGreaterThan(10)
    for (const { id, items } of FIELDS) expect(items.length, id).toBeGreaterThan(1)
  })

  it('mean from the text to the store what the schema says, whoever wrote what before', async () => {
    const step = fc.record({
      by: fc.constantFrom('source', 'hand'),
      set: fc.constantFrom('absent', 'none', 'first', 'second', 'both'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...FIELDS.map(({ id }) => id)),
        fc.array(step, { minLength: 1, maxLength: 7 }),
        async (id, steps) => {
          const field = fieldOf(id)
          const [first, second] = field.items
          const values: Record<string, unknown[] | undefined> = {
            absent: undefined,
            none: [],
            first: [first],
            second: [second],
            both: [first, second],
          }
          await using store: ResourceStore = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock() })
          const [model, memory] = [new Model(field), new SyncMemory()]
          const declare = async (value: unknown[] | undefined) => {
            const of = await revision(manifestOf(field, value, requiredOf(field.kind)))
            return syncRevision({ store, source: 'people', revision: of, prune: true, permit: permitAll, memory })
          }
          await declare(undefined)
          for (const { by, set } of steps) {
            const value = values[set]
            if (by === 'hand') {
              model.apply(HAND, value)
              await store.apply(manifestOf(field, value, {}) as never, { manager: HAND, force: true })
            } else {
              const taken = model.apply('source/people', value)
              const result = await declare(value)
              expect(result.failed).toEqual([])
              expect(result.taken.flatMap(({ fields }) => fields.map(one => one.field)).sort()).toEqual(
                taken.map(part => (part === '' ? `spec.${field.field}` : `spec.${field.field}[${part}]`)).sort(),
              )
            }
            const live = (await store.get(field.kind, NAME))?.spec as Record<string, unknown>
            if (field.keys) expect(byText(live[field.field])).toEqual(byText(model.value))
            else expect(live[field.field]).toEqual(model.value)
          }
          // Read once more, the same text changes nothing.
          const last = steps.findLast(({ by }) => by === 'source')
          await declare(values[last?.set ?? 'absent'])
          const { resourceVersion } = await store.info()
          await declare(values[last?.set ?? 'absent'])
          expect((await store.info()).resourceVersion).toBe(resourceVersion)
        },
      ),
      { numRuns: 150, endOnFailure: true },
    )
  })

  /** What somebody has by a list that a hand wrote: it stays while the source says nothing of it, and goes where it says that there is none. */
  it.each([
    ['Group', 'roles', ['editor']],
    ['Group', 'members', ['alice']],
    ['Role', 'allow', ['documents:read']],
  ] as const)('of %s.%s reach people as they are meant', async (kind, field, value) => {
    await using realm = await openRealm({
      reconcilers: world =>
        [
          userReconciler(world),
          invitationReconciler(world),
          groupReconciler(world),
          roleReconciler(world),
        ] as unknown as Reconciler[],
    })
    const role = { organization: 'acme', ...(kind !== 'Role' && { allow: ['documents:read'] }) }
    const group = {
      organization: 'acme',
      ...((kind !== 'Group' || field !== 'roles') && { roles: ['editor'] }),
      ...((kind !== 'Group' || field !== 'members') && { members: ['alice'] }),
    }
    const declare = async (list: readonly string[] | undefined) => {
      const set = list === undefined ? {} : { [field]: list }
      const things = [
        ['Organization', 'acme', {}],
        ['Role', 'editor', kind === 'Role' ? { ...role, ...set } : role],
        ['Group', 'writers', kind === 'Group' ? { ...group, ...set } : group],
        ['User', 'alice', { email: 'alice@acme.example', memberships: [{ organization: 'acme', join: 'None' }] }],
      ].map(([kind, name, spec]) => ({ apiVersion: API_VERSION, kind, metadata: { name }, spec }) as AnyManifest)
      const of = await revision(...things)
      await syncRevision({ store: realm.world.store, source: 'people', revision: of, prune: true, permit: permitAll })
      await realm.run()
      await realm.pass(HOUR)
    }
    const mayRead = async () =>
      (await realm.membership('acme', 'alice@acme.example'))?.settled?.permissions.includes('documents:read') ?? false
    await declare(undefined)
    expect(await mayRead()).toBe(false)
    const name = kind === 'Role' ? 'editor' : 'writers'
    await realm.store.apply({ apiVersion: API_VERSION, kind, metadata: { name }, spec: { [field]: value } } as never, {
      manager: HAND,
      force: true,
    })
    await realm.pass(HOUR)
    expect(await mayRead()).toBe(true)
    await declare(undefined)
    expect(await mayRead()).toBe(true)
    await declare([])
    expect(await mayRead()).toBe(false)
    await declare(value)
    expect(await mayRead()).toBe(true)
    // Given up again by the source, it is nobody's.
    await declare(undefined)
    expect(await mayRead()).toBe(false)
  })
})
