import { runOnNode } from './setup/node.mjs'
import { runMain } from './setup/trouble.mjs'
import { setUp } from './setup.mjs'

// `node scripts/run.mjs FILE ARGS…`: runs a program of the project under Node 26, and sets up before where needed.
runMain(async () => {
  const [file = '', ...args] = process.argv.slice(2)
  await setUp()
  return runOnNode(file, args)
})
