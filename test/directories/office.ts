import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Directory } from '../../src/api/directory.ts'
import { Workplace } from '../e2e/process.ts'

/** An organization, Ann who is declared there, and a Directory of it. @param spec of the Directory, but for its organization; indented by two */
export const manifestsWith = (name: string, spec: string): string => `apiVersion: roster.dev/v1alpha1
kind: Organization
metadata: {name: acme}
spec: {displayName: Acme, domains: [acme.example]}
---
apiVersion: roster.dev/v1alpha1
kind: User
metadata: {name: ann}
spec: {email: ann@acme.example, memberships: [{organization: acme, join: None}]}
---
apiVersion: roster.dev/v1alpha1
kind: Directory
metadata: {name: ${name}}
spec:
  organization: acme
${spec}`

/** Where a controller runs beside a service, with these manifests in `acme`. */
export interface Office extends AsyncDisposable {
  place: Workplace
  /** Writes a file of the secret that is called like the Directory, in `secrets`. */
  secret(file: string, text: string): Promise<void>
  /** Conditions of the Directory: `Stalled True SecretAudience`. */
  reasons(): Promise<string[] | undefined>
  sync(): ReturnType<Workplace['roster']>
}

export const openOffice = async (name: string, spec: string): Promise<Office> => {
  const place = await Workplace.make()
  await mkdir(join(place.folder, 'acme'))
  await writeFile(join(place.folder, 'acme', 'acme.yaml'), manifestsWith(name, spec))
  return {
    place,
    secret: async (file, text) => {
      await mkdir(join(place.folder, 'secrets', name), { recursive: true })
      await writeFile(join(place.folder, 'secrets', name, file), text)
    },
    reasons: async () => {
      const { status } = await place.json<Directory>('get', 'directory', name)
      return status?.conditions?.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`)
    },
    sync: () => place.roster('sync', name),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
