import { realpathSync } from 'node:fs'
import { root } from './setup/folder.mjs'
import { runOnNode } from './setup/node.mjs'
import { runMain } from './setup/trouble.mjs'
import { setUp } from './setup.mjs'

// `npm run -s roster -- VERB …`: the command line from a checkout. npm changes to the package's folder; paths that a
// person types are meant from where they stand.
runMain(async () => {
  await setUp()
  const here = process.cwd()
  const cwd = realpathSync(here) === realpathSync(root) ? (process.env.INIT_CWD ?? here) : here
  return runOnNode('src/cli/main.ts', process.argv.slice(2), { cwd })
})
