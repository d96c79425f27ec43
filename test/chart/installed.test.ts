import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Person } from '../e2e/person.ts'
import { eventually } from '../e2e/process.ts'
import { describeWith } from '../parts.ts'
import { LOCALHOST_CERTIFICATE } from '../peers/certificate.ts'
import { openGitServer } from '../peers/git-server.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { testRepository } from '../source/repository.ts'
import { type Installation, install, openCluster, type Pod, PUBLIC, upgrade } from './installation.ts'

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

const role = (name: string) => `apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: ${name}}
spec: {organization: acme, allow: ["documents:read"]}
`

describeWith('kube-apiserver', 'the chart, installed', () => {
  let at: Installation
  let peer: SmtpPeer
  const values = ({ smtp, ...more }: { smtp?: object; [name: string]: unknown } = {}) => ({
    smtp: { url: `smtps://localhost:${peer.port}`, ...smtp },
    secrets: { names: ['suite-keys'] },
    ...more,
  })

  beforeAll(async () => {
    at = await openCluster()
    // A mail server whose certificate nobody knows but who was told.
    peer = await smtpPeer({ tls: 'Implicit' })
    install(at, values({ smtp: { ca: { pem: LOCALHOST_CERTIFICATE } } }))
    const keys = Array.from({ length: 20 }, (_, number) => `KEY-${number}\n`).join('')
    at.must(['create', 'secret', 'generic', 'suite-keys', `--from-literal=keys=${keys}`])
    at.must(['annotate', 'secret', 'suite-keys', 'roster.dev/used-by=licensepool/suite'])
  }, 120_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await at?.[Symbol.asyncDispose]()
  })

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
    const running = await at.ready()
    at.must(['apply', '-f', '-'], `${PEOPLE}---\n${user('alice')}`)
    expect(await accept(running.portal, 'alice')).toContain('Editor')
    at.must(['wait', '--for=condition=Ready', 'user/alice', '--timeout=30s'])
    await eventually(
      () => at.must(['get', 'user', 'alice', '-o', 'jsonpath={.status.state}']) === 'Active' || undefined,
      'active',
    )
    await eventually(
      () => peer.mails.some(({ parsed }) => /KEY-\d/.test(parsed.text ?? '')) || undefined,
      'a key is mailed',
      30_000,
    )
    expect(at.must(['get', 'events'])).toContain('Accepted')
    // The audit trail is on standard output, for whoever collects it.
    const acts = running
      .output()
      .split('\n')
      .flatMap(line => (line.includes('"audit":true') ? [JSON.parse(line).action] : []))
    expect(acts).toContain('mail.send')
    expect(acts).toContain('membership.join')
    // Others may declare, and may not write what only Roster knows.
    expect(at.kubectl(['delete', 'memberships', '--all', '--as', 'jane', '--as-group', 'system:masters']).ok).toBe(
      false,
    )
    const { code, err } = await running.stop()
    expect(code, err.slice(-2_000)).toBe(0)
  }, 180_000)

  /** Runs a pod of the release with these values. */
  const withPod = async (more: Parameters<typeof values>[0], act: (pod: Pod) => Promise<unknown>): Promise<void> => {
    upgrade(at, values(more))
    const pod = await at.ready()
    try {
      await act(pod)
    } finally {
      await pod.stop()
    }
  }
  const source = (name: string, spec: object) =>
    at.must(['apply', '-f', '-'], dump({ apiVersion: 'roster.dev/v1alpha1', kind: 'Source', metadata: { name }, spec }))
  const told = (name: string, words: RegExp) =>
    eventually(
      () => {
        const path = 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.reason} {.message}{end}'
        return words.test(at.must(['get', 'source', name, '-o', path])) || undefined
      },
      `source ${name} says ${words}`,
      60_000,
    )

  it('mails by a server whose authority it was told of, and by no other', async () => {
    at.must(['create', 'configmap', 'mail-ca', `--from-literal=ca.crt=${LOCALHOST_CERTIFICATE}`])
    at.must(['create', 'secret', 'generic', 'mail-ca', `--from-literal=own.pem=${LOCALHOST_CERTIFICATE}`])
    const cases = [{ existingConfigMap: 'mail-ca' }, { existingSecret: 'mail-ca', key: 'own.pem' }]
    for (const [number, ca] of cases.entries())
      await withPod({ smtp: { ca } }, async () => {
        at.must(['apply', '-f', '-'], user(`told${number}`))
        await invited(`told${number}`)
      })
    await withPod({}, async pod => {
      at.must(['apply', '-f', '-'], user('untold'))
      await eventually(() => /self.signed certificate/.test(pod.output()) || undefined, 'it says why', 60_000)
    })
    expect(peer.mails.filter(({ to }) => to.includes('untold@acme.example'))).toEqual([])
  }, 240_000)

  it('reads keys from a Secret of yours, and then has no right to one of its own', async () => {
    const { data } = await at.object('/api/v1/namespaces/people/secrets/roster-keys')
    at.must(['create', '-f', '-'], dump({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'own-keys' }, data }))
    await withPod({ smtp: { ca: { pem: LOCALHOST_CERTIFICATE } }, keys: { existingSecret: 'own-keys' } }, async pod => {
      const person = new Person(PUBLIC, pod.portal)
      const alice = { address: 'alice@acme.example', password: 'correct horse battery staple' }
      expect(await (await person.submit('/sign-in', '/sign-in', alice)).text()).toContain('Acme GmbH')
    })
    const { rules } = await at.object('/apis/rbac.authorization.k8s.io/v1/namespaces/people/roles/roster')
    expect(JSON.stringify(rules)).not.toContain('roster-keys')
    // What it filled stays, for whoever goes back.
    expect((await at.object('/api/v1/namespaces/people/secrets/roster-keys')).data).toEqual(data)
  }, 120_000)

  it('refuses what the policy refuses, whether it is given or there already', async () => {
    const folder = join(at.folder, 'manifests')
    mkdirSync(folder)
    writeFileSync(join(folder, 'roles.yaml'), role('viewer'))
    writeFileSync(join(folder, 'users.yaml'), user('zoe'))
    const policy = (kinds: string[]) => [{ sources: ['people'], may: { kinds } }]
    const smtp = { ca: { pem: LOCALHOST_CERTIFICATE } }
    await withPod({ smtp, policy: { rules: policy(['User']) } }, async () => {
      source('people', { folder: { path: folder } })
      await told('people', /^False NotAllowed .*roles.yaml.*policy/)
      expect(at.kubectl(['get', 'roles.roster.dev', 'viewer']).text).toContain('not found')
      at.must(['get', 'user', 'zoe'])
    })
    at.must(['create', 'configmap', 'policy', `--from-literal=own.yaml=${dump({ rules: policy(['User', 'Role']) })}`])
    await withPod({ smtp, policy: { existingConfigMap: 'policy', key: 'own.yaml' } }, async () => {
      await told('people', /^True Succeeded/)
      at.must(['get', 'roles.roster.dev', 'viewer'])
    })
    await withPod({ smtp, policy: { rules: [] } }, () => told('people', /^False NotAllowed/))
  }, 240_000)

  it('takes only commits that the signers signed, whether they are given or there already', async () => {
    const served = join(at.folder, 'served')
    const repository = testRepository(served)
    await using server = await openGitServer({ root: served })
    const [ours, theirs] = ['ours', 'theirs'].map(name => {
      const file = join(at.folder, name)
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file])
      return { file, line: `ada@acme.example ${readFileSync(`${file}.pub`, 'utf8')}` }
    }) as [{ file: string; line: string }, { file: string; line: string }]
    repository.git('config', 'gpg.format', 'ssh')
    repository.git('config', 'commit.gpgsign', 'true')
    repository.git('config', 'user.signingkey', ours.file)
    repository.commit({ 'signed.yaml': role('signed') })
    const more = { smtp: { ca: { pem: LOCALHOST_CERTIFICATE } }, config: { allowPrivate: '127.0.0.1' } }
    await withPod({ ...more, signers: { keys: theirs.line } }, async () => {
      source('signed', { git: { url: `${server.url}/people.git`, ref: 'main', interval: '1m', verify: true } })
      await told('signed', /^False NotSigned/)
    })
    at.must(['create', 'configmap', 'signers', `--from-literal=allowed_signers=${theirs.line}${ours.line}`])
    await withPod({ ...more, signers: { existingConfigMap: 'signers' } }, () => told('signed', /^True Succeeded/))
  }, 240_000)
})
