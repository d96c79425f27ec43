import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Policy as validate } from '../api/generated/policies.js'
import policySchema from '../api/generated/policy.json' with { type: 'json' }
import type { PolicySpec } from '../api/policy.ts'
import type { SchemaNode } from '../api/schemanode.ts'
import type { Policy } from '../decide/authority.ts'
import { permissionProblem } from '../decide/permissions.ts'
import { Judgement } from '../manifests/judgement.ts'
import { yamlOrigin } from '../manifests/origin.ts'
import { reportSchemaErrors } from '../manifests/wording.ts'
import { readYaml } from '../manifests/yaml.ts'

const SCHEMA = policySchema as unknown as SchemaNode

/**
 * Reads the policy file of the controller.
 * @returns what is wrong, as `file:line:column: …`, one a line
 */
export const readPolicy = (file: string): Policy | { problem: string } => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { problem: `policy file ${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}` }
  }
  const chunk = { start: 0, end: text.length }
  const documents = readYaml(text)
  const [document] = documents
  const origin = yamlOrigin({ file, text }, chunk, 0, document?.start ?? 0, '')
  const judgement = new Judgement(origin)
  for (const { rule, message, severity, offset } of documents.flatMap(({ problems }) => problems))
    judgement.reportAt(rule, message, severity, placeOf(text, offset))
  const value = document?.value
  if (documents.length > 1) judgement.report('not-a-manifest', 'a policy file holds one document')
  if (!judgement.failed && !validate(value))
    reportSchemaErrors(judgement, 'Policy', SCHEMA, value, validate.errors ?? [], '')
  const { rules = [] } = (judgement.failed ? {} : value) as Partial<PolicySpec>
  for (const [index, { may }] of rules.entries())
    for (const [at, permission] of (may.permissions ?? []).entries()) {
      const problem = permissionProblem(permission)
      if (problem !== undefined)
        judgement.report('unknown-permission', problem, `/rules/${index}/may/permissions/${at}`)
    }
  const wrong = judgement.findings().filter(({ severity }) => severity === 'error')
  if (wrong.length > 0)
    return { problem: wrong.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n') }
  return {
    file,
    rules: rules.map((rule, index) => ({ ...rule, place: `${basename(file)}:${origin.at(`/rules/${index}`).line}` })),
  }
}

const placeOf = (text: string, offset: number): { line: number; column: number } => {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
