import { runOnNode } from './setup/node.mjs'
import { runMain } from './setup/trouble.mjs'
import { setUp } from './setup.mjs'

// `npm start`: sets up where needed, then starts the controller on the example.
runMain(async () => {
  await setUp({ out: process.stdout })
  return runOnNode('src/cli/start.ts', process.argv.slice(2))
})
