import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Person } from '../e2e/person.ts'
import { eventually } from '../e2e/process.ts'
import { describeWith } from '../parts.ts'
import { LOCALHOST_CERTIFICATE } from '../peers/certificate.ts'
import { smtpPeer } from '../peers/smtp.ts'
import { type Installation, install, openCluster, PUBLIC } from './installation.ts'

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
kind: User
metadata: {name: ann}
spec: {email: ann@acme.example, memberships: [{organization: acme, roles: [editor]}]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ben}
spec: {email: ben@acme.example, memberships: [{organization: acme, roles: [editor]}]}
`
const RECORDS = ['memberships', 'accounts'] as const

describeWith('kube-apiserver', 'a backup with nothing but the service account of the chart', () => {
  it('brings a realm into an empty cluster, where the same manifests change nothing', async () => {
    await using peer = await smtpPeer({ tls: 'Implicit' })
    const values = { smtp: { url: `smtps://localhost:${peer.port}`, ca: { pem: LOCALHOST_CERTIFICATE } } }
    const specsOf = async (at: Installation) => {
      const all: Record<string, unknown> = {}
      // Everybody is somebody new to the cluster, and known by the new uid.
      for (const kind of RECORDS)
        for (const { metadata, spec } of (await at.object(`/apis/roster.dev/v1alpha1/namespaces/people/${kind}`)).items)
          all[`${kind}/${metadata.name}`] = { ...spec, user: spec.user?.name }
      return all
    }

    await using before = await openCluster()
    install(before, values)
    const folder = join(before.folder, 'people')
    mkdirSync(folder)
    writeFileSync(join(folder, 'people.yaml'), PEOPLE)
    const applied = await before.command('apply', folder)
    expect(applied.code, applied.err).toBe(0)
    const pod = await before.ready()
    const mail = await eventually(() => peer.mails.find(({ to }) => to.includes('ann@acme.example')), 'ann is mailed')
    const link = /https:\S+\/invitations\/\S+/.exec(mail.parsed.text ?? '')?.[0] ?? ''
    await new Person(PUBLIC, pod.portal).accept(link)
    expect((await pod.stop()).code).toBe(0)
    const file = join(before.folder, 'backup.jsonl')
    const saved = await before.command('backup', file)
    expect(saved.code, saved.err).toBe(0)
    const records = await specsOf(before)
    expect(Object.keys(records)).toHaveLength(3)

    await using after = await openCluster()
    install(after, values)
    const restored = await after.command('restore', file)
    expect(restored.code, restored.err).toBe(0)
    expect(await specsOf(after)).toEqual(records)
    const plan = await after.command('plan', folder)
    expect([plan.code, plan.out], plan.err).toEqual([0, expect.stringContaining('No changes')])
  }, 240_000)
})
