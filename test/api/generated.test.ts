import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { load } from 'js-yaml'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { re2Pattern } from '../../scripts/generate/crd.ts'
import { generatedFiles } from '../../scripts/generate/files.ts'
import { type RawSchema, rawSchema } from '../../scripts/generate/schema.ts'
import { definitions } from '../../src/api/definitions.ts'
import * as projections from '../../src/api/generated/projections.js'
import { SCHEMAS } from '../../src/api/generated/schemas.ts'
import * as validators from '../../src/api/generated/validators.js'
import { DECLARED_KINDS, KINDS } from '../../src/api/names.ts'
import { ABSENT } from '../../src/api/schema.ts'
import type { Validator } from '../../src/api/validator.ts'
import fc from '../properties.ts'

const root = join(import.meta.dirname, '../..')

interface Field {
  path: string
  raw: RawSchema
  required: boolean
}
/** Every schema below one: fields, and items of lists. */
const fields = (raw: RawSchema, path: string): Field[] => [
  ...Object.entries(raw.properties ?? {}).flatMap(([name, child]) => [
    { path: `${path}.${name}`, raw: child, required: raw.required?.includes(name) ?? false },
    ...fields(child, `${path}.${name}`),
  ]),
  ...(raw.items ? [{ path: `${path}[]`, raw: raw.items, required: true }, ...fields(raw.items, `${path}[]`)] : []),
]
const specs = definitions.flatMap(({ kind, record, spec }) =>
  fields(rawSchema(spec), kind).map(field => ({ ...field, record })),
)
const statuses = definitions.flatMap(({ kind, status }) =>
  status ? fields(rawSchema(status), `${kind}.status`).map(field => ({ ...field, record: true })) : [],
)
const all = [...specs, ...statuses]

/** Words that YAML 1.1 reads as booleans (yaml.org/type/bool). */
const BOOLEAN_WORD = /^(y|n|yes|no|true|false|on|off)$/i

describe('the schema of a kind', () => {
  it('describes every field', () => {
    expect(
      all.filter(({ raw, path }) => !path.endsWith('[]') && !raw.description?.trim()).map(({ path }) => path),
    ).toEqual([])
  })

  it('bounds every text, number and list', () => {
    const unbounded = all.filter(
      ({ raw }) =>
        (raw.type === 'string' && !raw.enum && raw.maxLength === undefined) ||
        (raw.type === 'array' && raw.maxItems === undefined) ||
        (raw.type === 'integer' && raw.minimum === undefined),
    )
    expect(unbounded.map(({ path }) => path)).toEqual([])
    expect(
      specs
        .filter(
          ({ raw }) => raw.type === 'integer' && raw.maximum === undefined && !raw.description?.startsWith('Grows'),
        )
        .map(({ path }) => path),
    ).toEqual([])
  })

  it('says for each optional field of a declared spec what its absence means, and for no other field', () => {
    const wrong = all.filter(({ raw, required, record }) => (raw[ABSENT] !== undefined) !== (!required && !record))
    expect(wrong.map(({ path }) => path)).toEqual([])
  })

  it('has no choice in a spec that YAML 1.1 reads as a boolean', () => {
    expect(specs.flatMap(({ raw }) => raw.enum ?? []).filter(value => BOOLEAN_WORD.test(value))).toEqual([])
  })

  it('says string beside every choice', () => {
    expect(all.filter(({ raw }) => raw.enum && raw.type !== 'string').map(({ path }) => path)).toEqual([])
  })

  it('refuses unknown fields in every object', () => {
    expect(
      all.filter(({ raw }) => raw.type === 'object' && raw.additionalProperties !== false).map(({ path }) => path),
    ).toEqual([])
  })
})

describe('generated files', () => {
  const files = generatedFiles(definitions)

  it('are the same at every run', () => {
    expect([...generatedFiles(definitions)]).toEqual([...files])
  })

  it('are up to date', () => {
    const stale = [...files]
      .filter(([path, text]) => readFileSync(join(root, path), 'utf8') !== text)
      .map(([path]) => path)
    expect(stale).toEqual([])
  })

  it('hold the structural schema that Kubernetes asks for', () => {
    for (const { plural, kind, status } of definitions) {
      const crd = load(files.get(`crds/${plural}.yaml`) ?? '') as CustomResourceDefinition
      const [version] = crd.spec.versions
      expect(crd.metadata.name).toBe(`${plural}.roster.dev`)
      expect(crd.spec.names).toMatchObject({ kind, plural, categories: ['roster'] })
      expect(version?.subresources, kind).toEqual(status ? { status: {} } : undefined)
      const text = JSON.stringify(version?.schema)
      expect(text).not.toContain('additionalProperties')
      expect(text).not.toContain('x-roster')
      expect(text).not.toContain('nullable')
      // One default there is, for kstatus: that no pass has looked at it yet.
      expect(text.split('"default"')).toHaveLength(status ? 2 : 1)
      if (status) expect(text).toContain('"default":{"observedGeneration":-1}')
    }
  })

  it('offer editors every declared kind and no record', () => {
    const schema = JSON.parse(files.get('schemas/all.json') ?? '') as { properties: { kind: { enum: string[] } } }
    expect(schema.properties.kind.enum).toEqual([...DECLARED_KINDS, 'List'])
    const kinds = DECLARED_KINDS.map(kind => kind.toLowerCase())
    const schemas = [...kinds, 'all', 'policy'].map(name => `schemas/${name}.json`)
    expect([...files.keys()].filter(path => path.startsWith('schemas/')).sort()).toEqual(schemas.sort())
  })

  it('hold editor schemas that take every example and refuse a typo in it', () => {
    const ajv = new Ajv({ strict: false, allErrors: true })
    const check = ajv.compile(JSON.parse(files.get('schemas/all.json') ?? '') as object)
    for (const { example, record, kind } of definitions) {
      if (record) continue
      const manifest = load(example) as { spec: Record<string, unknown> }
      expect(check(manifest), `${kind}: ${ajv.errorsText(check.errors)}`).toBe(true)
      expect(check({ ...manifest, spec: { ...manifest.spec, typo: 1 } }), kind).toBe(false)
    }
  })
})

interface CustomResourceDefinition {
  metadata: { name: string }
  spec: { names: object; versions: { subresources?: object; schema: object }[] }
}

describe('generated validators', () => {
  const checks = { ...validators, ...projections } as unknown as Record<string, Validator>

  it('are there for every spec and every status', () => {
    expect(Object.keys(checks).sort()).toEqual(
      [...KINDS, ...definitions.filter(({ status }) => status).map(({ kind }) => `${kind}Status`)].sort(),
    )
  })

  it('take the spec of every example', () => {
    for (const kind of DECLARED_KINDS) {
      const { spec } = load(SCHEMAS[kind].example) as { spec: unknown }
      expect(checks[kind]?.(spec), `${kind}: ${JSON.stringify(checks[kind]?.errors)}`).toBe(true)
    }
  })

  it('refuse null in every field', () => {
    for (const kind of DECLARED_KINDS) {
      const { spec } = load(SCHEMAS[kind].example) as { spec: Record<string, unknown> }
      for (const field of Object.keys(SCHEMAS[kind].spec.properties ?? {})) {
        expect(checks[kind]?.({ ...spec, [field]: null }), `${kind}.${field}`).toBe(false)
      }
    }
  })

  it('count code points, as Kubernetes does', () => {
    const role = (description: string) => ({ organization: 'acme', description })
    expect(checks.Role?.(role('🦉'.repeat(500)))).toBe(true)
    expect(checks.Role?.(role('🦉'.repeat(501)))).toBe(false)
    expect(checks.Role?.(role('\ud83e'.repeat(501)))).toBe(false)
  })
})

describe('a pattern', () => {
  const patterns = [...new Set(all.flatMap(({ raw }) => (raw.pattern === undefined ? [] : [raw.pattern])))]
  /** Characters at which the two could part: white space, controls, what patterns name, letters of several planes. */
  const characters = fc.constantFrom(
    ...' \t\n\v\f\r\u0000\u001f\u007f\u0085\u00a0\u1680\u2003\u2028\u2029\u202e\u3000\ufeffazAZ09-._:/@+*()[]\\^$!éß中🦉'.split(
      /(?:)/u,
    ),
  )

  it.each(patterns)('%s means the same to Kubernetes and to us', pattern => {
    const ours = new RegExp(pattern, 'u')
    const theirs = RE2JS.compile(re2Pattern(pattern))
    const word = fc.oneof(fc.string({ unit: characters, maxLength: 30 }), fc.stringMatching(ours))
    fc.assert(
      fc.property(word, text => theirs.matcher(text).find() === ours.test(text)),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.stringMatching(ours), characters, fc.nat(), (text, character, at) => {
        const place = text.length === 0 ? 0 : at % text.length
        const changed = `${text.slice(0, place)}${character}${text.slice(place)}`
        return theirs.matcher(changed).find() === ours.test(changed)
      }),
      { numRuns: 300 },
    )
  })
})
