import { PERMISSION_AREAS, PERMISSION_VERBS } from '../api/names.ts'
import { compileExpression } from '../decide/cel.ts'
import { isTimeZone } from '../decide/time.ts'
import type { Judgement } from './judgement.ts'
import type { ResourceSet } from './set.ts'
import { didYouMean } from './suggest.ts'

/** The mail texts that an organization may write. */
export type TemplateName = 'invitation' | 'accountCreated' | 'welcome' | 'licenseKeys'

/** What is wrong with a mail text: nothing, or one sentence with the place in the text where it is known (UTF-16 units from 0, one line). */
export type TemplateCheck = (text: string, name: TemplateName) => { message: string; offset?: number } | undefined

/** Texts inside of a spec that have a language of their own: expressions, permissions, time zones, mail texts. */
export function judgeSettings(set: ResourceSet, checkTemplate: TemplateCheck | undefined): void {
  for (const { manifest, judgement } of set.of('Group'))
    if (judgement) judgeExpression(judgement, manifest.spec.membersWhere, '/spec/membersWhere')
  for (const { manifest, judgement } of set.of('LicensePool'))
    if (judgement) judgeExpression(judgement, manifest.spec.selector?.expression, '/spec/selector/expression')
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
      const problem = checkTemplate?.(text, name as TemplateName)
      if (problem)
        judgement.report('invalid-template', problem.message, {
          pointer: `/spec/mail/templates/${name}`,
          ...(problem.offset === undefined ? {} : { offset: problem.offset }),
        })
    }
  }
}

function judgeExpression(judgement: Judgement, text: string | undefined, pointer: string): void {
  const problem = text === undefined ? undefined : compileExpression(text).problem
  if (problem) judgement.report('invalid-expression', problem.message, { pointer, offset: problem.offset })
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
