import { boolCoreTag, floatCoreTag, intCoreTag, NOT_RESOLVED, nullCoreTag } from 'js-yaml'

/** What a plain (unquoted) scalar is under the core schema of YAML 1.2. Dates stay text. */
export function resolvePlain(text: string): string | number | boolean | null {
  if (text.length > 0 && !MAYBE_TYPED.test(text)) return text
  for (const tag of TAGS) {
    const value = tag.resolve(text, false, tag.tagName)
    if (value !== NOT_RESOLVED) return value
  }
  return text
}
const TAGS = [nullCoreTag, boolCoreTag, intCoreTag, floatCoreTag]
/** How anything but text can begin. */
const MAYBE_TYPED = /^[-+.0-9~nNtTfF]/

/**
 * Why `kubectl`, whose YAML is 1.1, reads a plain scalar otherwise than we do, or undefined.
 * `different` is set where the value we read is another one, and not only another type.
 */
export function ambiguity(text: string): { reads: string; different: boolean } | undefined {
  if (text.length > 40) return undefined
  if (BOOLEAN_11.test(text)) return { reads: 'true or false', different: false }
  if (LEADING_ZERO.test(text)) return { reads: 'an octal number', different: true }
  if (NUMBER_11.test(text)) return { reads: 'a number', different: false }
  return undefined
}
/** https://yaml.org/type/bool.html, without the words that both versions know. */
const BOOLEAN_11 = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/
const LEADING_ZERO = /^[-+]?0[0-9]+$/
/** https://yaml.org/type/int.html and float.html: digits in groups, and binary numbers. */
const NUMBER_11 = /^[-+]?(?:0b[01_]+|[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?)$/
