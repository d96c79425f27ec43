import { createColors } from 'picocolors'
import { counted } from '../../api/counted.ts'
import { escapeLines, escapeText } from '../../api/escape.ts'
import type { Finding } from '../finding.ts'
import { counts, type Report } from './report.ts'

/** For people: place, message and rule, the line in question and a caret below, and a summary. Nothing of the input reaches the terminal unescaped. */
export function prettyReport(report: Report, options: { color?: boolean } = {}): string {
  const colors = createColors(options.color ?? false)
  const mark = { error: colors.red, warning: colors.yellow, info: colors.cyan }
  const one = (finding: Finding): string => {
    const { severity, rule, message, file, line, column } = finding
    const head = `${colors.bold(`${escapeText(file)}:${line}:${column}`)}: ${mark[severity](severity)}: ${escapeLines(message)} ${colors.dim(`[${rule}]`)}`
    const excerpt = excerptOf(report.line(file, line), column)
    return excerpt
      ? `${head}\n  ${colors.dim(excerpt.text)}\n  ${' '.repeat(excerpt.caret)}${mark[severity]('^')}`
      : head
  }
  return [...report.findings.map(one), summary(report)].map(text => `${text}\n`).join('')
}

function summary({ findings, files, resources, skipped }: Report): string {
  const { error, warning, info } = counts(findings)
  const found = [
    error && counted(error, 'error'),
    warning && counted(warning, 'warning'),
    info && counted(info, 'note'),
  ].filter(text => text !== 0)
  const others = skipped > 0 ? `, ${counted(skipped, 'object')} of other API groups skipped` : ''
  if (files === 0 && findings.length === 0)
    return '0 resources in 0 files: nothing to check here; manifests are files that end in .yaml, .yml, .json or .csv'
  return `${counted(resources.length, 'resource')} in ${counted(files, 'file')}${others}: ${found.join(', ') || 'all valid'}`
}

const WIDTH = 120

/** Credentials in a URL. Reports end up in the logs of builds. */
const CREDENTIALS = /(?<=https?:\/\/)[^/\s@]+(?=@)|(?<=:\/\/[^/\s@:]*:)[^/\s@]+(?=@)/gi

/** The line around a column, escaped, and how many characters stand before that column in it. */
function excerptOf(found: string | undefined, column: number): { text: string; caret: number } | undefined {
  if (found === undefined || found.trim() === '') return undefined
  const line = found.replace(CREDENTIALS, hidden => '*'.repeat(hidden.length))
  const at = Math.min(column - 1, line.length)
  const start = at < WIDTH - 20 ? 0 : at - 40
  const before = shown(line.slice(start, at))
  const text = before + shown(line.slice(at, start + WIDTH))
  const cut = start > 0 ? '…' : ''
  return { text: `${cut}${text}${start + WIDTH < line.length ? '…' : ''}`, caret: cut.length + before.length }
}

const shown = (text: string): string => escapeText(text.replaceAll('\t', ' '))
