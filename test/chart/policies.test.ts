import { readFileSync } from 'node:fs'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { load } from 'js-yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../parts.ts'
import { type Installation, install, openCluster } from './installation.ts'

interface Kubeconfig {
  users: [{ user: { token: string } }]
  clusters: [{ cluster: { 'certificate-authority': string } }]
}

const ROSTER = 'system:serviceaccount:people:roster'
const API = '/apis/roster.dev/v1alpha1/namespaces/people'
const object = (kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'roster.dev/v1alpha1',
  kind,
  metadata: { name, ...metadata },
  spec,
})
const role = (name: string, metadata: object = {}) =>
  object('Role', name, { organization: 'acme', allow: ['users:read'] }, metadata)
const seats = (pool: string, metadata: object = {}) =>
  object('SeatLedger', `${pool}-1`, { pool, page: 1, slots: [], keys: [] }, metadata)
const set = (name: string, state = 'Held') => object('RemovalSet', name, { organization: 'acme', state })
const approval = (name: string, metadata: object = {}) =>
  object(
    'Approval',
    name,
    {
      organization: 'acme',
      releases: `sha256:${'0'.repeat(64)}`,
      reason: 'the yearly one',
      expirationTime: '2030-01-01T00:00:00Z',
    },
    metadata,
  )

/** `ann` may do anything to anything that Roster knows, by RBAC; `ci` may act as source `ci`, too. What is refused is refused by the policies. */
describeWith('kube-apiserver', 'the admission policies of the chart', () => {
  let at: Installation

  const as = (user: string, args: string[], input?: unknown) =>
    at.kubectl(['--as', user, ...args], input === undefined ? undefined : JSON.stringify(input))
  const apply = (user: string, manager: string, object: unknown) =>
    as(user, ['apply', '--server-side', '--field-manager', manager, '--force-conflicts', '-f', '-'], object)
  const create = (user: string, object: unknown) => as(user, ['create', '-f', '-'], object)
  const patch = (user: string, what: string, body: unknown, ...more: string[]) =>
    as(user, [
      'patch',
      ...what.split(' '),
      `--type=${Array.isArray(body) ? 'json' : 'merge'}`,
      '-p',
      JSON.stringify(body),
      ...more,
    ])
  /** A program of their own, that names itself but no manager. */
  const raw = (user: string, agent: string, method: string, path: string, body: unknown, type = 'application/json') =>
    new Promise<{ code: number; text: string }>((resolve, reject) => {
      const text = JSON.stringify(body)
      const config = load(readFileSync(at.cluster.kubeconfig, 'utf8')) as Kubeconfig
      const headers = {
        Authorization: `Bearer ${config.users[0].user.token}`,
        'Impersonate-User': user,
        'User-Agent': agent,
        'Content-Type': type,
        'Content-Length': Buffer.byteLength(text),
      }
      const ca = readFileSync(config.clusters[0].cluster['certificate-authority'])
      const request = https.request(at.cluster.server + path, { method, headers, ca }, async answer => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk as Buffer)
        resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
      })
      request.on('error', reject)
      request.end(text)
    })
  const until = async (what: () => boolean): Promise<void> => {
    const end = Date.now() + 60_000
    while (!what()) {
      if (Date.now() > end) throw new Error('never came')
      await sleep(100)
    }
  }

  beforeAll(async () => {
    at = await openCluster()
    install(at)
    for (const user of ['ann', 'ci', ROSTER, 'system:serviceaccount:kube-system:namespace-controller']) {
      // Not cluster-admin: that has the verb use on every field manager.
      const name = user.replaceAll(':', '-')
      const every = [
        '*.roster.dev',
        'configmaps',
        'secrets',
        'leases.coordination.k8s.io',
        'customresourcedefinitions.apiextensions.k8s.io',
      ]
      const verbs = ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection']
      at.must([
        'create',
        'clusterrole',
        name,
        ...verbs.map(verb => `--verb=${verb}`),
        ...every.map(what => `--resource=${what}`),
      ])
      at.must(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, '--user', user])
    }
    const use = {
      apiGroups: ['roster.dev'],
      resources: ['fieldmanagers'],
      resourceNames: ['source/ci'],
      verbs: ['use'],
    }
    const ci = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'ci' }, rules: [use] }
    at.must(['create', '-f', '-'], JSON.stringify(ci))
    at.must(['create', 'rolebinding', 'ci', '--role=ci', '--user=ci'])
    // An API server takes a moment to know its policies.
    const dry = '--dry-run=server'
    await until(() => as('ann', ['create', dry, '-f', '-'], seats('probe')).text.includes('by Roster alone'))
    await until(() => as('ann', ['delete', dry, 'configmap', 'roster-realm']).text.includes('by Roster alone'))
    await until(() => apply('ann', 'controller', role('first')).text.includes("is Roster's"))
    await until(() => as('ann', ['delete', dry, 'crd', 'users.roster.dev']).text.includes('deletes every object'))
    await until(() => apply('ann', 'local/ann', role('first')).ok)
  }, 120_000)
  afterAll(async () => {
    await at?.[Symbol.asyncDispose]()
  })

  it('lets nobody but Roster write records and statuses, not even an admin', () => {
    expect(as(ROSTER, ['create', '-f', '-'], seats('suite')).text).toContain('created')
    const admin = at.kubectl(['create', '-f', '-'], JSON.stringify(seats('mine')))
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

  it.each([
    ['Account', { address: 'eve@acme.example', credentialVersion: 1 }],
    [
      'Membership',
      {
        organization: 'acme',
        address: 'eve@acme.example',
        since: '2026-01-01T00:00:00Z',
        nonce: 'n'.repeat(43),
        series: [],
        attempts: [],
        mails: [],
        grants: [],
      },
    ],
    ['SeatLedger', { pool: 'forged', page: 1, slots: [], keys: [] }],
    ['RemovalSet', { organization: 'acme', state: 'Released' }],
  ])('lets nobody make a %s', (kind, spec) => {
    expect(create('ann', object(kind, 'forged', spec)).text).toContain('written by Roster alone')
    expect(apply('ann', 'local/ann', object(kind, 'forged', spec)).text).toContain('written by Roster alone')
  })

  it('lets nobody write any status, by whatever verb', async () => {
    create('ann', object('Organization', 'acme', { displayName: 'Acme' }))
    create('ann', approval('held'))
    for (const what of ['organization acme', 'approval held', 'roles.roster.dev first']) {
      const [kind = '', name = ''] = what.split(' ')
      expect(patch('ann', what, { status: {} }, '--subresource=status').text).toContain('by Roster alone')
      const live = JSON.parse(at.must(['get', kind, name, '-o', 'json']))
      const replaced = as('ann', ['replace', '--subresource=status', '-f', '-'], {
        ...live,
        status: { conditions: [] },
      })
      expect(replaced.text).toContain('by Roster alone')
      const applied = ['apply', '--server-side', '--subresource=status', '--field-manager=local/ann', '-f', '-']
      const { apiVersion, kind: written } = live
      expect(as('ann', applied, { apiVersion, kind: written, metadata: { name }, status: {} }).text).toContain(
        'by Roster alone',
      )
    }
    // Beside a spec, where it is not written, it comes to nothing.
    expect(create('ann', { ...role('beside'), status: { holders: 9 } }).ok).toBe(true)
    expect(at.must(['get', 'roles.roster.dev', 'beside', '-o', 'jsonpath={.status.holders}'])).toBe('')
  })

  it('lets nobody release a RemovalSet, or take it away with a whole collection', async () => {
    expect(create(ROSTER, set('acme-held')).ok).toBe(true)
    expect(patch('ann', 'removalset acme-held', { spec: { state: 'Released' } }).text).toContain('by Roster alone')
    const { code, text } = await raw('ann', 'curl/8', 'DELETE', `${API}/removalsets`, {})
    expect([code, text]).toEqual([403, expect.stringContaining('by Roster alone')])
    expect(at.must(['get', 'removalset', 'acme-held', '-o', 'jsonpath={.spec.state}'])).toBe('Held')
  })

  it('lets nobody hand a record to the garbage collector, by an owner that is not there', () => {
    expect(create(ROSTER, seats('owned', { finalizers: ['roster.dev/record'] })).ok).toBe(true)
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-0000-0000-000000000000' }
    const metadata = { ownerReferences: [owner], finalizers: null }
    expect(patch('ann', 'seatledger owned-1', { metadata }).text).toContain('by Roster alone')
  })

  it('lets Approvals be made by people, and by nobody as a source', () => {
    expect(apply('ann', 'local/ann', approval('mine')).ok).toBe(true)
    expect(apply('ann', 'source/ci', approval('theirs')).text).toContain("is Roster's")
    expect(apply('ci', 'source/ci', approval('theirs')).text).toContain('made by a person')
    const labelled = approval('theirs', { labels: { 'roster.dev/source': 'ci' } })
    expect(apply('ci', 'local/ci', labelled).text).toContain('the labels roster.dev/source')
    // Roster itself knows what a source may.
    expect(apply(ROSTER, 'source/ci', approval('allowed')).ok).toBe(true)
    expect(patch('ann', 'approval mine', { spec: { releases: `sha256:${'1'.repeat(64)}` } }).text).toContain(
      'cannot be changed',
    )
  })

  it('lets no program of another name write as controller, whether or not it owns something already', async () => {
    for (const agent of ['controller', 'roster/1.0', 'controller (linux)']) {
      const made = await raw('ann', agent, 'POST', `${API}/roles`, role('agent'))
      expect([made.code, made.text], agent).toEqual(
        agent === 'controller (linux)'
          ? [201, expect.anything()]
          : [403, expect.stringContaining('managedFields gives')],
      )
    }
    const generated = role('made', { labels: { 'roster.dev/generated': 'User' } })
    expect(as(ROSTER, ['create', '--field-manager=controller', '-f', '-'], generated).ok).toBe(true)
    // Owners carry whole seconds: a write within the same one as Roster's would leave no trace of another time.
    await until(
      () =>
        Date.now() -
          Date.parse(at.must(['get', 'roles.roster.dev', 'made', '-o', 'jsonpath={.metadata.creationTimestamp}'])) >
        1_000,
    )
    const body = { spec: { allow: ['users:update'] } }
    const edited = await raw('ann', 'controller', 'PATCH', `${API}/roles/made`, body, 'application/merge-patch+json')
    expect([edited.code, edited.text]).toEqual([403, expect.stringContaining('managedFields gives')])
    expect(patch('ann', 'roles.roster.dev made', body).ok).toBe(true)
    expect(as('ann', ['label', 'roles.roster.dev', 'made', 'roster.dev/generated-']).text).toContain(
      'stays labelled so',
    )
    expect(as('ann', ['delete', 'roles.roster.dev', 'made']).ok).toBe(true)
  })

  it('lets nobody mark somebody as gone from a source, or as taken from one', () => {
    const alice = object('User', 'alice', { email: 'alice@acme.example' })
    expect(create('ann', alice).ok).toBe(true)
    for (const note of ['going=abc', 'taken-from=hr'])
      expect(as('ann', ['annotate', 'user', 'alice', `roster.dev/${note}`]).text).toContain('the annotations')
  })

  it('lets nobody but Roster say who leads, and what time it is', () => {
    const lease = (holderIdentity: string) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'roster', annotations: { 'roster.dev/clock': '2040-01-01T00:00:00Z' } },
      spec: { holderIdentity },
    })
    expect(create('ann', lease('ann')).text).toContain('written by Roster alone')
    expect(create(ROSTER, lease('pod')).ok).toBe(true)
    expect(patch('ann', 'lease roster', { spec: { holderIdentity: '' } }).text).toContain('written by Roster alone')
    expect(as('ann', ['annotate', 'lease', 'roster', 'a.example/b=c']).text).toContain('written by Roster alone')
    expect(as('ann', ['delete', 'lease', 'roster']).text).toContain('written by Roster alone')
    expect(create('ann', { ...lease('ann'), metadata: { name: 'other' } }).ok).toBe(true)
  })

  it('keeps what the realm is, and its keys, and lets a newer key be put beside them', () => {
    expect(patch(ROSTER, 'configmap roster-realm', { data: { realm: 'abc' } }).ok).toBe(true)
    expect(patch(ROSTER, 'secret roster-keys', { data: { 'link.1': 'YQ==' } }).ok).toBe(true)
    expect(patch('ann', 'configmap roster-realm', { data: { realm: 'other' } }).text).toContain('every link')
    expect(as('ann', ['delete', 'configmap', 'roster-realm']).text).toContain('every link')
    expect(as('ann', ['label', 'configmap', 'roster-realm', 'team=people']).ok).toBe(true)
    expect(patch('ann', 'secret roster-keys', { data: { 'link.2': 'Yg==' } }).ok).toBe(true)
    expect(patch('ann', 'secret roster-keys', { data: { 'link.1': 'Yg==' } }).text).toContain('are in use')
    expect(patch('ann', 'secret roster-keys', { data: { 'link.1': null } }).text).toContain('are in use')
    expect(as('ann', ['delete', 'secret', 'roster-keys']).text).toContain('are in use')
    expect(as('ann', ['annotate', 'configmap', 'roster-realm', 'roster.dev/allow-deletion=true']).ok).toBe(true)
    expect(patch('ann', 'configmap roster-realm', { data: { realm: 'other' } }).text).toContain('every link')
    expect(as('ann', ['delete', '--dry-run=server', 'configmap', 'roster-realm']).ok).toBe(true)
    expect(create('ann', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'other' } }).ok).toBe(true)
    expect(as('ann', ['annotate', 'secret', 'roster-keys', 'roster.dev/allow-deletion=true']).ok).toBe(true)
    expect(patch('ann', 'secret roster-keys', { data: { 'link.1': null } }).ok).toBe(true)
  })

  it('keeps the definitions until their deletion is allowed by name', () => {
    const name = 'seatledgers.roster.dev'
    expect(as('ann', ['delete', 'crd', name, '--wait=false']).text).toContain('deletes every object of it')
    expect(as('ann', ['delete', 'crd', '--all', '--wait=false']).text).toContain('deletes every object of it')
    as('ann', ['annotate', 'crd', name, 'roster.dev/allow-deletion=true'])
    expect(as('ann', ['delete', 'crd', name, '--wait=false']).text).toContain('deleted')
  })
})
