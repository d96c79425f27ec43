import { Command, type Option } from 'commander'
import { SCHEMAS } from '../api/generated/schemas.ts'
import { KINDS, type Kind } from '../api/names.ts'
import type { SchemaNode } from '../api/schemanode.ts'
import type { Io } from './io.ts'
import { kindOf } from './kinds.ts'
import type { HomeFlag } from './options.ts'
import { VERBS } from './verbs.ts'

const RESOURCE_VERBS = new Set(['get', 'describe', 'wait', 'delete', 'pause', 'resume', 'reconcile', 'events'])
const PERSON_VERBS = new Set(['why', 'can', 'sign-in-link', 'revoke', 'resend'])
const FLAG_KINDS: Record<string, Kind> = {
  '--org': 'Organization',
  '--in': 'Organization',
  '--organization': 'Organization',
  '--roles': 'Role',
  '--user': 'User',
  '--source': 'Source',
}

/**
 * What may stand at the last of the words after `roster`, one a line; nothing where a file may, or where nothing is known.
 * Called at each press of a key, so whatever goes wrong is silence.
 */
export const complete = async (words: readonly string[], io: Io): Promise<void> => {
  const current = words.at(-1) ?? ''
  const found = await candidates(words, io).catch(() => [])
  io.out(
    [...new Set(found)]
      .filter(one => one.startsWith(current))
      .map(one => `${one}\n`)
      .join(''),
  )
}

const candidates = async (words: readonly string[], io: Io): Promise<string[]> => {
  const [name = '', ...rest] = words
  if (words.length <= 1) return [...VERBS.map(verb => verb.name), 'help']
  if (name === 'help') return words.length === 2 ? VERBS.map(verb => verb.name) : []
  const entry = VERBS.find(verb => verb.name === name)
  if (!entry) return []
  const command = new Command(name)
  ;(await entry.load()).verb(command, io)
  const current = rest.at(-1) ?? ''
  const before = rest.at(-2) ?? ''
  if (current.startsWith('-')) return [...command.options.flatMap(option => option.long ?? []), '--help']

  const names = (kind: Kind): Promise<string[]> => namesOf(kind, rest, io)
  const option = command.options.find(one => isFlag(one, before))
  if (option && (option.required || option.optional)) {
    const kind = FLAG_KINDS[option.long ?? '']
    if (kind) return names(kind)
    return option.long === '--output' ? option.description.split(', ') : []
  }
  const operands = operandsOf(rest.slice(0, -1), command)
  if (name === 'completion') return ['bash', 'zsh', 'fish', 'powershell']
  if (name === 'explain') return operands.length === 0 ? fields(current) : []
  if (name === 'new' || name === 'schemas')
    return operands.length === 0 ? KINDS.filter(kind => !SCHEMAS[kind].record).map(kind => kind.toLowerCase()) : []
  if (RESOURCE_VERBS.has(name)) {
    const slash = current.indexOf('/')
    if (operands.length === 0 && slash > 0)
      return (await names(kindOf(current.slice(0, slash)))).map(one => `${current.slice(0, slash)}/${one}`)
    if (operands.length === 0) return KINDS.map(kind => SCHEMAS[kind].plural)
    return operands[0]?.includes('/') ? [] : names(kindOf(operands[0] ?? ''))
  }
  if (PERSON_VERBS.has(name)) {
    if (operands.length === 0) return names('User')
    if (name === 'revoke' || (name === 'why' && operands.length === 1)) return names('Role')
  }
  return []
}

/** Words that are neither flags nor their values. */
const operandsOf = (words: readonly string[], command: Command): string[] => {
  const operands: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (!word.startsWith('-')) operands.push(word)
    else if (!word.includes('=') && command.options.some(option => isFlag(option, word) && option.required)) at++
  }
  return operands
}

/** `user.memberships.` → its fields. */
const fields = (current: string): string[] => {
  const path = current.split('.')
  if (path.length === 1) return KINDS.map(kind => kind.toLowerCase())
  const base = path.slice(0, -1)
  let node: SchemaNode | undefined = SCHEMAS[kindOf(base[0] ?? '')].spec
  for (const field of base.slice(1)) node = (node?.items ?? node)?.properties?.[field]
  return Object.keys((node?.items ?? node)?.properties ?? {}).map(field => [...base, field].join('.'))
}

const namesOf = async (kind: Kind, words: readonly string[], io: Io): Promise<string[]> => {
  const [{ openRealm }, { HOME_FLAGS, realmOptions }] = await Promise.all([
    import('../app/openrealm.ts'),
    import('./options.ts'),
  ])
  await using realm = await openRealm(realmOptions(flagsOf(words, HOME_FLAGS), io))
  return (await realm.store.list(kind)).items.map(({ metadata }) => metadata.name)
}

/** What these flags say among the words; a switch says yes. */
const flagsOf = (words: readonly string[], flags: readonly HomeFlag[]): Record<string, unknown> => {
  const found: Record<string, unknown> = {}
  for (const { long, short, key, takesValue } of flags)
    for (const [at, word] of words.entries()) {
      if (word.startsWith(`${long}=`)) found[key] = word.slice(long.length + 1)
      else if (word === long || word === short) found[key] = takesValue ? words[at + 1] : true
    }
  return found
}

const isFlag = (option: Option, word: string): boolean => option.long === word || option.short === word
