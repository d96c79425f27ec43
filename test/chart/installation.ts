import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { type Ended, eventually, Workplace } from '../e2e/process.ts'
import { startCluster, type TestCluster } from '../kube/apiserver.ts'

export const CHART = join(import.meta.dirname, '..', '..', 'charts', 'roster')
export const PUBLIC = 'https://people.acme.example'
/** Values that the chart does not do without. */
export const NEEDED = {
  publicUrl: PUBLIC,
  image: { repository: 'registry.acme.example/roster' },
}

export interface Said {
  ok: boolean
  text: string
}

/** A process as the Deployment would start one. */
export interface Pod {
  readonly ops: number
  readonly portal: string
  output(): string
  hasEnded(): boolean
  /** As the kubelet does. @returns its exit code, and what it said on standard error */
  stop(): Promise<{ code: number | null; err: string }>
}

/** A cluster of its own, whose namespace `people` takes restricted pods only, with a release `roster` of the chart in it. */
export interface Installation extends AsyncDisposable {
  readonly cluster: TestCluster
  /** A folder for this test, gone afterwards. */
  readonly folder: string
  /** A copy of the chart, without the version of Kubernetes that it asks for: an API server that was built from its source does not know its own. */
  readonly chart: string
  kubectl(args: string[], input?: string): Said
  /** @throws Error with what was said */
  must(args: string[], input?: string): string
  helm(args: string[], values?: object): Said
  /** The one object of this path. @throws Error when there is none */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  object(path: string): Promise<any>
  /** What a pod would run, from the Deployment, its ConfigMaps and Secrets as they are now, with a token of its ServiceAccount. */
  start(): Promise<Pod>
  /** A command, as `kubectl exec` would run it in such a pod. */
  command(...args: string[]): Promise<Ended>
  /** The same, once it is ready. */
  ready(): Promise<Pod>
}

interface Volume {
  name: string
  configMap?: { name: string; items?: Item[] }
  secret?: { secretName: string; defaultMode?: number; items?: Item[] }
}
interface Item {
  key: string
  path: string
}
interface Container {
  args: string[]
  env?: { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } }[]
  volumeMounts: { name: string; mountPath: string }[]
}

/**
 * A cluster with the chart in it, installed by helm. No controller runs beside the API server: nothing starts the pods, joins ClusterRoles or collects garbage,
 * so a test does by hand what it needs of that.
 * @param options.empty without even the namespace
 */
export const openCluster = async (options: { empty?: boolean } = {}): Promise<Installation> => {
  const folder = mkdtempSync(join(tmpdir(), 'roster-installed-'))
  const cluster = await startCluster()
  const run = (program: 'helm' | 'kubectl', args: string[], input = ''): Said => {
    const { PATH, HOME } = process.env
    const homes = Object.fromEntries(
      ['CACHE', 'CONFIG', 'DATA'].map(name => [`HELM_${name}_HOME`, join(folder, `helm-${name.toLowerCase()}`)]),
    )
    const { status, stdout, stderr } = spawnSync(
      kubectlPath(program) ?? '',
      ['--kubeconfig', cluster.kubeconfig, ...args],
      { encoding: 'utf8', input, env: { PATH, HOME, ...homes } },
    )
    return { ok: status === 0, text: stdout + stderr }
  }
  const kubectl: Installation['kubectl'] = (args, input) => run('kubectl', args, input)
  const must: Installation['must'] = (args, input) => {
    const { ok, text } = kubectl(args, input)
    if (!ok) throw new Error(`kubectl ${args.join(' ')}: ${text}`)
    return text
  }
  const helm: Installation['helm'] = (args, values) =>
    run('helm', ['-n', 'people', ...args, ...(values ? ['-f', '-'] : [])], values && JSON.stringify(values))
  const object: Installation['object'] = async path => {
    const { code, body } = await cluster.ask('GET', path)
    if (code !== 200) throw new Error(`${path}: ${code}`)
    return body
  }
  const chart = join(folder, 'chart')
  cpSync(CHART, chart, { recursive: true })
  const about = join(chart, 'Chart.yaml')
  writeFileSync(about, readFileSync(about, 'utf8').replace(/^kubeVersion: .*\n/m, ''))
  if (!options.empty) {
    must(['create', 'namespace', 'people'])
    must(['label', 'namespace', 'people', 'pod-security.kubernetes.io/enforce=restricted'])
    must(['config', 'set-context', '--current', '--namespace', 'people'])
  }

  const decoded = (data: Record<string, string>) =>
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
  /** The files of a volume; undefined where it is an empty folder. */
  const filesOf = async ({ configMap, secret }: Volume): Promise<Record<string, string> | undefined> => {
    if (!configMap && !secret) return undefined
    const all: Record<string, string> = configMap
      ? ((await object(`/api/v1/namespaces/people/configmaps/${configMap.name}`)).data ?? {})
      : decoded((await object(`/api/v1/namespaces/people/secrets/${secret?.secretName}`)).data ?? {})
    const items = configMap?.items ?? secret?.items
    if (!items) return all
    return Object.fromEntries(
      items.map(({ key, path }) => {
        const text = all[key]
        if (text === undefined) throw new Error(`no key ${key}: the pod would not start`)
        return [path, text]
      }),
    )
  }

  const places: Workplace[] = []
  /** The files and the rights of a pod. */
  const prepare = async () => {
    const root = mkdtempSync(join(folder, 'pod-'))
    const deployment = await object('/apis/apps/v1/namespaces/people/deployments/roster')
    const { containers, volumes, serviceAccountName } = deployment.spec.template.spec as {
      containers: [Container]
      volumes: Volume[]
      serviceAccountName: string
    }
    const [{ args, env = [], volumeMounts }] = containers
    // There is one file system here: what stands below /etc/roster for a pod stands below a folder of its own.
    const here = (text: string) => text.replaceAll('/etc/roster/', `${root}/etc/roster/`)
    for (const { name, mountPath } of volumeMounts) {
      const volume = volumes.find(volume => volume.name === name)
      if (!volume) throw new Error(`no volume ${name}`)
      for (const [file, text] of Object.entries((await filesOf(volume)) ?? {})) {
        const path = join(root, mountPath, file)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, file === 'roster.yaml' ? here(text) : text, { mode: volume.secret?.defaultMode ?? 0o644 })
      }
    }
    const environment: Record<string, string> = {}
    for (const { name, valueFrom } of env) {
      const { name: secret, key } = valueFrom.secretKeyRef
      environment[name] = decoded((await object(`/api/v1/namespaces/people/secrets/${secret}`)).data)[key] ?? ''
    }
    const account = `/api/v1/namespaces/people/serviceaccounts/${serviceAccountName}/token`
    const { body } = await cluster.ask('POST', account, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    })
    const place = await Workplace.make(environment)
    places.push(place)
    const kubeconfig = cluster.writeKubeconfig({ token: (body as { status: { token: string } }).status.token })
    const own = ['--data', join(root, 'data'), '--kubeconfig', kubeconfig]
    return { place, args: args.map(here), own }
  }
  const start: Installation['start'] = async () => {
    const { place, args, own } = await prepare()
    const listen = ['--listen', `127.0.0.1:${place.port}`, '--ops-listen', `127.0.0.1:${place.opsPort}`]
    const running = place.spawn(...args, ...own, ...listen)
    return {
      ops: place.opsPort,
      portal: place.url,
      output: running.output,
      hasEnded: () => running.child.exitCode !== null || running.child.signalCode !== null,
      stop: async () => {
        running.child.kill('SIGTERM')
        const { code, err } = await running.ended
        await place[Symbol.asyncDispose]()
        return { code, err }
      },
    }
  }

  const command: Installation['command'] = async (...given) => {
    const { place, args, own } = await prepare()
    await using _ = place
    return await place.roster(...given, ...args.slice(1), ...own)
  }
  const ready: Installation['ready'] = async () => {
    const pod = await start()
    const answers = async () => (await fetch(`http://127.0.0.1:${pod.ops}/readyz`)).status === 200 || undefined
    await eventually(answers, 'the pod is ready', 60_000).catch(error => {
      throw new Error(`${error.message}: ${pod.output().slice(-3_000)}`)
    })
    return pod
  }

  return {
    cluster,
    folder,
    chart,
    kubectl,
    must,
    helm,
    object,
    start,
    command,
    ready,
    [Symbol.asyncDispose]: async () => {
      for (const place of places) await place[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Installs a release, and waits until the definitions are served. @throws Error with what helm said */
export const install = (at: Installation, values: object = {}): void => {
  const { ok, text } = at.helm(['install', 'roster', at.chart], { ...NEEDED, ...values })
  if (!ok) throw new Error(text)
  at.must(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
}

/** @throws Error with what helm said */
export const upgrade = (at: Installation, values: object = {}, chart = at.chart): void => {
  const { ok, text } = at.helm(['upgrade', 'roster', chart], { ...NEEDED, ...values })
  if (!ok) throw new Error(text)
}
