import type { ApplyResult } from '../app/apply.ts'
import { when } from '../app/when.ts'

/** What time alone will bring about, in words: `the membership of dan in acme ends Wed 1 Jan 2031, 00:00 CET`. */
export const laterText = (
  { action, target, name, organization = '', fields, time }: ApplyResult['later'][number],
  timeZone?: string,
): string => {
  const at = when(time, timeZone)
  if (target === 'mail') return `the invitation of ${String(fields['to'])} goes ${at}`
  if (target === 'seat') return `a seat of ${String(fields['pool'])}, which ${name} had, becomes free ${at}`
  return `the membership of ${name} in ${organization} ${action === 'end' ? 'ends' : 'begins'} ${at}`
}
