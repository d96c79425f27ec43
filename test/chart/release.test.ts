import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { KINDS } from '../../src/api/names.ts'
import { Person, pageText } from '../e2e/person.ts'
import { eventually, Workplace } from '../e2e/process.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { type Installation, install, NEEDED, openCluster, type Pod, PUBLIC, upgrade } from './installation.ts'

const PASSWORD = 'correct horse battery staple'
const PEOPLE = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme GmbH}
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: editor}
spec: {organization: acme, displayName: Editor, allow: ["documents:*"]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: alice}
spec: {email: alice@acme.example, memberships: [{organization: acme, roles: [editor]}]}
`
const APPROVAL = `apiVersion: roster.dev/v1alpha1
kind: Approval
metadata: {name: later}
spec: {organization: acme, releases: "sha256:${'0'.repeat(64)}", reason: for later, expirationTime: "2030-01-01T00:00:00Z"}
`
/** Kinds that an earlier chart did not know. */
const NEWER = ['approvals', 'removalsets']

/** One release through its whole life, in the order of the tests. */
describeWith('kube-apiserver', 'a release of the chart', () => {
  let at: Installation
  let peer: SmtpPeer
  const smtp = () => ({ url: `smtp://127.0.0.1:${peer.port}` })
  /** What must be the same after whatever helm does. */
  const kept = async () => ({
    keys: (await at.object('/api/v1/namespaces/people/secrets/roster-keys')).data,
    realm: (await at.object('/api/v1/namespaces/people/configmaps/roster-realm')).data,
  })
  let first: Awaited<ReturnType<typeof kept>>
  const names = (...what: string[]) =>
    at
      .must(['get', ...what, '-o', 'name'])
      .trim()
      .split('\n')
      .filter(Boolean)
  const signsIn = async (pod: Pod): Promise<string> => {
    const page = await new Person(PUBLIC, pod.portal).submit('/sign-in', '/sign-in', {
      address: 'alice@acme.example',
      password: PASSWORD,
    })
    return pageText(await page.text())
  }
  const withPod = async (act: (pod: Pod) => Promise<unknown>): Promise<void> => {
    const pod = await at.ready()
    try {
      await act(pod)
    } finally {
      await pod.stop()
    }
  }

  beforeAll(async () => {
    at = await openCluster()
    peer = await smtpPeer()
  }, 120_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await at?.[Symbol.asyncDispose]()
  })

  it('is installed, and upgraded from an earlier chart while its pods run, which wait for the definitions they miss', async () => {
    // No earlier chart was published: this is what one would have been before these kinds were there.
    const earlier = join(at.folder, 'earlier')
    cpSync(at.chart, earlier, { recursive: true })
    const edit = (file: string, change: (text: string) => string) =>
      writeFileSync(join(earlier, file), change(readFileSync(join(earlier, file), 'utf8')))
    edit('Chart.yaml', text => text.replaceAll('0.1.0', '0.0.9'))
    edit('generated/names.yaml', text =>
      text
        .split('\n')
        .filter(line => !NEWER.some(kind => line.includes(kind)))
        .join('\n'),
    )
    for (const kind of NEWER) rmSync(join(earlier, 'templates', 'crds', `${kind}.yaml`))
    const installed = at.helm(['install', 'roster', earlier], { ...NEEDED, smtp: smtp() })
    expect(installed.ok, installed.text).toBe(true)
    expect(installed.text).toContain('serves https://people.acme.example')
    expect(names('crd').some(name => name.includes('approvals'))).toBe(false)

    const pod = await at.start()
    try {
      await eventually(
        () => /resource \W+approvals|CustomResourceDefinitions/.test(pod.output()) || undefined,
        'it says what is missing',
        60_000,
      )
      first = await kept()
      expect(Object.keys(first.keys).sort()).toEqual(['credentials.1', 'fingerprint.1', 'form.1', 'link.1'])

      upgrade(at, { smtp: smtp() })
      await eventually(
        async () => (await fetch(`http://127.0.0.1:${pod.ops}/readyz`)).status === 200 || undefined,
        'it goes on by itself',
        60_000,
      )
      at.must(['apply', '-f', '-'], PEOPLE)
      const mail = await eventually(() => peer.mails[0], 'alice is mailed', 60_000)
      const link = /https:\S+\/invitations\/\S+/.exec(mail.parsed.text ?? '')?.[0] ?? ''
      expect(await new Person(PUBLIC, pod.portal).accept(link, PASSWORD)).toContain('Editor')
      await eventually(
        () => at.kubectl(['wait', 'user/alice', '--for=condition=Ready', '--timeout=1s']).ok || undefined,
        'ready',
        60_000,
      )
      at.must(['apply', '-f', '-'], APPROVAL)
    } finally {
      await pod.stop()
    }
    expect(await kept()).toMatchObject({ keys: first.keys, realm: { realm: first.realm.realm } })
    first = await kept()
  }, 240_000)

  it('is upgraded with other values: the pods roll, rights follow, keys and people stay', async () => {
    const template = async () => (await at.object('/apis/apps/v1/namespaces/people/deployments/roster')).spec.template
    const before = await template()
    upgrade(at, {
      smtp: smtp(),
      replicas: 3,
      secrets: { names: ['git'] },
      policy: { rules: [] },
      podLabels: { team: 'people' },
    })
    const after = await template()
    expect(after.metadata.annotations['checksum/config']).not.toBe(before.metadata.annotations['checksum/config'])
    expect(after.metadata.labels.team).toBe('people')
    const role = await at.object('/apis/rbac.authorization.k8s.io/v1/namespaces/people/roles/roster')
    expect(JSON.stringify(role.rules)).toContain('"resourceNames":["git"]')
    expect(await kept()).toEqual(first)
    await withPod(async pod => expect(await signsIn(pod)).toContain('Acme GmbH'))
    expect(peer.mails.filter(({ parsed }) => parsed.text?.includes('/invitations/'))).toHaveLength(1)
  }, 120_000)

  it('does not replace what Roster filled in, also when helm is told to replace', async () => {
    const { ok, text } = at.helm(['upgrade', 'roster', at.chart, '--force-replace', '--server-side=false'], {
      ...NEEDED,
      smtp: smtp(),
    })
    expect([ok, text]).toEqual([false, expect.stringMatching(/roster-realm is written by Roster alone|are in use/)])
    expect(await kept()).toEqual(first)
  }, 60_000)

  it('is rolled back: newer definitions and what is of them stay', async () => {
    const { ok, text } = at.helm(['rollback', 'roster', '1'])
    expect(ok, text).toBe(true)
    expect(names('crd')).toEqual(
      expect.arrayContaining(NEWER.map(kind => `customresourcedefinition.apiextensions.k8s.io/${kind}.roster.dev`)),
    )
    expect(names('approvals')).toEqual(['approval.roster.dev/later'])
    expect(await kept()).toEqual(first)
    upgrade(at, { smtp: smtp() })
  }, 60_000)

  it('is tested by helm: by a pod that asks whether it is ready', async () => {
    // No kubelet runs here: what the pod would run is run by the test, with the address of the Service led to the process, and its end is reported as a kubelet would.
    const tried = async (pod: Pod | undefined): Promise<{ code: number | null; text: string }> => {
      const child = spawn(kubectlPath('helm') ?? '', [
        '--kubeconfig',
        at.cluster.kubeconfig,
        '-n',
        'people',
        'test',
        'roster',
      ])
      let text = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += chunk))
      const ended = once(child, 'close')
      const path = '/api/v1/namespaces/people/pods/roster-test'
      const made = await eventually(
        async () => {
          const found = await at.object(path)
          return found.status.phase === 'Pending' ? found : undefined
        },
        'helm makes the pod',
        60_000,
      )
      const [container] = made.spec.containers as [{ command: string[] }]
      const [program, ...args] = container.command.map(word =>
        word.replace('http://roster:9090', `http://127.0.0.1:${pod?.ops ?? 1}`),
      )
      expect(program).toBe('node')
      const code = await promisify(execFile)(process.execPath, args).then(
        () => 0,
        (error: { code: number }) => error.code,
      )
      const status = { phase: code === 0 ? 'Succeeded' : 'Failed' }
      await at.cluster.ask('PATCH', `${path}/status`, { status }, 'application/merge-patch+json')
      await ended
      return { code: child.exitCode, text }
    }
    const without = await tried(undefined)
    expect(without.code, without.text).not.toBe(0)
    await withPod(async pod => {
      const { code, text } = await tried(pod)
      expect([code, text]).toEqual([0, expect.stringContaining('Succeeded')])
    })
    expect(at.kubectl(['get', 'pod', 'roster-test']).text).toContain('not found')
  }, 240_000)

  it('stands beside another one, which leaves the definitions to it', async () => {
    at.must(['create', 'namespace', 'other'])
    const values = { ...NEEDED, publicUrl: 'https://people.other.example' }
    const both = at.helm(['install', 'roster', at.chart, '-n', 'other'], values)
    expect([both.ok, both.text]).toEqual([false, expect.stringContaining('exists and cannot be imported')])
    const { ok, text } = at.helm(['install', 'roster', at.chart, '-n', 'other'], {
      ...values,
      crds: { install: false },
    })
    expect(ok, text).toBe(true)
    expect(at.helm(['uninstall', 'roster', '-n', 'other']).ok).toBe(true)
    expect(names('crd')).toHaveLength(KINDS.length)
    at.must(['get', 'validatingadmissionpolicy', 'people-roster-records'])
  }, 60_000)

  it('is uninstalled, and installed again as if nothing had been', async () => {
    const { ok, text } = at.helm(['uninstall', 'roster'])
    expect(ok, text).toBe(true)
    expect(await kept()).toEqual(first)
    expect(names('crd')).toHaveLength(KINDS.length)
    expect(names('users,memberships,accounts')).toHaveLength(3)
    expect(names('secrets', '-n', 'people-credentials')).not.toEqual([])
    expect(names('deployments,roles.rbac.authorization.k8s.io,rolebindings,networkpolicies,serviceaccounts')).toEqual(
      [],
    )
    for (const what of ['clusterroles', 'validatingadmissionpolicies', 'validatingadmissionpolicybindings'])
      expect(names(what).filter(name => name.includes('people-roster'))).toEqual([])

    install(at, { smtp: smtp() })
    expect(await kept()).toEqual(first)
    await withPod(async pod => expect(await signsIn(pod)).toContain('Acme GmbH'))
  }, 180_000)

  it('is left for good: as Roster, finalizers are let go, and everything can be deleted', async () => {
    await using place = await Workplace.make()
    const uninstall = (...more: string[]) =>
      place.roster('uninstall', '--yes', '--kubernetes', '--kubeconfig', at.cluster.kubeconfig, '-n', 'people', ...more)
    const refused = await uninstall()
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('written by Roster alone')
    // As docs/kubernetes.md says.
    const token = at.must(['create', 'token', 'roster', '--duration=1h']).trim()
    at.must(['config', 'set-credentials', 'people-roster', `--token=${token}`])
    const cluster = at.must(['config', 'view', '--minify', '-o', 'jsonpath={.contexts[0].context.cluster}'])
    at.must([
      'config',
      'set-context',
      'people-roster',
      `--cluster=${cluster}`,
      '--user=people-roster',
      '--namespace=people',
    ])
    const { code, err } = await uninstall('--context', 'people-roster')
    expect(code, err).toBe(0)
    const held = at.must(['get', 'roster', '-o', 'jsonpath={.items[*].metadata.finalizers}'])
    expect(held).toBe('')
    // Only a release that was told so takes the definitions with it, and what is of them.
    upgrade(at, { smtp: smtp(), crds: { keep: false } })
    expect(at.helm(['uninstall', 'roster']).ok).toBe(true)
    at.must(['wait', 'crd', '--all', '--for=delete', '--timeout=60s'])
    expect(names('crd')).toEqual([])
    expect(await kept()).toMatchObject({ keys: first.keys })
  }, 120_000)
})
