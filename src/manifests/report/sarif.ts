import { escapeText } from '../../api/escape.ts'
import { FINDING_RULES, type Severity } from '../finding.ts'
import type { Report } from './report.ts'

const LEVELS: Record<Severity, 'error' | 'warning' | 'note'> = { error: 'error', warning: 'warning', info: 'note' }

/** SARIF 2.1.0 (OASIS), as code scanning reads it. Files are relative to where the command was called. */
export function sarifReport({ findings }: Report, options: { version: string }): string {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort()
  return `${JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'roster',
              version: options.version,
              rules: rules.map(id => ({ id, shortDescription: { text: FINDING_RULES[id].says } })),
            },
          },
          columnKind: 'utf16CodeUnits',
          results: findings.map(({ severity, rule, message, file, line, column, kind, name, path }) => ({
            ruleId: rule,
            ruleIndex: rules.indexOf(rule),
            level: LEVELS[severity],
            message: { text: escapeText(message) },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: uri(file) },
                  region: { startLine: line, startColumn: column },
                },
                ...(kind && name
                  ? { logicalLocations: [{ fullyQualifiedName: escapeText(`${kind}/${name}${path ?? ''}`) }] }
                  : {}),
              },
            ],
          })),
        },
      ],
    },
    null,
    2,
  )}\n`
}

/** A relative reference (RFC 3986 section 4.2), or a file URI for an absolute path. */
const uri = (file: string): string => {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return path.startsWith('/') ? `file://${path}` : path
}
