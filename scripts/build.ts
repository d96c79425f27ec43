import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/**
 * The package's program. The compile cache has to be on before the bundle is read, so this file only turns it on and
 * goes on to the bundle.
 */
const LAUNCHER = `#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
enableCompileCache()
await import('./main.js')
`

/** Libraries in CommonJS ask for `require` of built-in modules, which a module of ECMAScript does not have. */
const REQUIRE = `import { createRequire as rosterCreateRequire } from 'node:module'
const require = rosterCreateRequire(import.meta.url)
`

await rm(dist, { recursive: true, force: true })
const { metafile } = await build({
  entryPoints: [join(root, 'src/cli/main.ts')],
  outdir: dist,
  bundle: true,
  // What is imported lazily stays in a file of its own, and is read only when it is used.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node26',
  banner: { js: REQUIRE },
  keepNames: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  metafile: true,
  absWorkingDir: root,
  logLevel: 'warning',
})
await writeFile(join(dist, 'roster.js'), LAUNCHER)
await chmod(join(dist, 'roster.js'), 0o755)

const bytes = Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0)
console.error(`dist/roster.js: ${Object.keys(metafile.outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB with maps`)
