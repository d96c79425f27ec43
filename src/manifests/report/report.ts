import type { Finding, Severity } from '../finding.ts'

/** What a report is made from; a `ReadResult` is one. */
export interface Report {
  /** By file and line. */
  findings: readonly Finding[]
  /** Files that were read. */
  files: number
  resources: readonly unknown[]
  /** Well-formed objects of other API groups. */
  skipped: number
  /** The text of a line of a file. */
  line(file: string, line: number): string | undefined
}

/** How many findings of each severity. */
export function counts(findings: readonly Finding[]): Record<Severity, number> {
  const found: Record<Severity, number> = { error: 0, warning: 0, info: 0 }
  for (const { severity } of findings) found[severity]++
  return found
}
