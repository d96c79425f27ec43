import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * The head of every file of the bundle. The compile cache is turned on by the entry, before it reaches for the files it
 * imports lazily, which are nearly all of the program. Libraries in CommonJS ask for `require` of built-in modules, which
 * a module of ECMAScript does not have.
 */
const HEAD = `#!/usr/bin/env node
import rosterModule from 'node:module'
if (parseInt(process.versions.node) < 26) {
  process.stderr.write('roster: this needs Node.js 26 or newer, and this is ' + process.versions.node + '. Install a newer one (nodejs.org)\\n')
  process.exit(2)
}
rosterModule.enableCompileCache?.()
const require = rosterModule.createRequire(import.meta.url)
`

await rm(dist, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: { roster: join(root, 'src/cli/main.ts') },
  outdir: dist,
  bundle: true,
  // What is imported lazily stays in a file of its own, and is read only when it is used.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node26',
  banner: { js: HEAD },
  keepNames: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  metafile: true,
  absWorkingDir: root,
  logLevel: 'warning',
})
await chmod(join(dist, 'roster.js'), 0o755)

const bytes = Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
console.error(`dist/roster.js: ${Object.keys(metafile.outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB with maps`)
