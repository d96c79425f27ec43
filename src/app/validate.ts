import { githubReport } from '../manifests/report/github.ts'
import { jsonReport } from '../manifests/report/json.ts'
import { junitReport } from '../manifests/report/junit.ts'
import { prettyReport } from '../manifests/report/pretty.ts'
import { counts, type Report } from '../manifests/report/report.ts'
import { sarifReport } from '../manifests/report/sarif.ts'

export const REPORT_FORMATS = ['pretty', 'json', 'junit', 'sarif', 'github'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** One report as text, in the format that a person or a program asked for. */
export const renderReport = (
  report: Report,
  format: ReportFormat,
  options: { color: boolean; version: string },
): string => {
  switch (format) {
    case 'pretty':
      return prettyReport(report, { color: options.color })
    case 'json':
      return jsonReport(report)
    case 'junit':
      return junitReport(report)
    case 'sarif':
      return sarifReport(report, { version: options.version })
    case 'github':
      return githubReport(report)
  }
}

/** Whether a report has anything at or above a severity. */
export const fails = (report: Report, level: 'error' | 'warning' | 'info'): boolean => {
  const { error, warning, info } = counts(report.findings)
  return error + (level === 'error' ? 0 : warning) + (level === 'info' ? info : 0) > 0
}
