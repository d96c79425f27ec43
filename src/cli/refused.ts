import type { Io } from './io.ts'
import { Exit } from './verb.ts'

interface Refused {
  outcome: string
  message?: string
}

/** A revision that cannot be used is told with its findings, and nothing is done. @throws Exit 1 for what is invalid, 2 for what cannot be read */
export const refuse = async (
  read: { revision: Refused & { reason?: string; findings: readonly unknown[] }; result?: unknown },
  io: Io,
  json: boolean,
): Promise<never> => {
  const { revision, result } = read
  const invalid = revision.reason === 'InvalidManifests'
  if (json)
    io.out(
      `${JSON.stringify({ error: { reason: revision.reason, message: revision.message }, findings: revision.findings }, undefined, 2)}\n`,
    )
  if (invalid && result && !json) {
    const { renderReport } = await import('../app/validate.ts')
    io.err(
      renderReport(result as Parameters<typeof renderReport>[0], 'pretty', { color: io.terminal.color, version: '' }),
    )
    io.err('Nothing was done.\n')
  } else if (!json) io.err(`roster: ${revision.message ?? 'the manifests could not be read'}\n`)
  throw new Exit(invalid ? 1 : 2)
}
