import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dump, load, loadAll } from 'js-yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { describeWith } from '../parts.ts'

interface Rendered {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[]
  spec?: { template?: { metadata: object; spec: object } }
  data?: Record<string, string>
}

const root = join(import.meta.dirname, '..', '..')
const chart = join(root, 'charts', 'roster')
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
  'grafanaDashboard.enabled=true',
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
  let cluster: TestCluster
  let folder: string
  const ROSTER = 'system:serviceaccount:people:roster'

  const kubectl = (args: string[], input?: unknown) => {
    const { status, stdout, stderr } = spawnSync(
      kubectlPath('kubectl') ?? '',
      ['--kubeconfig', cluster.kubeconfig, ...args],
      { encoding: 'utf8', input: typeof input === 'string' ? input : JSON.stringify(input) },
    )
    return { ok: status === 0, text: stdout + stderr }
  }
  const as = (user: string, args: string[], input?: unknown) => kubectl(['-n', 'people', '--as', user, ...args], input)
  const apply = (user: string, manager: string, object: unknown) =>
    as(user, ['apply', '--server-side', '--field-manager', manager, '--force-conflicts', '-f', '-'], object)
  const role = (name: string, metadata: object = {}) => ({
    apiVersion: 'roster.dev/v1alpha1',
    kind: 'Role',
    metadata: { name, ...metadata },
    spec: { organization: 'acme', allow: ['users:read'] },
  })
  const seats = (pool: string) => ({
    apiVersion: 'roster.dev/v1alpha1',
    kind: 'SeatLedger',
    metadata: { name: `${pool}-1` },
    spec: { pool, page: 1, slots: [], keys: [] },
  })
  const until = async (what: () => boolean): Promise<void> => {
    const end = Date.now() + 30_000
    while (!what()) {
      if (Date.now() > end) throw new Error('never came')
      await sleep(100)
    }
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roster-chart-'))
    cluster = await startCluster()
    kubectl(['create', 'namespace', 'people'])
    kubectl(['label', 'namespace', 'people', 'pod-security.kubernetes.io/enforce=restricted'])
    // The namespace of the credentials comes before what stands in it.
    const order = (object: Rendered) => (object.kind === 'Namespace' ? 0 : 1)
    const all = objects(template(EVERYTHING)).sort((a, b) => order(a) - order(b))
    for (const list of [all.filter(object => order(object) === 0), all.filter(object => order(object) === 1)]) {
      const body = { apiVersion: 'v1', kind: 'List', items: list }
      const { ok, text } = kubectl(['apply', '--server-side', '-f', '-'], body)
      if (!ok) throw new Error(text)
    }
    // Both may write anything by RBAC: what is refused below is refused by the policies.
    const verbs = ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection']
    const rights = (name: string, rules: object[]) => {
      const [rbac, group] = ['rbac.authorization.k8s.io/v1', 'rbac.authorization.k8s.io']
      kubectl(['apply', '-f', '-'], { apiVersion: rbac, kind: 'ClusterRole', metadata: { name }, rules })
      kubectl(['apply', '-f', '-'], {
        apiVersion: rbac,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: group, kind: 'ClusterRole', name },
        subjects: [{ apiGroup: group, kind: 'User', name }],
      })
    }
    const every = [
      { apiGroups: ['roster.dev'], resources: ['roles', 'roles/status', 'seatledgers'], verbs },
      { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs },
    ]
    rights('ann', every)
    const use = {
      apiGroups: ['roster.dev'],
      resources: ['fieldmanagers'],
      resourceNames: ['source/ci'],
      verbs: ['use'],
    }
    rights('ci', [...every, use])
    rights('system:serviceaccount:kube-system:namespace-controller', every)
    await until(() => apply('ann', 'local/ann', role('first')).ok)
    await until(() =>
      as('ann', ['create', '--dry-run=server', '-f', '-'], seats('probe')).text.includes('by Roster alone'),
    )
  }, 120_000)
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('runs pods that the restricted standard lets in', () => {
    for (const object of objects(template(EVERYTHING))) {
      const pod = object.kind === 'Pod' ? object.spec : object.spec?.template?.spec
      if (!pod) continue
      const { automountServiceAccountToken: _, serviceAccountName: __, ...spec } = pod as Record<string, unknown>
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'probe', namespace: 'people' }, spec }
      const { ok, text } = kubectl(['create', '--dry-run=server', '-f', '-'], body)
      expect(ok, text).toBe(true)
    }
  })

  it('leaves what Roster wrote into its ConfigMap and Secret when it is applied again', () => {
    kubectl(['-n', 'people', 'patch', 'secret', 'roster-keys', '-p', '{"data":{"link.1":"a2V5"}}'])
    kubectl(['-n', 'people', 'patch', 'configmap', 'roster-realm', '-p', '{"data":{"epoch":"1"}}'])
    const body = { apiVersion: 'v1', kind: 'List', items: objects(template(EVERYTHING)) }
    const file = join(folder, 'again.json')
    writeFileSync(file, JSON.stringify(body))
    expect(kubectl(['apply', '--server-side', '--force-conflicts', '-f', file]).ok).toBe(true)
    expect(kubectl(['-n', 'people', 'get', 'secret', 'roster-keys', '-o', 'json']).text).toContain('a2V5')
    expect(kubectl(['-n', 'people', 'get', 'configmap', 'roster-realm', '-o', 'json']).text).toContain('"epoch": "1"')
  })

  it('lets nobody but Roster write records and statuses, not even an admin', () => {
    expect(as(ROSTER, ['create', '-f', '-'], seats('suite')).text).toContain('created')
    const admin = kubectl(['-n', 'people', 'create', '-f', '-'], seats('mine'))
    expect(admin.text).toContain('records and statuses are written by Roster alone')
    expect(as('ann', ['delete', 'seatledger', 'suite-1']).text).toContain('written by Roster alone')
    expect(as('ann', ['delete', 'seatledger', '--all']).text).toContain('written by Roster alone')
    // Letting go of one, as an uninstall does, changes no fact.
    const letGo = ['patch', 'seatledger', 'suite-1', '--type=merge', '-p', '{"metadata":{"finalizers":null}}']
    const forge = [
      'patch',
      'seatledger',
      'suite-1',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["a.example/b"]}}',
    ]
    expect(as('ann', forge).text).toContain('written by Roster alone')
    expect(as(ROSTER, [...forge.slice(0, -1), '{"metadata":{"finalizers":["roster.dev/record"]}}']).ok).toBe(true)
    expect(as('ann', letGo).text).toContain('patched')
    const status = [
      'patch',
      'roles.roster.dev',
      'first',
      '--subresource=status',
      '--type=merge',
      '-p',
      '{"status":{"holders":9}}',
    ]
    expect(as('ann', status).text).toContain('written by Roster alone')
    const applied = {
      apiVersion: 'roster.dev/v1alpha1',
      kind: 'Role',
      metadata: { name: 'first' },
      status: { holders: 9 },
    }
    const apart = ['apply', '--server-side', '--subresource=status', '--field-manager=roster', '-f', '-']
    expect(as(ROSTER, apart, applied).text).toContain('serverside-applied')
  })

  it('lets the control plane delete records with their namespace', () => {
    expect(as(ROSTER, ['create', '-f', '-'], seats('old')).ok).toBe(true)
    const groups = ['--as-group=system:serviceaccounts:kube-system', '--as-group=system:serviceaccounts']
    const user = 'system:serviceaccount:kube-system:namespace-controller'
    expect(as(user, [...groups, 'create', '-f', '-'], seats('forged')).ok).toBe(false)
    expect(as(user, [...groups, 'delete', 'seatledger', 'old-1']).text).toContain('deleted')
  })

  it('keeps field managers for Roster, and for who has the verb use on one by name', () => {
    for (const manager of ['source/ci', 'user/bob', 'controller', 'roster'])
      expect(apply('ann', manager, role('second')).text).toContain(`the field manager ${manager} is Roster's`)
    expect(apply('ann', 'local/ann', role('second')).ok).toBe(true)
    expect(apply('ci', 'source/ci', role('third', { labels: { 'roster.dev/source': 'ci' } })).ok).toBe(true)
    expect(apply('ci', 'source/other', role('third')).text).toContain("is Roster's")
    expect(apply(ROSTER, 'source/other', role('fourth')).ok).toBe(true)
    // Taking a field over is no forgery.
    expect(apply('ann', 'local/ann', role('third')).ok).toBe(true)
  })

  it('lets nobody write a reserved manager into managedFields', () => {
    const forged = [
      {
        op: 'add',
        path: '/metadata/managedFields/-',
        value: {
          manager: 'source/x',
          operation: 'Apply',
          apiVersion: 'roster.dev/v1alpha1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:allow': {} } },
        },
      },
    ]
    const { text } = as('ann', ['patch', 'roles.roster.dev', 'first', '--type=json', '-p', JSON.stringify(forged)])
    expect(text).toContain('managedFields gives fields')
  })

  it('lets nobody forge where a resource came from', () => {
    expect(as('ann', ['label', 'roles.roster.dev', 'first', 'roster.dev/source=x']).text).toContain(
      'the labels roster.dev/source',
    )
    for (const annotation of ['source-path=a.yaml:1', 'revision=abc'])
      expect(as('ann', ['annotate', 'roles.roster.dev', 'first', `roster.dev/${annotation}`]).text).toContain(
        'the annotations',
      )
    expect(as('ann', ['annotate', 'roles.roster.dev', 'first', 'roster.dev/pause=true']).ok).toBe(true)
    expect(apply('ci', 'source/ci', role('sixth', { labels: { 'roster.dev/source': 'x' } })).ok).toBe(false)
  })

  it('keeps the definitions until their deletion is allowed by name', () => {
    const name = 'seatledgers.roster.dev'
    expect(as('ann', ['delete', 'crd', name, '--wait=false']).text).toContain('deletes every object of it')
    expect(as('ann', ['delete', 'crd', '--all', '--wait=false']).text).toContain('deletes every object of it')
    as('ann', ['annotate', 'crd', name, 'roster.dev/allow-deletion=true'])
    expect(as('ann', ['delete', 'crd', name, '--wait=false']).text).toContain('deleted')
  })
})
