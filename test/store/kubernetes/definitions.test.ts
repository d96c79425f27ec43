import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { AnyResource } from '../../../src/api/kinds.ts'
import { DECLARED_KINDS, KINDS } from '../../../src/api/names.ts'
import { readManifests } from '../../../src/manifests/read.ts'
import { pathOf } from '../../../src/store/kubernetes/objects.ts'
import { type Answer, startCluster, type TestCluster } from '../../kube/apiserver.ts'
import { definitions, installCrds, newNamespace, type Schema } from '../../kube/crds.ts'
import { describeWith } from '../../parts.ts'

const kept = join(import.meta.dirname, 'objects-0.1.yaml')
const examples = join(import.meta.dirname, '..', '..', '..', 'examples')
const APPLY = 'application/apply-patch+yaml'

describeWith('kube-apiserver', 'the custom resource definitions', () => {
  let cluster: TestCluster
  let installed: Answer[]
  beforeAll(async () => {
    cluster = await startCluster()
    installed = await installCrds(cluster)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  const definition = async (name: string) =>
    (await cluster.ask('GET', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`)).body

  test('are taken without a warning, with every rule within its cost, and served', async () => {
    for (const answer of installed) {
      expect(answer.code, JSON.stringify(answer.body)).toBe(201)
      expect(answer.headers.warning).toBeUndefined()
    }
    for (const { metadata } of definitions()) {
      const conditions = (await definition(metadata.name)).status.conditions as { type: string; status: string }[]
      const states = Object.fromEntries(conditions.map(({ type, status }) => [type, status]))
      expect(states, metadata.name).toMatchObject({ NamesAccepted: 'True', Established: 'True' })
      expect(states.NonStructuralSchema ?? 'False').toBe('False')
    }
  })

  test('give each field of a declared spec, and each item of a keyed list, to its managers as a whole', () => {
    const parted = definitions().flatMap(({ spec }) => {
      if (!(DECLARED_KINDS as readonly string[]).includes(spec.names.kind)) return []
      const fields = spec.versions[0]?.schema.openAPIV3Schema.properties?.spec?.properties ?? {}
      return Object.entries(fields)
        .filter(([, field]) => !isWhole(field))
        .map(([name]) => `${spec.names.kind}.spec.${name}`)
    })
    expect(parted).toEqual([])
  })

  test('show their columns as `kubectl get` asks for them', async () => {
    const namespace = await newNamespace(cluster)
    for (const { spec } of definitions()) {
      const { additionalPrinterColumns } = (await definition(`${spec.names.plural}.roster.dev`)).spec.versions[0]
      const table = await cluster.ask(
        'GET',
        `/apis/roster.dev/v1alpha1/namespaces/${namespace}/${spec.names.plural}`,
        undefined,
        'application/json',
        'application/json;as=Table;v=v1;g=meta.k8s.io',
      )
      const names = table.body.columnDefinitions.map((column: { name: string }) => column.name)
      expect(names).toEqual(['Name', ...additionalPrinterColumns.map((column: { name: string }) => column.name)])
    }
  })

  test('belong to `kubectl get roster`, and explain every field of every spec', async () => {
    const { body } = await cluster.ask('GET', '/apis/roster.dev/v1alpha1')
    const resources = body.resources as { name: string; kind: string; categories?: string[] }[]
    for (const kind of KINDS)
      expect(resources.find(one => one.kind === kind && !one.name.includes('/'))?.categories).toContain('roster')
    // The API server publishes schemas a moment after it serves their kinds.
    const published = async (): Promise<Record<string, Schema>> => {
      const answer = await cluster.ask('GET', '/openapi/v3/apis/roster.dev/v1alpha1')
      return answer.body.components?.schemas ?? {}
    }
    const schemaOf = (schemas: Record<string, Schema>, kind: string) =>
      Object.entries(schemas).find(([name]) => name.endsWith(`.${kind}`))?.[1]
    const schemas = await vi.waitFor(
      async () => {
        const found = await published()
        expect(KINDS.filter(kind => !schemaOf(found, kind))).toEqual([])
        return found
      },
      { timeout: 20_000, interval: 200 },
    )
    const silent: string[] = []
    const look = (path: string, schema: Schema) => {
      if (!schema.description) silent.push(path)
      for (const [name, field] of Object.entries(schema.properties ?? {})) look(`${path}.${name}`, field)
      if (schema.items?.properties) look(`${path}[]`, schema.items)
    }
    for (const kind of KINDS) look(kind, schemaOf(schemas, kind)?.properties?.spec ?? {})
    expect(silent).toEqual([])
  })

  test.each(['acme', 'reseller'])('accept every manifest of the example %s', async name => {
    const namespace = await newNamespace(cluster)
    const { resources, findings } = await readManifests([{ path: join(examples, name) }])
    expect(findings.filter(finding => finding.severity === 'error')).toEqual([])
    expect(resources.length).toBeGreaterThan(10)
    for (const { manifest, origin } of resources) {
      const path = pathOf(namespace, manifest.kind, manifest.metadata.name)
      const options = 'fieldManager=test&dryRun=All&fieldValidation=Strict'
      const { code, body, headers } = await cluster.ask('PATCH', `${path}?${options}`, manifest, APPLY)
      expect([code, headers.warning], `${origin.file}:${origin.line} ${JSON.stringify(body.message)}`).toEqual([
        201,
        undefined,
      ])
    }
  })

  test('accept one object of each kind as version 0.1 wrote it, and give it back as it was', async () => {
    const namespace = await newNamespace(cluster)
    const objects = loadAll(readFileSync(kept, 'utf8')).map(one => JSON.parse(JSON.stringify(one)) as AnyResource)
    expect(objects.map(({ kind }) => kind).sort()).toEqual([...KINDS].sort())
    for (const object of objects) {
      const created = await cluster.ask('POST', `${pathOf(namespace, object.kind)}?fieldValidation=Strict`, object)
      expect(created.code, JSON.stringify(created.body.message)).toBe(201)
      const path = pathOf(namespace, object.kind, object.metadata.name)
      if (object.status) {
        const { resourceVersion } = created.body.metadata
        const body = { ...object, metadata: { ...object.metadata, resourceVersion } }
        const written = await cluster.ask('PUT', `${path}/status?fieldValidation=Strict`, body)
        expect(written.code, JSON.stringify(written.body.message)).toBe(200)
      }
      const { body } = await cluster.ask('GET', path)
      // Of what has no status yet, the server says that nobody has looked at it.
      const unobserved = body.status?.observedGeneration === -1 && Object.keys(body.status).length === 1
      const status = unobserved ? undefined : body.status
      expect({ spec: body.spec, status }).toEqual({ spec: object.spec, status: object.status })
    }
  })
})

/** Whether server-side apply takes it as one value, or as a list whose items are one value each. */
const isWhole = (field: Schema): boolean => {
  if (field.type === 'object') return field['x-kubernetes-map-type'] === 'atomic'
  if (field.type !== 'array') return true
  if (field['x-kubernetes-list-type'] === 'map') return field.items?.['x-kubernetes-map-type'] === 'atomic'
  return (field['x-kubernetes-list-type'] ?? 'atomic') === 'atomic'
}
