import { escapeText } from '../../api/escape.ts'
import type { Severity } from '../finding.ts'
import type { Report } from './report.ts'

const COMMANDS: Record<Severity, string> = { error: 'error', warning: 'warning', info: 'notice' }

/** Workflow commands of GitHub Actions, which become annotations in the diff (GitHub, "Workflow commands": setting an error message). */
export const githubReport = ({ findings }: Report): string =>
  findings
    .map(({ severity, rule, message, file, line, column }) => {
      const properties = { file: escapeText(file), line: String(line), col: String(column), title: rule }
      const list = Object.entries(properties).map(([name, value]) => `${name}=${property(value)}`)
      return `::${COMMANDS[severity]} ${list.join(',')}::${data(escapeText(message))}\n`
    })
    .join('')

/** No text of an input may end the command or begin another one. */
const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
