import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Person } from '../e2e/person.ts'
import { eventually } from '../e2e/process.ts'
import type { Rule } from '../kube/rights.ts'
import { describeWith } from '../parts.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { type Installation, install, openCluster, type Pod, PUBLIC } from './installation.ts'

interface Role {
  metadata: { name: string; namespace: string }
  rules: Rule[]
}

const ACME = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme GmbH, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: Suite, seats: 100, selector: {}, keysSecretRef: {name: suite-keys, key: keys}, sendToEmail: true}
`
const user = (name: string) => `apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ${name}}
spec: {email: ${name}@acme.example, memberships: [{organization: acme}]}
`
const role = (name: string) => `apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: ${name}}
spec: {organization: acme, allow: ["documents:read"]}
`
const PASSWORD = 'correct horse battery staple'

/** Each rule of the chart by what it is about, and where a verb that is missing shows: at work, at a start, or in a command that is run in the pod. */
const RIGHTS: Record<string, Record<string, 'work' | 'start' | 'command'>> = {
  users: { get: 'work', list: 'work', watch: 'work', create: 'work', patch: 'work', delete: 'work' },
  'users/status': { patch: 'work' },
  'configmaps roster-realm': { get: 'start', update: 'start' },
  'leases roster': { get: 'start', update: 'work' },
  leases: { create: 'start' },
  events: { get: 'work', create: 'work', update: 'work', list: 'command' },
  'secrets roster-keys': { get: 'start', update: 'start' },
  'secrets suite-keys': { get: 'work' },
  'credentials secrets': { get: 'work', create: 'work', update: 'work' },
}
interface Exception {
  lacks: 'condition' | 'event'
  why: string
}
const NOBODY_LEADS = {
  lacks: 'condition',
  why: 'statuses have one writer, the leader, and without it nobody leads',
} as const
/** Where a missing right cannot be told in both places. */
const EXCEPTIONS: Record<string, Exception> = {
  'patch users/status': { lacks: 'condition', why: 'a condition is written with this very right' },
  'create events': { lacks: 'event', why: 'an Event is made with this very right' },
  'get configmaps roster-realm': NOBODY_LEADS,
  'update configmaps roster-realm': NOBODY_LEADS,
  'get leases roster': NOBODY_LEADS,
  'create leases': NOBODY_LEADS,
  'get secrets roster-keys': NOBODY_LEADS,
  'update secrets roster-keys': NOBODY_LEADS,
}
const cases = (where: string) =>
  Object.entries(RIGHTS).flatMap(([rule, verbs]) =>
    Object.entries(verbs).flatMap(([verb, shows]) => (shows === where ? [{ rule, verb }] : [])),
  )

describeWith('kube-apiserver', 'the rights of the chart', () => {
  let at: Installation
  let peer: SmtpPeer
  let roles: Role[]
  let manifests: string

  beforeAll(async () => {
    at = await openCluster()
    manifests = join(at.folder, 'manifests')
    mkdirSync(manifests)
    peer = await smtpPeer()
    install(at, {
      smtp: { url: `smtp://127.0.0.1:${peer.port}` },
      secrets: { names: ['suite-keys'] },
      admissionPolicy: { trustedUsers: ['admin'] },
    })
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces'
    roles = [
      await at.object(`${path}/people/roles/roster`),
      await at.object(`${path}/people-credentials/roles/people-roster-credentials`),
    ]
    const keys = Array.from({ length: 100 }, (_, number) => `KEY-${number}\n`).join('')
    at.must(['create', 'secret', 'generic', 'suite-keys', `--from-literal=keys=${keys}`])
    at.must(['annotate', 'secret', 'suite-keys', 'roster.dev/used-by=licensepool/suite'])
    at.must(['apply', '-f', '-'], ACME)
  }, 120_000)
  afterAll(async () => {
    await peer?.[Symbol.asyncDispose]()
    await at?.[Symbol.asyncDispose]()
  })

  const nameOf = ({ metadata }: Role, { resources, resourceNames }: Rule): string => {
    const what = resources.includes('users') ? 'users' : resources.includes('users/status') ? 'users/status' : resources
    return [metadata.namespace === 'people' ? [] : 'credentials', what, resourceNames ?? []].flat().join(' ')
  }
  const put = async ({ metadata }: Role, rules: readonly Rule[]) => {
    const place = `/apis/rbac.authorization.k8s.io/v1/namespaces/${metadata.namespace}/roles/${metadata.name}`
    const { code, body } = await at.cluster.ask('PATCH', place, { rules }, 'application/merge-patch+json')
    if (code !== 200) throw new Error(JSON.stringify(body))
  }
  /** Takes one verb of one rule away until it is disposed of. */
  const without = async (rule: string, verb: string): Promise<AsyncDisposable & { rule: Rule }> => {
    const role = roles.find(role => role.rules.some(one => nameOf(role, one) === rule))
    const found = role?.rules.find(one => nameOf(role, one) === rule)
    if (!role || !found) throw new Error(`no rule about ${rule}`)
    const less = role.rules.map(one =>
      one === found ? { ...one, verbs: one.verbs.filter(each => each !== verb) } : one,
    )
    await put(
      role,
      less.filter(({ verbs }) => verbs.length > 0),
    )
    return { rule: found, [Symbol.asyncDispose]: () => put(role, role.rules) }
  }
  /** In the words of the API server, or in ours for Secrets. */
  const names = (text: string, verb: string, { resources }: Rule): boolean =>
    resources.some(resource =>
      new RegExp(
        resource === 'secrets'
          ? `right to ${verb} |cannot ${verb} resource \\W*secrets`
          : `cannot ${verb} resource \\W*${resource}\\W`,
      ).test(text),
    )
  const saysMissing = (text: string, verb: string, { resources, resourceNames }: Rule): boolean =>
    resources.some(resource => {
      const object = resourceNames?.[0] ? ` ${resourceNames[0]}` : ''
      return new RegExp(`the right to ${verb} ([^.]*, )?${resource}${object}(,| of| in)`).test(text)
    })
  /** Where the right is told on the organization at the top. */
  const toldAt = (verb: string, rule: Rule) => {
    const of = (command: string[]) => saysMissing(at.kubectl(command).text, verb, rule)
    return {
      condition: of(['get', 'org', 'acme', '-o', 'jsonpath={.status.conditions[?(@.type=="RightsMissing")].message}']),
      event: of(['get', 'events', '--field-selector', ABOUT, '-o', 'jsonpath={.items[*].message}']),
    }
  }
  const ABOUT = 'involvedObject.kind=Organization,involvedObject.name=acme,reason=NotAllowed'
  const forgetEvents = () => at.must(['delete', 'events', '--field-selector', ABOUT])
  /** In a condition and an Event, but for what cannot be. */
  const toldOnBoth = async (
    pod: () => Pod,
    since: number,
    verb: string,
    name: string,
    rule: Rule,
    poke?: () => Promise<void>,
  ) => {
    const lacks = EXCEPTIONS[`${verb} ${name}`]?.lacks
    const wanted = { condition: lacks !== 'condition', event: lacks !== 'event' }
    let last: unknown
    await eventually(
      async () => {
        await poke?.()
        last = toldAt(verb, rule)
        const { condition, event } = last as typeof wanted
        return (condition || !wanted.condition) && (event || !wanted.event) ? true : undefined
      },
      `${verb} is told`,
      60_000,
    ).catch(error => {
      throw new Error(`${error.message} (${JSON.stringify(last)}): ${pod().output().slice(since).slice(-3_000)}`)
    })
    expect(toldAt(verb, rule)).toEqual(wanted)
  }
  const invited = (name: string) =>
    eventually(
      () =>
        peer.mails.find(({ to, parsed }) => to[0] === `${name}@acme.example` && parsed.text?.includes('/invitations/')),
      `${name} is mailed`,
      60_000,
    )
  const join_ = async (pod: Pod, name: string): Promise<void> => {
    at.must(['apply', '-f', '-'], user(name))
    const link = /https:\S+\/invitations\/\S+/.exec((await invited(name)).parsed.text ?? '')?.[0] ?? ''
    await new Person(PUBLIC, pod.portal).accept(link, PASSWORD)
  }
  it('are these, and no others', () => {
    const verbs = Object.fromEntries(
      roles.flatMap(role => role.rules.map(rule => [nameOf(role, rule), [...rule.verbs].sort()])),
    )
    expect(verbs).toEqual(
      Object.fromEntries(Object.entries(RIGHTS).map(([rule, verbs]) => [rule, Object.keys(verbs).sort()])),
    )
  })

  describe('while it runs', () => {
    let pod: Pod
    let number = 0
    beforeAll(async () => {
      pod = await at.ready()
      const source = { apiVersion: 'roster.dev/v1alpha1', kind: 'Source', metadata: { name: 'people' } }
      writeFileSync(join(manifests, 'kept.yaml'), role('kept'))
      const spec = { folder: { path: manifests }, prune: true }
      at.must(['apply', '-f', '-'], JSON.stringify({ ...source, spec }))
      at.must(['wait', 'source/people', '--for=condition=Ready', '--timeout=60s'])
      await join_(pod, 'alice')
    }, 120_000)
    afterAll(async () => {
      await pod?.stop()
    })

    it.each(cases('work'))(
      'names $verb of $rule when it is taken away, and goes on when it is back',
      async ({ rule, verb }) => {
        const name = `user${number++}`
        const person = new Person(PUBLIC, pod.portal)
        const before = pod.output().length
        forgetEvents()
        let tries = 0
        {
          await using less = await without(rule, verb)
          // Somebody is declared and something not any more, a field is taken from a source, and somebody wants to sign in where nobody did yet.
          if (rule.startsWith('credentials')) at.must(['-n', 'people-credentials', 'delete', 'secrets', '--all'])
          at.must(['apply', '-f', '-'], user(name))
          rmSync(join(manifests, `role${number - 2}.yaml`), { force: true })
          writeFileSync(join(manifests, `role${number - 1}.yaml`), role(`role${number - 1}`))
          at.must(['patch', 'roles.roster.dev', 'kept', '--type=merge', '-p', `{"spec":{"allow":["a:v${number}"]}}`])
          const look = async () => {
            // Whoever tries too often is not asked any more.
            if (tries++ < 5 && rule.startsWith('credentials'))
              await person
                .submit('/sign-in', '/sign-in', { address: `${name}@acme.example`, password: 'x' })
                .catch(() => {})
          }
          await toldOnBoth(() => pod, before, verb, rule, less.rule, look)
        }
        await invited(name)
        await eventually(
          () =>
            at
              .kubectl(['get', 'org', 'acme', '-o', 'jsonpath={.status.conditions[*].type}'])
              .text.includes('RightsMissing')
              ? undefined
              : true,
          'the condition goes',
          60_000,
        )
        expect(pod.hasEnded()).toBe(false)
      },
      180_000,
    )
  })

  it.each(cases('start'))(
    'names $verb of $rule when it is missing at a start, and starts when it is there',
    async ({ rule, verb }) => {
      at.must(['delete', 'lease', 'roster', '--ignore-not-found'])
      // The first start of a realm is when both are filled.
      if (verb === 'update')
        for (const what of ['configmap/roster-realm', 'secret/roster-keys'])
          at.must(['patch', what, '--type=merge', '-p', '{"data":null}'])
      let pod: Pod
      forgetEvents()
      {
        await using less = await without(rule, verb)
        pod = await at.start()
        await toldOnBoth(() => pod, 0, verb, rule, less.rule)
      }
      await eventually(
        async () => {
          // A process that cannot even know the time of the realm ends; the kubelet starts it again.
          if (pod.hasEnded()) pod = await at.start()
          return (await fetch(`http://127.0.0.1:${pod.ops}/readyz`)).status === 200 || undefined
        },
        'it is ready',
        60_000,
      )
      expect((await pod.stop()).code).toBe(0)
    },
    180_000,
  )

  it.each(cases('command'))(
    'names $verb of $rule to whoever runs a command in the pod',
    async ({ rule, verb }) => {
      const events = () => at.command('events')
      expect((await events()).code).toBe(0)
      await using less = await without(rule, verb)
      const { code, err } = await events()
      expect(code).toBe(2)
      expect(names(err, verb, less.rule), err).toBe(true)
    },
    60_000,
  )
})
