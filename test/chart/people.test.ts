import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually, Workplace } from '../e2e/process.ts'
import type { Rule } from '../kube/rights.ts'
import { describeWith } from '../parts.ts'
import { type Installation, install, openCluster } from './installation.ts'

interface ClusterRole {
  metadata: { name: string }
  rules: Rule[] | null
}

const ROSTER = 'system:serviceaccount:people:roster'
const manifest = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: 'roster.dev/v1alpha1', kind, metadata: { name }, spec })
const ORGANIZATION = manifest('Organization', 'acme', { displayName: 'Acme GmbH' })
const USER = manifest('User', 'alice', { email: 'alice@acme.example', memberships: [{ organization: 'acme' }] })
const APPROVAL = manifest('Approval', 'clean-up', {
  organization: 'acme',
  releases: `sha256:${'0'.repeat(64)}`,
  reason: 'the yearly one',
  expirationTime: '2030-01-01T00:00:00Z',
})
const LEDGER = manifest('SeatLedger', 'suite-1', { pool: 'suite', page: 1, slots: [], keys: [] })

describeWith('kube-apiserver', 'people with a role of the chart', () => {
  let at: Installation
  const as = (user: string, ...args: string[]) => at.kubectl(['--as', user, ...args])
  const apply = (user: string, text: string) => at.kubectl(['--as', user, 'apply', '-f', '-'], text)
  const bind = (user: string, role: string) =>
    at.must(['create', 'rolebinding', user, `--clusterrole=${role}`, `--user=${user}`])

  beforeAll(async () => {
    at = await openCluster()
    install(at)
    // What the controller manager would do: a role of the cluster is the sum of those whose label says so. None runs here.
    for (const role of ['view', 'edit', 'admin']) {
      const selector = `labelSelector=${encodeURIComponent(`rbac.authorization.k8s.io/aggregate-to-${role}=true`)}`
      const parts = await at.object(`/apis/rbac.authorization.k8s.io/v1/clusterroles?${selector}`)
      const rules = (parts.items as ClusterRole[]).flatMap(({ rules }) => rules ?? [])
      const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}`
      const { code } = await at.cluster.ask('PATCH', path, { rules }, 'application/merge-patch+json')
      if (code !== 200) throw new Error(`${role}: ${code}`)
    }
    bind('vic', 'people-roster-view')
    bind('ed', 'people-roster-edit')
    at.must(['create', 'rolebinding', 'ed-views', '--clusterrole=people-roster-view', '--user=ed'])
    bind('ada', 'people-roster-approve')
    bind('wide', 'edit')
    bind('admin', 'admin')
    bind('looks', 'view')
    at.must(['apply', '-f', '-'], ORGANIZATION)
    const { ok, text } = at.kubectl(['--as', ROSTER, 'create', '-f', '-'], LEDGER)
    if (!ok) throw new Error(text)
  }, 120_000)
  afterAll(async () => {
    await at?.[Symbol.asyncDispose]()
  })

  it('see all that Roster declares and remembers, and no Secret, with view', () => {
    expect(as('vic', 'get', 'roster').text).toContain('seatledger.roster.dev/suite-1')
    expect(as('looks', 'get', 'roster').text).toContain('seatledger.roster.dev/suite-1')
    for (const user of ['vic', 'looks']) {
      expect(apply(user, USER).text).toContain('cannot')
      expect(as(user, 'delete', 'organization', 'acme').text).toContain('cannot delete')
      expect(as(user, 'get', 'secrets').text).toContain('cannot list')
    }
  })

  it('declare, and write neither records nor statuses nor Approvals, with edit', () => {
    expect(apply('ed', USER).text).toContain('created')
    expect(as('ed', 'label', 'user', 'alice', 'team=platform').text).toContain('labeled')
    expect(as('ed', 'delete', 'user', 'alice', '--wait=false').text).toContain('deleted')
    expect(apply('ed', LEDGER).text).toContain('cannot patch resource')
    expect(as('ed', 'delete', 'seatledger', 'suite-1').text).toContain('cannot delete resource')
    expect(
      as('ed', 'patch', 'organization', 'acme', '--subresource=status', '--type=merge', '-p', '{"status":{}}').text,
    ).toContain('resource "organizations/status"')
    expect(apply('ed', APPROVAL).text).toContain('cannot create resource')
    for (const what of ['secrets', 'leases', 'configmaps']) expect(as('ed', 'get', what).text).toContain('cannot list')
    for (const right of [
      ['impersonate', 'serviceaccounts/roster'],
      ['create', 'pods'],
      ['use', 'fieldmanagers.roster.dev/source/ci'],
    ])
      expect(as('ed', 'auth', 'can-i', ...right).text, right.join(' ')).toContain('no')
  })

  it('release what is held, with approve, which the administrators of a namespace have', () => {
    expect(apply('wide', APPROVAL).text).toContain('cannot create resource')
    expect(at.kubectl(['--as', 'ada', 'create', '-f', '-'], APPROVAL).text).toContain('created')
    expect(as('ada', 'delete', 'approval', 'clean-up').text).toContain('deleted')
    expect(apply('admin', APPROVAL).text).toContain('created')
    expect(at.kubectl(['--as', 'ada', 'create', '-f', '-'], USER).text).toContain('cannot create resource')
  })

  it('use the verbs of Roster from their computers', async () => {
    const folder = join(at.folder, 'manifests')
    mkdirSync(folder)
    writeFileSync(join(folder, 'people.yaml'), `${ORGANIZATION}\n---\n${USER}`)
    const kubeconfigs = new Map<string, string>()
    for (const [name, ...roles] of [
      ['views', 'view'],
      ['edits', 'view', 'edit'],
      ['approves', 'view', 'approve'],
    ] as const) {
      at.must(['create', 'serviceaccount', name])
      for (const role of roles)
        at.must([
          'create',
          'rolebinding',
          `${name}-${role}`,
          `--clusterrole=people-roster-${role}`,
          `--serviceaccount=people:${name}`,
        ])
      kubeconfigs.set(name, at.cluster.writeKubeconfig({ token: at.must(['create', 'token', name]).trim() }))
    }
    // Who applies a folder acts as a source, and needs the right to.
    const use = {
      apiGroups: ['roster.dev'],
      resources: ['fieldmanagers'],
      resourceNames: ['source/default'],
      verbs: ['use'],
    }
    const applies = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'applies' },
      rules: [use],
    }
    at.must(['create', '-f', '-'], JSON.stringify(applies))
    at.must(['create', 'rolebinding', 'edits-applies', '--role=applies', '--serviceaccount=people:edits'])
    await using place = await Workplace.make()
    const roster = async (who: string, ...args: string[]) => {
      const { code, out, err } = await place.roster(
        ...args,
        '--kubernetes',
        '-n',
        'people',
        '--kubeconfig',
        kubeconfigs.get(who) ?? '',
      )
      return { code, text: out + err }
    }
    const pod = await at.ready()
    const tried: Record<string, unknown> = {}
    const tries = async (who: string, ...args: string[]) => {
      const { code, text } = await roster(who, ...args)
      if (code === 2) tried[`${who}: ${args[0]}`] = text
    }
    await tries('edits', 'apply', folder)
    await eventually(
      () => at.kubectl(['get', 'membership', '-o', 'name']).text.includes('m-') || undefined,
      JSON.stringify(tried),
      30_000,
    )
    await tries('views', 'get', 'users')
    await tries('views', 'describe', 'user', 'alice')
    await tries('views', 'why', 'alice')
    await tries('views', 'can', 'alice', 'documents:read', '--in', 'acme')
    await tries('views', 'events')
    await tries('views', 'plan', folder)
    await tries('views', 'export')
    await tries('edits', 'invite', 'carol@partner.example', '--org', 'acme')
    await tries('edits', 'resend', 'alice')
    await tries('edits', 'pause', 'user/alice')
    await tries('edits', 'resume', 'user/alice')
    await tries('approves', 'approve', 'acme', '--reason', 'none', '--apply', '--yes')
    await tries('edits', 'delete', 'user/alice', '--yes')
    const { code, text } = await roster('views', 'invite', 'eve@partner.example', '--org', 'acme')
    expect([code, text]).toEqual([2, expect.stringContaining('cannot create resource')])
    await pod.stop()
    expect(tried).toEqual({})
  }, 240_000)

  it('may be Roster itself with the edit of the cluster, which is why that is not what they are given', () => {
    expect(as('wide', 'auth', 'can-i', 'impersonate', 'serviceaccounts/roster').text).toContain('yes')
    expect(as('wide', 'auth', 'can-i', 'get', 'secrets/roster-keys').text).toContain('yes')
  })
})
