import type { Finding } from '../../src/manifests/finding.ts'
import { type ReadOptions, type ReadResult, readManifests } from '../../src/manifests/read.ts'

/** Reads one text as if it came from a file. */
export const read = (text: string, options: ReadOptions = {}, file = 'a.yaml'): Promise<ReadResult> =>
  readManifests([{ file, text }], options)

/** A finding as tests write it: `5:3 error unknown-field`. */
export const brief = ({ line, column, severity, rule }: Finding): string => `${line}:${column} ${severity} ${rule}`

/** All findings of a text, each in brief with its message. */
export const findingsOf = async (text: string, options?: ReadOptions, file?: string): Promise<string[]> =>
  (await read(text, options, file)).findings.map(finding => `${brief(finding)}: ${finding.message}`)

export const API = 'apiVersion: roster.dev/v1alpha1'

/** A small world without a finding: an organization with two roles and a pool. */
export const acme = `${API}
kind: Organization
metadata: {name: acme}
spec: {domains: [acme.example]}
---
${API}
kind: Role
metadata: {name: editor}
spec: {organization: acme, allow: ["documents:*"]}
---
${API}
kind: Role
metadata: {name: viewer}
spec: {organization: acme, allow: ["documents:read"]}
---
${API}
kind: LicensePool
metadata: {name: suite}
spec: {organization: acme, product: CloudHub, seats: 10}
---
`
/** How many lines {@link acme} has. */
export const ACME_LINES = acme.split('\n').length - 1

export const user = (name: string, spec: string): string =>
  `${API}\nkind: User\nmetadata: {name: ${name}}\nspec: ${spec}\n`
