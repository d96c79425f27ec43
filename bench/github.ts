import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GITHUB_TOKEN } from '../test/peers/github.ts'
import type { Bench, Row } from './bench.ts'
import type { GithubResult } from './github-run.ts'
import { ADMINS, memberAt, type ServerMessage, teamsOf } from './github-server.ts'

const run = promisify(execFile)
const PERIBOLOS = process.env['PERIBOLOS'] ?? 'peribolos'
const INSTALL = 'go install sigs.k8s.io/prow/cmd/peribolos@v0.0.0-20240619181241-cfb8754e0459'

interface Server {
  readonly url: string
  delay(milliseconds: number): void
  count(): Promise<number>
}

const withServer = async <Value>(members: number, work: (server: Server) => Promise<Value>): Promise<Value> => {
  const child: ChildProcess = fork(join(import.meta.dirname, 'github-server.ts'), [String(members)])
  const say = (message: ServerMessage) => void child.send(message)
  try {
    const [url] = await once(child, 'message')
    return await work({
      url: String(url),
      delay: milliseconds => say({ delay: milliseconds }),
      count: async () => {
        const counted = once(child, 'message')
        say('count')
        return Number((await counted)[0])
      },
    })
  } finally {
    const ended = once(child, 'exit')
    say('end')
    await ended
  }
}

/** One read, in a process of its own. @param folder of the controller; without one the driver reads alone */
const read = async ({ url }: Server, folder?: string): Promise<GithubResult> => {
  const file = join(import.meta.dirname, 'github-run.ts')
  const { stdout } = await run(process.execPath, [file, url, ...(folder === undefined ? [] : [folder])])
  return JSON.parse(stdout) as GithubResult
}

/** The same organization as peribolos declares it: everything is as it should be. */
const configuration = (members: number): string => {
  const named = (ats: readonly number[], indent: string) => ats.map(at => `${indent}- ${memberAt(at)}\n`).join('')
  const teams = teamsOf(members).map(
    ([first = 0, ...rest], at) =>
      `      team-${at}:\n        privacy: closed\n        maintainers:\n${named([first], '        ')}        members:\n${named(rest, '        ')}`,
  )
  const everybody = Array.from({ length: members }, (_, at) => at)
  return `orgs:\n  acme:\n    admins: [${ADMINS.join(', ')}]\n    members:\n${named(everybody, '    ')}    teams:\n${teams.join('')}`
}

/** @returns undefined where peribolos is not installed */
const peribolos = async (server: Server, members: number, folder: string) => {
  const [config, token] = [join(folder, 'peribolos.yaml'), join(folder, 'token')]
  await writeFile(config, configuration(members))
  await writeFile(token, GITHUB_TOKEN)
  const flags = [
    ...['--config-path', config, '--github-token-path', token],
    ...['--github-endpoint', server.url, '--github-graphql-endpoint', `${server.url}/graphql`],
    ...['--fix-org-members', '--fix-teams', '--fix-team-members', '--github-hourly-tokens', '0'],
    ...['--min-admins', '2', '--required-admins', 'octo-admin', '--require-self=false', '--log-level', 'error'],
  ]
  const before = await server.count()
  const begin = performance.now()
  try {
    await run(PERIBOLOS, flags, { maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    process.stderr.write(`without peribolos: ${INSTALL}, then name it in PERIBOLOS\n`)
    return undefined
  }
  return { seconds: (performance.now() - begin) / 1000, requests: (await server.count()) - before }
}

const MEMBERS = 10_000

/** An organization on GitHub with 10,000 people in 200 teams read by the whole controller, beside peribolos on the same server. */
export const github: Bench = {
  name: 'github',
  run: async () => {
    const rows: Row[] = []
    const folder = await mkdtemp(join(tmpdir(), 'roster-bench-'))
    try {
      await withServer(MEMBERS, async server => {
        await read(server, folder)
        for (const latency of [0, 20]) {
          server.delay(latency)
          const ours = await read(server, folder)
          if (ours.writes > 0) throw new Error(`a read that finds nothing new wrote ${ours.writes} times`)
          const name = `10,000 people in 200 teams, nothing new, ${latency} ms away`
          const alone = await read(server)
          rows.push({
            name,
            figure: ours.seconds,
            floor: alone.seconds,
            unit: 's',
            against: 'the driver alone',
            aim: 4,
          })
          const theirs = await peribolos(server, MEMBERS, folder)
          if (!theirs) continue
          const aim = latency === 0 ? 1 : 0.2
          rows.push(
            { name, figure: ours.seconds, floor: theirs.seconds, unit: 's', against: 'peribolos', aim },
            { name, figure: ours.requests, floor: theirs.requests, unit: 'requests', against: 'peribolos', aim: 1 },
          )
        }
      })
      await withServer(10 * MEMBERS, async server => {
        const { rss } = await read(server)
        const name = '100,000 people in 2,000 teams, the driver alone, memory'
        rows.push({ name, figure: rss, floor: 512, unit: 'MiB', against: 'limit', aim: 1 })
      })
      return rows
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
