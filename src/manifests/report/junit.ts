import { escapeText } from '../../api/escape.ts'
import type { Finding } from '../finding.ts'
import { counts, type Report } from './report.ts'

/** JUnit's XML, as CI systems read it: one test suite a file with findings, one test case a finding; warnings are passed cases with an output. */
export function junitReport({ findings, files }: Report): string {
  const byFile = Map.groupBy(findings, ({ file }) => file)
  const suites = [...byFile].map(([file, found]) => suite(file, found.map(testCase), found))
  if (suites.length === 0)
    suites.push(suite('manifests', [`    <testcase name="${files} files are valid" classname="manifests"/>`], []))
  const { error } = counts(findings)
  const tests = Math.max(1, findings.length)
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="roster validate" tests="${tests}" failures="${error}" errors="0">\n${suites.join('\n')}\n</testsuites>\n`
}

const suite = (name: string, cases: string[], findings: readonly Finding[]): string =>
  `  <testsuite name="${xml(name)}" tests="${cases.length}" failures="${counts(findings).error}" errors="0">\n${cases.join('\n')}\n  </testsuite>`

function testCase({ severity, rule, message, file, line, column }: Finding): string {
  const place = `${file}:${line}:${column}`
  const inner =
    severity === 'error'
      ? `<failure type="${rule}" message="${xml(message)}">${xml(`${place}: ${message} [${rule}]`)}</failure>`
      : `<system-out>${xml(`${place}: ${severity}: ${message} [${rule}]`)}</system-out>`
  return `    <testcase name="${xml(`${rule} at ${line}:${column}`)}" classname="${xml(file)}" file="${xml(file)}" line="${line}">${inner}</testcase>`
}

/** Controls, which XML 1.0 cannot hold, are made visible first. */
const xml = (text: string): string =>
  escapeText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
