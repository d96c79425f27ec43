import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../../scripts/setup/kubectl.mjs'
import { Person } from '../e2e/person.ts'
import { eventually } from '../e2e/process.ts'
import { describeWith } from '../parts.ts'
import { LOCALHOST_CERTIFICATE } from '../peers/certificate.ts'
import { type GitServer, openGitServer } from '../peers/git-server.ts'
import { type SmtpPeer, smtpPeer } from '../peers/smtp.ts'
import { testRepository } from '../source/repository.ts'
import { type Installation, openCluster, type Pod, PUBLIC } from './installation.ts'

const root = join(import.meta.dirname, '..', '..')
const doc = readFileSync(join(root, 'docs', 'kubernetes.md'), 'utf8')
/** The blocks of a section, in their order: their language and their text. */
const blocks = (title: string): [string, string][] => {
  const section = doc.split(/^## /m).find(part => part.startsWith(`${title}\n`)) ?? ''
  return [...section.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => [language, text])
}
/** A folder of the repository as a test repository takes it. */
const filesIn = (folder: string, at = ''): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(folder, at), { withFileTypes: true }).flatMap(entry => {
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      if (entry.isDirectory()) return Object.entries(filesIn(folder, path))
      return [[`people/${path}`, readFileSync(join(folder, path), 'utf8')]]
    }),
  )

/** Types what docs/kubernetes.md says, block after block. Only hosts differ, and what needs a node or Docker is passed over. */
describeWith('kube-apiserver', 'a newcomer with docs/kubernetes.md', () => {
  let at: Installation
  let peer: SmtpPeer
  let git: GitServer
  let pod: Pod
  let bin: string

  beforeAll(async () => {
    at = await openCluster({ empty: true })
    peer = await smtpPeer({ tls: 'StartTls', auth: { user: 'roster', pass: '…' } })
    const served = join(at.folder, 'served')
    testRepository(join(served, 'acme')).commit(filesIn(join(root, 'examples', 'acme')))
    git = await openGitServer({ root: served, password: '…' })
    bin = join(at.folder, 'bin')
    mkdirSync(bin)
    writeFileSync(join(at.folder, 'ca.crt'), LOCALHOST_CERTIFICATE)
    const programs = {
      docker: 'exit 0',
      // No controller runs that would roll anything out.
      kubectl: `case "$*" in *"rollout status"*) exit 0;; esac\nexec ${kubectlPath('kubectl')} "$@"`,
      // The pod of the test is run in test/chart/release.test.ts. Loopback is no address that everybody may be led to, and the peer's certificate is its own.
      helm: `case "$1" in
test) exit 0;;
install) set -- "$@" --set config.allowPrivate=127.0.0.1 --set-file smtp.ca.pem=${join(at.folder, 'ca.crt')};;
esac
exec ${kubectlPath('helm')} "$@"`,
      'kubectl-roster': `export ROSTER_KUBERNETES=true\nexec ${process.execPath} ${join(root, 'src', 'cli', 'main.ts')} "$@"`,
    }
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
      chmodSync(join(bin, name), 0o755)
    }
  }, 120_000)
  afterAll(async () => {
    await git?.[Symbol.asyncDispose]()
    await peer?.[Symbol.asyncDispose]()
    await at?.[Symbol.asyncDispose]()
  })

  const here = (text: string) =>
    text
      .replaceAll('https://git.example/', `${git.url}/`)
      .replaceAll('git.example', '127.0.0.1')
      .replace('mail.acme.example:587', `localhost:${peer.port}`)
      .replaceAll('charts/roster', at.chart)
      .replaceAll('examples/acme', join(root, 'examples', 'acme'))
  /** @throws Error with what was said, when a command fails */
  const types = async (text: string): Promise<string> => {
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: at.folder, KUBECONFIG: at.cluster.kubeconfig }
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-eo', 'pipefail', '-c', here(text)], {
      cwd: at.folder,
      env,
      timeout: 120_000,
    })
    return stdout + stderr
  }
  const accept = async (address: string): Promise<string> => {
    const mail = await eventually(
      () => peer.mails.find(({ to, parsed }) => to.includes(address) && parsed.text?.includes('/invitations/')),
      `${address} is mailed`,
      60_000,
    )
    const link = /https:\S+\/invitations\/\S+/.exec(mail.parsed.text ?? '')?.[0] ?? ''
    return new Person(PUBLIC, pod.portal).accept(link)
  }

  it('comes from a cluster to an accepted invitation', async () => {
    const [cluster, values, install, source, wait, ...more] = blocks('From a cluster to an accepted invitation')
    expect(more).toEqual([])
    expect(values?.[0]).toBe('yaml')
    await types(cluster?.[1] ?? '')
    writeFileSync(join(at.folder, 'values.yaml'), here(values?.[1] ?? ''))
    expect(await types(install?.[1] ?? '')).toContain(`serves ${PUBLIC}`)
    pod = await at.ready()
    const listed = await types(source?.[1] ?? '')
    expect(listed).toMatch(/source.roster.dev\/people condition met/)
    expect(listed).toContain('user.roster.dev/bob')
    expect(listed).toContain('invitation.roster.dev/carol')
    expect(await accept('bob@acme.example')).toContain('Administrator')
    await eventually(
      async () => ((await types(wait?.[1] ?? '')).includes('Active') ? true : undefined),
      'Active',
      60_000,
    )
  }, 240_000)

  it('uses kubectl', async () => {
    at.must(['config', 'set-context', '--current', '--namespace', 'people'])
    for (const [, text] of blocks('With kubectl')) {
      // What a source declares is its own: by hand it would be taken back.
      const said = await types(text.replace(/^kubectl apply .*\n/m, ''))
      expect(said).toContain('user.roster.dev/alice condition met')
      expect(said).toContain('membership.roster.dev/')
      expect(said).toMatch(/Kind: +Invitation/)
      expect(said).toContain('Who is invited')
      expect(said).toContain('acme · Invited')
    }
    await expect(types('kubectl apply --dry-run=server -n people -f examples/acme/ -R')).resolves.toContain(
      'role.roster.dev/viewer',
    )
  }, 120_000)

  it('acts as Roster, in the pod and from a computer', async () => {
    const { code, out, err } = await at.command('revoke', 'bob', 'admin', '--org', 'acme')
    // Bob holds it by his declaration; what matters is that the command ran with the rights of the pod.
    expect([code, out + err]).toEqual([1, expect.stringContaining('bob')])
    const chart = blocks('The chart')
    expect(chart).toHaveLength(1)
    const said = await types((chart[0]?.[1] ?? '').replace(/^roster uninstall (.*)$/m, 'kubectl roster get users $1'))
    expect(said).toContain('alice')
    const [, leaving = ''] = /`(kubectl -n people scale [^`]*)`/.exec(doc) ?? []
    expect(await types(leaving)).toContain('scaled')
    await pod.stop()
  }, 60_000)
})
