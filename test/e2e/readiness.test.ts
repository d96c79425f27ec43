import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRealm } from '../../src/app/openrealm.ts'
import { startRun } from '../../src/app/run.ts'
import { resolveSettings } from '../../src/app/settings.ts'
import { noLog } from '../../src/telemetry/log.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'
import { installCrds } from '../kube/crds.ts'
import { allow, RULES, type Rule } from '../kube/rights.ts'
import { startProxy } from '../kube/tcpproxy.ts'
import { describeWith } from '../parts.ts'
import { newRealm } from './cluster.ts'
import { eventually } from './process.ts'

const SECRETS: Rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'update', 'delete'] }
const OWN: readonly Rule[] = [...RULES, SECRETS, { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }]

describeWith('kube-apiserver', 'the readiness of a replica', () => {
  let cluster: TestCluster
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roster-ready-'))
    cluster = await startCluster({ tokens: { 'token-of-roster': 'roster' } })
    await installCrds(cluster)
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  it('ends when the store answers and yet tells nothing any more, and comes back when it does', async () => {
    const namespace = await newRealm(cluster)
    await allow(cluster, namespace, 'roster', OWN)
    await allow(cluster, `${namespace}-credentials`, 'roster', [SECRETS])
    await using proxy = await startProxy(cluster.port)
    const { settings } = resolveSettings({
      flags: {
        kubernetes: true,
        kubeconfig: cluster.writeKubeconfig({ port: proxy.port, token: 'token-of-roster' }),
        namespace,
        data: folder,
        listen: '127.0.0.1:0',
        opsListen: '127.0.0.1:0',
        publicUrl: 'http://127.0.0.1:9',
      },
      environment: {},
      cwd: folder,
    })
    await using realm = await openRealm({ settings, environment: {}, create: true })
    // A healthy one hears of its store every 15 seconds.
    await using running = await startRun({
      realm,
      log: noLog(),
      sources: [],
      cwd: folder,
      signal: new AbortController().signal,
      staleAfter: 40_000,
    })
    const ready = async () => {
      const answer = await fetch(`http://127.0.0.1:${running.opsPort}/readyz`)
      return `${answer.status} ${await answer.text()}`
    }
    await eventually(async () => (await ready()).startsWith('200') || undefined, 'it is ready', 60_000)
    const blind = OWN.map(rule => ({ ...rule, verbs: rule.verbs.filter(verb => verb !== 'watch') }))
    await allow(cluster, namespace, 'roster', blind)
    proxy.reset()
    await eventually(
      async () => /^503 (.*\n)*view: the store has told nothing for/.test(await ready()) || undefined,
      'it says so',
      120_000,
    )
    expect(running.replica.cache).toBeDefined()
    await allow(cluster, namespace, 'roster', OWN)
    await eventually(async () => (await ready()).startsWith('200') || undefined, 'it is ready again', 120_000)
  }, 400_000)
})
