import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dump, load, loadAll } from 'js-yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { Person } from '../e2e/person.ts'
import { eventually, Workplace } from '../e2e/process.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import type { Rule } from '../kube/rights.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'

interface Rendered {
  kind: string
  metadata: { name: string; namespace?: string }
  rules?: Rule[]
  data?: Record<string, string>
}

const chart = join(import.meta.dirname, '..', '..', 'charts', 'roster')
const PUBLIC = 'https://people.acme.example'
const PEOPLE = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme GmbH, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: editor}
spec: {organization: acme, displayName: Editor, allow: ["documents:*"]}
---
apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: Suite, seats: 20, selector: {}, keysSecretRef: {name: suite-keys, key: keys}, sendToEmail: true}
`
const user = (name: string) => `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ${name}}
spec: {email: ${name}@acme.example, memberships: [{organization: acme, roles: [editor]}]}
`

describeWith('kube-apiserver', 'the chart, installed', () => {
  let cluster: TestCluster
  let peer: SmtpPeer
  let folder: string
  let rendered: Rendered[]

  const kubectl = (args: string[], input?: string) => {
    const { status, stdout, stderr } = spawnSync(
      kubectlPath('kubectl') ?? '',
      ['--kubeconfig', cluster.kubeconfig, ...args],
      { encoding: 'utf8', input: input ?? '' },
    )
    return { ok: status === 0, text: stdout + stderr }
  }
  const must = (args: string[], input?: string): string => {
    const { ok, text } = kubectl(args, input)
    if (!ok) throw new Error(text)
    return text
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roster-installed-'))
    cluster = await startCluster()
    peer = await smtpPeer()
    must(['create', 'namespace', 'people'])
    must(['config', 'set-context', '--current', '--namespace', 'people'])
    must(['label', 'namespace', 'people', 'pod-security.kubernetes.io/enforce=restricted'])
    const { status, stdout, stderr } = spawnSync(
      kubectlPath('helm') ?? '',
      [
        ['template', 'roster', chart, '-n', 'people'],
        ['--set', `publicUrl=${PUBLIC}`, '--set', 'image.repository=registry.acme.example/roster'],
        ['--set', `smtp.url=smtp://127.0.0.1:${peer.port}`, '--set', 'secrets.names={suite-keys}'],
      ].flat(),
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
    rendered = (loadAll(stdout) as (Rendered | null)[]).filter(object => object !== null)
    // As helm does: namespaces before what stands in them.
    for (const first of [true, false]) {
      const items = rendered.filter(({ kind }) => (kind === 'Namespace') === first)
      must(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    }
    must(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
    must([
      'create',
      'secret',
      'generic',
      'suite-keys',
      `--from-literal=keys=${Array.from({ length: 20 }, (_, number) => `KEY-${number}\n`).join('')}`,
    ])
    must(['annotate', 'secret', 'suite-keys', 'roster.dev/used-by=licensepool/suite'])
  }, 120_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await cluster?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A process as the Deployment would start one: its settings from the ConfigMap, its rights those of the ServiceAccount; only its own ports and folder differ. */
  const start = async () => {
    const { body } = await cluster.ask('POST', '/api/v1/namespaces/people/serviceaccounts/roster/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    })
    const place = await Workplace.make()
    const { port, opsPort: ops } = place
    const map = rendered.find(({ kind, data }) => kind === 'ConfigMap' && data?.['roster.yaml'])
    const settings = {
      ...(load(map?.data?.['roster.yaml'] ?? '') as object),
      data: join(folder, 'data'),
      listen: `127.0.0.1:${port}`,
      opsListen: `127.0.0.1:${ops}`,
      kubeconfig: cluster.writeKubeconfig({ token: (body as { status: { token: string } }).status.token }),
    }
    const config = join(folder, `roster-${port}.yaml`)
    writeFileSync(config, dump(settings))
    const running = place.spawn('run', '--config', config)
    const stop = async () => {
      running.child.kill('SIGTERM')
      const ended = await running.ended
      await place[Symbol.asyncDispose]()
      return ended
    }
    return { ...running, stop, ops, portal: place.url }
  }
  const pod = async () => {
    const running = await start()
    const ready = async () => (await fetch(`http://127.0.0.1:${running.ops}/readyz`)).status === 200 || undefined
    await eventually(ready, 'the pod is ready', 60_000).catch(error => {
      throw new Error(`${error.message}: ${running.output().slice(-3_000)}`)
    })
    return running
  }
  const invited = (name: string) =>
    eventually(
      () =>
        peer.mails.find(
          ({ to, parsed }) => to.includes(`${name}@acme.example`) && parsed.text?.includes('/invitations/'),
        ),
      `${name} is mailed`,
      60_000,
    )

  const accept = async (portal: string, name: string): Promise<string> => {
    const mail = await invited(name)
    const link = /https:\S+\/invitations\/\S+/.exec(mail.parsed.text ?? '')?.[0] ?? ''
    return await new Person(PUBLIC, portal).accept(link)
  }

  it('invites who is applied with kubectl, lets them in, and hands out seats and keys, with the rights of its service account', async () => {
    const running = await pod()
    must(['apply', '-f', '-'], `${PEOPLE}---\n${user('alice')}`)
    expect(await accept(running.portal, 'alice')).toContain('Editor')
    must(['wait', '--for=condition=Ready', 'user/alice', '--timeout=30s'])
    await eventually(
      () => must(['get', 'user', 'alice', '-o', 'jsonpath={.status.state}']) === 'Active' || undefined,
      'active',
    )
    await eventually(
      () => peer.mails.some(({ parsed }) => /KEY-\d/.test(parsed.text ?? '')) || undefined,
      'a key is mailed',
      30_000,
    )
    expect(must(['get', 'events'])).toContain('Accepted')
    // The audit trail is on standard output, for whoever collects it.
    const acts = running
      .output()
      .split('\n')
      .flatMap(line => (line.includes('"audit":true') ? [JSON.parse(line).action] : []))
    expect(acts).toContain('mail.send')
    expect(acts).toContain('membership.join')
    // Others may declare, and may not write what only Roster knows.
    expect(kubectl(['delete', 'memberships', '--all', '--as', 'jane', '--as-group', 'system:masters']).ok).toBe(false)
    const { code, err } = await running.stop()
    expect(code, err.slice(-2_000)).toBe(0)
  }, 180_000)

  const rules = () =>
    rendered
      .filter(({ kind, rules }) => kind === 'Role' && rules)
      .flatMap(role => (role.rules ?? []).map((rule, index) => ({ role, rule, index })))
  /** Asked for at a start alone: to know the realm and its keys, and to make a Lease where there is none. */
  const isForStarts = ({ resources, resourceNames, verbs }: Rule): boolean =>
    resources.includes('configmaps') ||
    resourceNames?.includes('roster-keys') ||
    (resources.includes('leases') && verbs.includes('create'))
  const put = async ({ metadata }: Rendered, rules: readonly Rule[]) => {
    const place = `/apis/rbac.authorization.k8s.io/v1/namespaces/${metadata.namespace}/roles/${metadata.name}`
    const { code, body } = await cluster.ask('PATCH', place, { rules }, 'application/merge-patch+json')
    if (code !== 200) throw new Error(JSON.stringify(body))
  }
  /** In the words of the API server, or in ours for Secrets. */
  const namesOne = (text: string, { verbs, resources }: Rule): boolean =>
    verbs.some(verb =>
      resources.some(resource =>
        new RegExp(
          resource === 'secrets'
            ? `right to ${verb} |cannot ${verb} resource \\W*secrets`
            : `cannot ${verb} resource \\W*${resource}\\W`,
        ).test(text),
      ),
    )
  const without = ({ role, index }: { role: Rendered; index: number }): Rule[] =>
    (role.rules ?? []).filter((_, other) => other !== index)

  it('names the right that is missing, whichever is taken away, and goes on when it is back', async () => {
    const running = await pod()
    const person = new Person(PUBLIC, running.portal)
    const silent: string[] = []
    // What a missing right to a Secret that a resource names leads to is shown where secrets are read.
    const meant = rules().filter(({ rule }) => !isForStarts(rule) && !rule.resourceNames?.includes('suite-keys'))
    expect(meant.length).toBeGreaterThanOrEqual(5)
    for (const [number, one] of meant.entries()) {
      const before = running.output().length
      await put(one.role, without(one))
      // Somebody is declared, and somebody wants to sign in: that touches everything.
      const name = `user${number}`
      kubectl(['apply', '-f', '-'], user(name))
      const look = async () => {
        await person
          .submit('/sign-in', '/sign-in', { address: 'alice@acme.example', password: 'correct horse battery staple' })
          .catch(() => undefined)
        const events = kubectl(['get', 'events', '-o', 'jsonpath={.items[*].message}']).text
        const told = kubectl(['get', 'lic,usr', '-o', 'jsonpath={.items[*].status.conditions[*].message}']).text
        return namesOne(running.output().slice(before) + events + told, one.rule) || undefined
      }
      const { resources, resourceNames, verbs } = one.rule
      await eventually(look, '', 20_000).catch(() => silent.push(`${verbs} of ${resources} ${resourceNames ?? ''}`))
      await put(one.role, one.role.rules ?? [])
      await invited(name)
    }
    expect(silent).toEqual([])
    expect(running.child.exitCode).toBeNull()
    await running.stop()
  }, 240_000)

  it('names the right that is missing at a start', async () => {
    for (const one of rules().filter(({ rule }) => isForStarts(rule))) {
      await cluster.ask('DELETE', '/apis/coordination.k8s.io/v1/namespaces/people/leases/roster')
      await put(one.role, without(one))
      const running = await start()
      await eventually(
        () => namesOne(running.output(), one.rule) || undefined,
        `${one.rule.resources} are named`,
        30_000,
      )
      await put(one.role, one.role.rules ?? [])
      await running.stop()
    }
    expect((await (await pod()).stop()).code).toBe(0)
  }, 120_000)
})
