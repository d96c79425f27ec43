import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Generated files that come with the package: `schemas` for editors, `crds` for Kubernetes. By name, in order. */
export const packageFiles = (folder: 'schemas' | 'crds'): { name: string; text: string }[] => {
  const path = join(packageFolder(), folder)
  return readdirSync(path)
    .sort()
    .map(name => ({ name, text: readFileSync(join(path, name), 'utf8') }))
}

/** The folder of the package, from a checkout and from a bundle alike. */
const packageFolder = (): string => {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json')) && existsSync(join(at, 'schemas'))) return at
    if (dirname(at) === at) throw new Error('the files of the package are not there; install it again')
  }
}
