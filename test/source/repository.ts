import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A bare repository that a server serves, and the checkout that a person commits from. */
export interface TestRepository {
  /** Folder of the bare repository. */
  readonly bare: string
  /** Runs git in the checkout. */
  git(...args: string[]): string
  /** Writes files (null takes one away, `{link}` makes a symbolic link), commits and pushes them. @param date of the commit, RFC 3339 @param author their name, Ada when absent @returns the commit id */
  commit(files: Record<string, string | null | { link: string }>, date?: string, author?: string): string
}

/** Makes `<root>/<name>.git` with branch `main` and no commits. */
export const testRepository = (root: string, name = 'people'): TestRepository => {
  const bare = join(root, `${name}.git`)
  const work = join(root, `.work-${name}`)
  const run = (cwd: string, ...args: string[]): string => runAt(undefined, cwd, ...args)
  const runAt = (date: string | undefined, cwd: string, ...args: string[]): string =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: root,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@acme.example',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@acme.example',
        ...(date !== undefined && { GIT_COMMITTER_DATE: date }),
      },
    }).trim()
  mkdirSync(root, { recursive: true })
  run(root, 'init', '--quiet', '--bare', '-b', 'main', bare)
  run(root, 'init', '--quiet', '-b', 'main', work)
  run(work, 'remote', 'add', 'origin', bare)
  return {
    bare,
    git: (...args) => run(work, ...args),
    commit: (files, date, author = 'Ada') => {
      for (const [path, content] of Object.entries(files)) {
        const full = join(work, path)
        mkdirSync(dirname(full), { recursive: true })
        rmSync(full, { force: true, recursive: true })
        if (content === null) continue
        if (typeof content === 'string') writeFileSync(full, content)
        else symlinkSync(content.link, full)
      }
      run(work, 'add', '--all', '--force')
      runAt(
        date,
        work,
        'commit',
        '--quiet',
        '--allow-empty',
        '-m',
        'change',
        `--author=${author} <nobody@acme.example>`,
      )
      run(work, 'push', '--quiet', '--force', 'origin', 'HEAD')
      return run(work, 'rev-parse', 'HEAD')
    },
  }
}

/** A Role as a manifest. */
export const roleYaml = (name: string, spec: Record<string, string> = {}): string =>
  [
    'apiVersion: roster.dev/v1alpha1',
    'kind: Role',
    `metadata: {name: ${name}}`,
    `spec: ${JSON.stringify({ organization: 'acme', ...spec })}`,
    '',
  ].join('\n')

export const organizationYaml = `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {}
`
