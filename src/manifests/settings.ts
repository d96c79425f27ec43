import { PERMISSION_AREAS, PERMISSION_VERBS } from '../api/names.ts'
import { compileExpression, compileFilter, compileMapping, type ExpressionProblem } from '../decide/cel.ts'
import { isTimeZone } from '../decide/time.ts'
import type { Judgement } from './judgement.ts'
import type { ResourceSet } from './set.ts'
import { didYouMean } from './suggest.ts'
import type { Position } from './text.ts'

/** The mail texts that an organization may write. */
export type TemplateName = 'invitation' | 'accountCreated' | 'welcome' | 'licenseKeys'

/** Everything that is wrong with a mail text; line and column inside of it, from 1. */
export type TemplateCheck = (name: TemplateName, text: string) => readonly ({ message: string } & Position)[]

/** Texts inside of a spec that have a language of their own: expressions, permissions, time zones, mail texts. */
export function judgeSettings(set: ResourceSet, checkTemplate: TemplateCheck | undefined): void {
  for (const { manifest, judgement } of set.of('Group'))
    if (judgement) judgeExpression(judgement, manifest.spec.membersWhere, '/spec/membersWhere')
  for (const { manifest, judgement } of set.of('LicensePool'))
    if (judgement) judgeExpression(judgement, manifest.spec.selector?.expression, '/spec/selector/expression')
  for (const { manifest, judgement } of set.of('Directory')) {
    if (!judgement) continue
    const { filter, mapping } = manifest.spec.import ?? {}
    judgeExpression(judgement, filter, '/spec/import/filter', compileFilter)
    for (const [field, text] of Object.entries(mapping ?? {}))
      judgeExpression(judgement, text, `/spec/import/mapping/${field}`, compileMapping)
  }
  for (const { manifest, judgement } of set.of('Role')) {
    if (!judgement) continue
    for (const field of ['allow', 'deny'] as const)
      for (const [index, permission] of (manifest.spec[field] ?? []).entries())
        judgePermission(judgement, permission, `/spec/${field}/${index}`)
  }
  for (const { manifest, judgement } of set.of('Organization')) {
    if (!judgement) continue
    const { timeZone, mail } = manifest.spec
    if (timeZone !== undefined && !isTimeZone(timeZone))
      judgement.report(
        'unknown-time-zone',
        `there is no time zone ${JSON.stringify(timeZone)}${didYouMean(timeZone, Intl.supportedValuesOf('timeZone'))}`,
        '/spec/timeZone',
      )
    for (const [name, text] of Object.entries(mail?.templates ?? {})) {
      for (const { message, line, column } of checkTemplate?.(name as TemplateName, text) ?? [])
        judgement.report('invalid-template', message, {
          pointer: `/spec/mail/templates/${name}`,
          inside: { line, column },
        })
    }
  }
}

function judgeExpression(
  judgement: Judgement,
  text: string | undefined,
  pointer: string,
  compile: (text: string) => { problem: ExpressionProblem | undefined } = compileExpression,
): void {
  const problem = text === undefined ? undefined : compile(text).problem
  if (text === undefined || problem === undefined) return
  const lines = text.slice(0, problem.offset).split('\n')
  const inside = { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
  judgement.report('invalid-expression', problem.message, { pointer, inside })
}

/** Our own areas are a closed table; every other area is the customer's. */
function judgePermission(judgement: Judgement, permission: string, pointer: string): void {
  const [area = '', verb = ''] = permission.split(':')
  if (
    !(PERMISSION_AREAS as readonly string[]).includes(area) ||
    verb === '*' ||
    (PERMISSION_VERBS as readonly string[]).includes(verb)
  )
    return
  judgement.report(
    'unknown-permission',
    `${JSON.stringify(permission)}: ${area} has no verb ${JSON.stringify(verb)}${didYouMean(verb, PERMISSION_VERBS)}`,
    pointer,
  )
}
