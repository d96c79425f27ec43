#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { root } from './setup/folder.mjs'
import { runOnNode } from './setup/node.mjs'
import { runMain } from './setup/trouble.mjs'
import { setUp } from './setup.mjs'

// `npm run -s roster -- VERB …`: the command line from a checkout. npm changes to the package's folder; paths that a
// person types are meant from where they stand.
// A link to this file named kubectl-roster is a plugin of kubectl.
if (basename(process.argv[1] ?? '') === 'kubectl-roster') process.env.ROSTER_KUBERNETES = 'true'

runMain(async () => {
  await setUp()
  const here = process.cwd()
  const cwd = realpathSync(here) === realpathSync(root) ? (process.env.INIT_CWD ?? here) : here
  return runOnNode('src/cli/main.ts', process.argv.slice(2), { cwd })
})
