import { escapeText } from '../api/escape.ts'
import type { readRevision } from '../app/revision.ts'
import type { Io } from './io.ts'

/** Says beside the answer what may make it another one than was meant: no manifest in a place, or findings that stop only their own resource. */
export const remark = async (
  { revision, result }: Awaited<ReturnType<typeof readRevision>>,
  paths: readonly string[],
  io: Io,
): Promise<void> => {
  if (revision.outcome !== 'Complete') return
  if (revision.manifests.length === 0)
    io.err(`! ${escapeText(paths.join(', '))} holds no manifest: is it the right place?\n`)
  if (!revision.findings.some(({ severity }) => severity === 'error') || result === undefined) return
  const { renderReport } = await import('../app/validate.ts')
  io.err(`${renderReport(result, 'pretty', { color: io.terminal.color, version: '' })}\n`)
}
