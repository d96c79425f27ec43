import { afterAll, beforeAll, expect, it } from 'vitest'
import { Person } from '../e2e/person.ts'
import { eventually } from '../e2e/process.ts'
import type { Rule } from '../kube/rights.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { type Installation, install, openCluster, PUBLIC } from './installation.ts'

interface Role {
  metadata: { name: string; namespace: string }
  rules: Rule[]
}

const ORGANIZATION = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme GmbH, domains: [acme.example]}
`
const user = (name: string) => `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ${name}}
spec: {email: ${name}@acme.example, memberships: [{organization: acme}]}
`

describeWith('kube-apiserver', 'the rights of the chart', () => {
  let at: Installation
  let peer: SmtpPeer
  let roles: Role[]

  beforeAll(async () => {
    at = await openCluster()
    peer = await smtpPeer()
    install(at, { smtp: { url: `smtp://127.0.0.1:${peer.port}` } })
    roles = await Promise.all(
      [
        ['people', 'roster'],
        ['people-credentials', 'people-roster-credentials'],
      ].map(([namespace, name]) =>
        at.object(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/${name}`),
      ),
    )
    at.must(['apply', '-f', '-'], ORGANIZATION)
  }, 120_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await at?.[Symbol.asyncDispose]()
  })

  const invited = (name: string) =>
    eventually(
      () => peer.mails.some(({ to }) => to.includes(`${name}@acme.example`)) || undefined,
      `${name} is mailed`,
      60_000,
    )

  const rules = () => roles.flatMap(role => role.rules.map((rule, index) => ({ role, rule, index })))
  /** Asked for at a start alone: to know the realm and its keys, and to make a Lease where there is none. */
  const isForStarts = ({ resources, resourceNames, verbs }: Rule): boolean =>
    resources.includes('configmaps') ||
    resourceNames?.includes('roster-keys') ||
    (resources.includes('leases') && verbs.includes('create'))
  const put = async ({ metadata }: Role, rules: readonly Rule[]) => {
    const place = `/apis/rbac.authorization.k8s.io/v1/namespaces/${metadata.namespace}/roles/${metadata.name}`
    const { code, body } = await at.cluster.ask('PATCH', place, { rules }, 'application/merge-patch+json')
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
  const without = ({ role, index }: { role: Role; index: number }): Rule[] =>
    role.rules.filter((_, other) => other !== index)

  it('names the right that is missing, whichever is taken away, and goes on when it is back', async () => {
    const running = await at.ready()
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
      at.kubectl(['apply', '-f', '-'], user(name))
      const look = async () => {
        await person
          .submit('/sign-in', '/sign-in', { address: 'alice@acme.example', password: 'correct horse battery staple' })
          .catch(() => undefined)
        const events = at.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].message}']).text
        const told = at.kubectl(['get', 'lic,usr', '-o', 'jsonpath={.items[*].status.conditions[*].message}']).text
        return namesOne(running.output().slice(before) + events + told, one.rule) || undefined
      }
      const { resources, resourceNames, verbs } = one.rule
      await eventually(look, '', 20_000).catch(() => silent.push(`${verbs} of ${resources} ${resourceNames ?? ''}`))
      await put(one.role, one.role.rules)
      await invited(name)
    }
    expect(silent).toEqual([])
    expect(running.hasEnded()).toBe(false)
    await running.stop()
  }, 240_000)

  it('names the right that is missing at a start', async () => {
    for (const one of rules().filter(({ rule }) => isForStarts(rule))) {
      await at.cluster.ask('DELETE', '/apis/coordination.k8s.io/v1/namespaces/people/leases/roster')
      await put(one.role, without(one))
      const running = await at.start()
      await eventually(
        () => namesOne(running.output(), one.rule) || undefined,
        `${one.rule.resources} are named`,
        30_000,
      )
      await put(one.role, one.role.rules)
      await running.stop()
    }
    expect((await (await at.ready()).stop()).code).toBe(0)
  }, 120_000)
})
