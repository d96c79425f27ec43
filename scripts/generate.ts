import { glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { definitions } from '../src/api/definitions.ts'
import { GENERATED_FOLDERS, generatedFiles } from './generate/files.ts'

// `generate [--check]`: writes all that is generated from src/api/. With --check it writes nothing, names the files that
// differ, and exits 1.
const root = join(import.meta.dirname, '..')
const check = process.argv.includes('--check')
const files = generatedFiles(definitions)

const there = (
  await Array.fromAsync(
    glob(
      GENERATED_FOLDERS.map(folder => `${folder}/**/*.*`),
      { cwd: root },
    ),
  )
).map(path => path.replaceAll('\\', '/'))
const surplus = there.filter(path => !files.has(path))
const different: string[] = []
for (const [path, text] of files) {
  if ((await readFile(join(root, path), 'utf8').catch(() => undefined)) !== text) different.push(path)
}

if (check) {
  for (const path of different.sort()) console.error(`${path}: stale; run npm run generate`)
  for (const path of surplus.sort()) console.error(`${path}: nothing generates it any more; run npm run generate`)
  if (different.length + surplus.length > 0) process.exitCode = 1
  else console.error(`${files.size} generated files are up to date`)
} else {
  for (const path of different) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), files.get(path) ?? '')
  }
  for (const path of surplus) await rm(join(root, path))
  console.error(`${different.length} of ${files.size} generated files written, ${surplus.length} removed`)
}
