import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from 'js-yaml'
import type { Answer, TestCluster } from './apiserver.ts'

const folder = join(import.meta.dirname, '..', '..', 'crds')

interface Definition {
  metadata: { name: string }
  spec: { names: { plural: string; kind: string }; versions: { schema: { openAPIV3Schema: Schema } }[] }
}
/** What the tests look at in a schema. */
export interface Schema {
  type?: string
  description?: string
  properties?: Record<string, Schema>
  items?: Schema
  'x-kubernetes-list-type'?: string
  'x-kubernetes-map-type'?: string
}

/** The CustomResourceDefinitions as they are generated. */
export const definitions = (): Definition[] =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => load(readFileSync(join(folder, name), 'utf8')) as Definition)

/** Applies them as `kubectl apply --server-side` would, and waits until the API server serves them. @returns its answers */
export const installCrds = async (cluster: TestCluster): Promise<Answer[]> => {
  const answers = await Promise.all(
    definitions().map(definition =>
      cluster.ask(
        'PATCH',
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}?fieldManager=test&force=true`,
        definition,
        'application/apply-patch+yaml',
      ),
    ),
  )
  for (const { spec } of definitions()) await served(cluster, spec.names.plural)
  return answers
}

const served = async (cluster: TestCluster, plural: string): Promise<void> => {
  const until = Date.now() + 30_000
  for (;;) {
    const { code, body } = await cluster.ask('GET', `/apis/roster.dev/v1alpha1/namespaces/default/${plural}?limit=1`)
    if (code === 200) return
    if (Date.now() > until) throw new Error(`${plural} are not served: ${code} ${JSON.stringify(body)}`)
    await sleep(50)
  }
}

let namespaces = 0

/** A namespace of its own. */
export const newNamespace = async (cluster: TestCluster): Promise<string> => {
  namespaces += 1
  const name = `realm-${process.pid}-${namespaces}`
  const { code, body } = await cluster.ask('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  })
  if (code !== 201) throw new Error(`no namespace: ${JSON.stringify(body)}`)
  return name
}
