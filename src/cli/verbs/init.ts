import { join, resolve } from 'node:path'
import { packageFiles } from '../../app/package-files.ts'
import { withExamples } from '../examples.ts'
import { line } from '../output.ts'
import { type Files, modeline, writeNew } from '../scaffold.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    command,
    ['init people', 'a small repository in the folder people'],
    ['init --org acme --email you@acme.example', 'here, with your own names'],
  )
    .argument('[folder]', 'where to', '.')
    .option('--org <name>', 'name of the organization', 'acme')
    .option('--email <address>', 'your own address: the first admin', 'you@acme.example')
    .addHelpText('after', '\nWrites nothing where one of the files is there already.')
    .action(async (folder: string, flags: Record<string, unknown>) => {
      const target = resolve(io.cwd, folder)
      const files = repository(String(flags['org']), String(flags['email']))
      const schemas = Object.fromEntries(packageFiles('schemas').map(({ name, text }) => [`.schemas/${name}`, text]))
      await check(files, target)
      writeNew(target, { ...files, ...schemas })
      for (const path of Object.keys(files)) io.out(line(join(folder, path)))
      io.err(`
Next
  1 roster validate ${folder}    is it right?
  2 roster plan ${folder}        what would happen?
  3 roster run ${folder}         make it so, and keep it so; mail stays on this computer
`)
    })
}

/** With names of one's own, the files must be right as well. @throws UsageError */
const check = async (files: Files, target: string): Promise<void> => {
  const [{ readArguments }, { UsageError }] = await Promise.all([import('../../app/reading.ts'), import('../verb.ts')])
  const text = Object.entries(files)
    .filter(([path]) => path.endsWith('.yaml') && !path.startsWith('.'))
    .map(([, body]) => body)
    .join('---\n')
  const { findings } = await readArguments({ paths: ['-'], cwd: target, stdin: async () => text }, { tables: [] })
  const [wrong] = findings.filter(({ severity }) => severity === 'error')
  if (wrong) throw new UsageError(wrong.message)
}

const repository = (organization: string, email: string): Files => {
  const domain = email.slice(email.lastIndexOf('@') + 1)
  const name =
    (email.split('@')[0] ?? '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'you'
  return {
    'organization.yaml': `${modeline('organization', './')}# A tenant: what its people see, and its limits. \`roster explain organization\` says what else there is.
apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: ${organization}}
spec:
  displayName: ${organization}
  domains: [${domain}]                # addresses elsewhere are external
  timeZone: UTC                       # in which plain dates are read
  portal:
    productName: ${organization}      # "… invites you to …"
  invitations:
    validFor: 24h                     # how long a link works
    dailyLimitPerInviter: 50
`,
    'roles.yaml': `${modeline('role', './')}# What people may do. Areas such as users and roles are Roster's own; every other one, such as documents, is your product's.
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: admin}
spec:
  organization: ${organization}
  displayName: Administrator
  allow: ["users:*", "groups:*", "roles:*", "invitations:*", "licenses:*", "settings:*", "audit:read"]
---
apiVersion: roster.dev/v1alpha1
kind: Role
metadata: {name: viewer}
spec:
  organization: ${organization}
  displayName: Viewer
  allow: ["documents:read"]
`,
    [`users/${name}.yaml`]: `${modeline('user', '../')}# One person a file. Who is declared is invited by mail, and joins by accepting.
# \`roster new user ADDRESS --org ${organization} --roles viewer\` writes the next one.
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ${name}}
spec:
  email: ${email}
  memberships:
    - {organization: ${organization}, roles: [admin]}
`,
    '.github/workflows/people.yaml': `# Every pull request is checked, with what is wrong shown in the diff.
name: people
on:
  pull_request:
  push: {branches: [main]}
permissions: {contents: read}
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {persist-credentials: false}
      # Roster itself, at the commit that your controller runs: set both as variables of this repository.
      - uses: actions/checkout@v4
        with:
          repository: \${{ vars.ROSTER_REPOSITORY }}
          ref: \${{ vars.ROSTER_REF }}
          path: .roster-cli
          persist-credentials: false
      - uses: actions/setup-node@v4
        with: {node-version: 26}
      - run: npm --prefix .roster-cli run -s roster -- validate . -o github
`,
    '.vscode/settings.json': `${JSON.stringify({ 'yaml.schemas': { './.schemas/all.json': ['*.yaml', 'users/*.yaml', 'groups/*.yaml', 'roles/*.yaml', 'invitations/*.yaml', 'licensepools/*.yaml'] } }, undefined, 2)}\n`,
    '.gitignore': '.roster/\n',
    'README.md': `# People of ${organization}

Who belongs here, with which roles, is what these files say; Roster makes it so and keeps it so.

| to | do |
| --- | --- |
| add somebody | \`roster new user ADDRESS --org ${organization} --roles viewer\`, then a pull request |
| let somebody go | delete their file (with \`--prune\`), or write \`until: 2030-12-31\` into the membership |
| check | \`roster validate .\` |
| see what a change does | \`roster plan .\` |
| make it so | \`roster run .\` keeps it so; \`roster apply .\` does it once |
| ask why somebody has something | \`roster why ${name}\` |

\`.schemas\` is for editors: completion and errors while you type (\`roster schemas --dir .schemas\` renews it).
`,
  }
}
