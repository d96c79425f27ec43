import { escapeJson } from '../../api/escape.ts'
import type { Report } from './report.ts'

/** For programs: one document, `{files, resources, findings}`; fields are only ever added. */
export const jsonReport = ({ files, resources, skipped, findings }: Report): string =>
  `${escapeJson(JSON.stringify({ files, resources: resources.length, skipped, findings }, null, 2))}\n`
