import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dump, load, loadAll } from 'js-yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { describeWith } from '../parts.ts'
import { CHART as chart, type Installation, openCluster } from './installation.ts'

interface Rendered {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[]
  spec?: { template?: { metadata: object; spec: object }; egress?: { ports: { port: number }[] }[] }
  data?: Record<string, string>
}

const root = join(import.meta.dirname, '..', '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const NEEDED = ['publicUrl=https://people.acme.example', 'image.repository=registry.acme.example/roster']
const EVERYTHING = [
  'smtp.url=smtp://mail.acme.example:587',
  'smtp.existingSecret=mail',
  'secrets.names={git,keys}',
  'ingress.enabled=true',
  'config.allowPrivate=git.acme.example',
  'image.pullSecrets[0].name=pull',
  'networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus',
  'podLabels.team=people',
  'smtp.ca.existingSecret=mail-ca',
  'policy.existingConfigMap=policy',
  'signers.existingConfigMap=signers',
  'directoryFiles.existingClaim=exports',
  'grafanaDashboard.enabled=true',
]

/** Kinds whose definitions others bring (Gateway API, Prometheus Operator): no API server knows them by itself. */
const ELSEWHERE = ['gateway.networking.k8s.io/v1', 'monitoring.coreos.com/v1']
const VARIANTS: string[][] = [
  [],
  EVERYTHING,
  [
    'httpRoute.enabled=true',
    'httpRoute.parentRefs[0].name=web',
    'serviceMonitor.enabled=true',
    'prometheusRule.enabled=true',
  ],
  [
    'keys.existingSecret=own',
    'credentials.create=false',
    'credentials.namespace=people',
    'serviceAccount.create=false',
    'serviceAccount.name=own',
  ],
  [
    'crds.keep=false',
    'admissionPolicy.trustedUsers={ann,bob}',
    'rbac.aggregate=false',
    'podDisruptionBudget.enabled=false',
  ],
  [
    'crds.install=false',
    'admissionPolicy.enabled=false',
    'rbac.create=false',
    'networkPolicy.enabled=false',
    'replicas=0',
  ],
  [
    'ingress.enabled=true',
    'ingress.className=nginx',
    'ingress.tlsSecret=tls',
    'ingress.annotations.a\\.b/c=d',
    'service.type=LoadBalancer',
  ],
  [
    'nodeSelector.disk=ssd',
    'tolerations[0].key=a',
    'tolerations[0].operator=Exists',
    `image.digest=sha256:${'a'.repeat(64)}`,
  ],
]

const helm = (...args: string[]) => spawnSync(kubectlPath('helm') ?? '', args, { encoding: 'utf8' })
const sets = (values: string[]) => values.flatMap(value => ['--set', value])
const template = (values: string[] = []): string => {
  const { status, stdout, stderr } = helm('template', 'roster', chart, '-n', 'people', ...sets([...NEEDED, ...values]))
  if (status !== 0) throw new Error(stderr)
  return stdout
}
const objects = (text: string) => (loadAll(text) as (Rendered | null)[]).filter(object => object !== null)

describeWith('helm', 'the chart', () => {
  it('passes the linter of helm', () => {
    const { status, stdout } = helm('lint', '--strict', chart, ...sets([...NEEDED, ...EVERYTHING]))
    expect(status, stdout).toBe(0)
  })

  it('says which values it needs, and refuses those it does not know', () => {
    expect(helm('template', 'roster', chart).stderr).toContain('is needed')
    expect(() => template(['replica=3'])).toThrow('replica')
    expect(() => template(['smtp.host=mail'])).toThrow('host')
    expect(() => template(['config.listen=:80'])).toThrow('listen')
  })

  it('takes a file from one place only, and none that nothing reads', () => {
    for (const [values, word] of [
      [['smtp.url=smtp://mail', 'smtp.ca.existingSecret=a', 'smtp.ca.existingConfigMap=b'], 'smtp.ca takes one'],
      [['smtp.ca.existingSecret=a'], 'smtp.url names none'],
      [['policy.rules[0].may.kinds={User}', 'policy.existingConfigMap=b'], 'policy takes'],
      [['policy.rules[0].may.kinds={Usr}'], 'one of'],
      [['signers.keys=ada ssh-ed25519 AAAA', 'signers.existingConfigMap=b'], 'signers takes'],
      [['config.policy=/policy.yaml'], 'policy'],
    ] as const)
      expect(() => template([...values]), values.join(' ')).toThrow(word)
  })

  it('knows a policy as the program does', () => {
    const rules = (text: string) => JSON.parse(text) as { properties: { rules: object } }
    const values = JSON.parse(read('charts/roster/values.schema.json')) as { properties: Record<string, unknown> }
    expect((values.properties.policy as { properties: { rules: object } }).properties.rules).toEqual(
      rules(read('schemas/policy.json')).properties.rules,
    )
  })

  it('tells an empty policy, which refuses everything, from none', () => {
    const config = (values: string[]) =>
      objects(template(values)).find(({ metadata }) => metadata.name === 'roster-config')?.data ?? {}
    expect(config([])['policy.yaml']).toBeUndefined()
    expect(load(config([])['roster.yaml'] ?? '')).not.toHaveProperty('policy')
    const { status, stdout } = helm('template', 'roster', chart, ...sets(NEEDED), '--set-json', 'policy.rules=[]')
    expect(status).toBe(0)
    expect(stdout).toContain('rules: []')
    expect(stdout).toContain('policy: policy.yaml')
  })

  it('has the dashboard as it is, and the alerts, the first of which asks for this realm', () => {
    const rendered = objects(template(['grafanaDashboard.enabled=true', 'prometheusRule.enabled=true']))
    const dashboard = rendered.find(({ metadata }) => metadata.name === 'roster-dashboard')
    expect(dashboard?.metadata).toMatchObject({ labels: { grafana_dashboard: '1' } })
    expect(JSON.parse(dashboard?.data?.['roster.json'] ?? '')).toEqual(
      JSON.parse(read('monitoring/grafana-dashboard.json')),
    )
    const own = dump(load(read('monitoring/prometheus-rules.yaml')))
    expect(dump(rendered.find(({ kind }) => kind === 'PrometheusRule')?.spec)).toBe(
      own.replace('absent(roster_lease_held)', `absent(roster_lease_held{namespace='people'})`),
    )
  })

  it('lets mail out by the port that it is told', () => {
    const smtp = (url: string) => {
      const policy = objects(template([`smtp.url=${url}`])).find(({ kind }) => kind === 'NetworkPolicy')
      const rules = policy?.spec?.egress ?? []
      return rules.find(({ ports }) => ports.some(({ port }) => port === 465))?.ports
    }
    expect(smtp('smtp://mail.acme.example')).toHaveLength(3)
    expect(smtp('smtp://roster@mail.acme.example:587')).toHaveLength(3)
    expect(smtp('smtp://mail.acme.example:2525')).toContainEqual({ port: 2525, protocol: 'TCP' })
  })

  it('renders the same bytes each time', () => {
    expect(template(EVERYTHING)).toBe(template(EVERYTHING))
  })

  it('grants no right to everything, and lists no secrets', () => {
    const rules = objects(template(EVERYTHING)).flatMap(({ rules = [] }) => rules)
    expect(rules.length).toBeGreaterThan(8)
    expect(JSON.stringify(rules)).not.toContain('*')
    for (const rule of rules.filter(({ resources }) => resources.includes('secrets')))
      expect(rule.verbs).not.toContain('list')
  })
})

describeWith('promtool', 'the alerts of the chart', () => {
  it('are rules', () => {
    const rendered = objects(template(['prometheusRule.enabled=true']))
    const folder = mkdtempSync(join(tmpdir(), 'roster-alerts-'))
    const file = join(folder, 'rules.yaml')
    writeFileSync(file, dump(rendered.find(({ kind }) => kind === 'PrometheusRule')?.spec))
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect(status, stdout + stderr).toBe(0)
  })
})

describeWith('kube-apiserver', 'the rendered chart', () => {
  let at: Installation
  const labelled = (variant: string) =>
    objects(variant).sort((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'))

  beforeAll(async () => {
    at = await openCluster()
    // The pod of `helm test` is made when that is asked for.
    const all = labelled(template(EVERYTHING)).filter(({ kind }) => kind !== 'Pod')
    for (const namespaces of [true, false]) {
      const items = all.filter(({ kind }) => (kind === 'Namespace') === namespaces)
      at.must(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    }
  }, 120_000)
  afterAll(async () => {
    await at?.[Symbol.asyncDispose]()
  })

  it('is what the API server knows, field for field, with whatever values', () => {
    for (const values of VARIANTS) {
      const items = labelled(template(values)).filter(({ apiVersion }) => !ELSEWHERE.includes(apiVersion))
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
      const strict = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', '-']
      const { ok, text } = at.kubectl(strict, body)
      expect(ok, `${values.join(' ')}: ${text}`).toBe(true)
      expect(text).not.toMatch(/warning/i)
    }
  }, 120_000)

  it('runs pods that the restricted standard lets in', () => {
    for (const object of objects(template(EVERYTHING))) {
      const pod = object.kind === 'Pod' ? object.spec : object.spec?.template?.spec
      if (!pod) continue
      const { automountServiceAccountToken: _, serviceAccountName: __, ...spec } = pod as Record<string, unknown>
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', namespace: 'people' }, spec }
      const { ok, text } = at.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(body))
      expect(ok, text).toBe(true)
    }
  })

  it('leaves what Roster wrote into its ConfigMap and Secret when it is applied again', () => {
    const roster = ['--as', 'system:serviceaccount:people:roster']
    // Its role lets it update; a patch is one for kubectl alone.
    at.must(['create', 'clusterrolebinding', 'patches', '--clusterrole=cluster-admin', '--user', roster[1] ?? ''])
    at.must([...roster, 'patch', 'secret', 'roster-keys', '-p', '{"data":{"link.1":"a2V5"}}'])
    at.must([...roster, 'patch', 'configmap', 'roster-realm', '-p', '{"data":{"epoch":"1"}}'])
    const body = { apiVersion: 'v1', kind: 'List', items: objects(template(EVERYTHING)) }
    at.must(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(body))
    expect(at.must(['get', 'secret', 'roster-keys', '-o', 'json'])).toContain('a2V5')
    expect(at.must(['get', 'configmap', 'roster-realm', '-o', 'json'])).toContain('"epoch": "1"')
  })
})
