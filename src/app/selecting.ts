import type { AnyResource } from '../api/kinds.ts'
import type { Kind } from '../api/names.ts'
import { normalizeAddress } from '../decide/address.ts'
import type { ResourceStore } from '../store/store.ts'
import { SettingsError } from './settings.ts'

/** `-l app=x,team!=y,!old,zone` (Kubernetes label selectors, the equality part). @throws SettingsError */
export const labelSelector = (text: string): ((labels: Readonly<Record<string, string>>) => boolean) => {
  const tests = text.split(',').map(part => {
    const match = /^(!?)([A-Za-z0-9._/-]+)(?:(==?|!=)([A-Za-z0-9._-]*))?$/.exec(part.trim())
    if (!match || (match[1] && match[3]))
      throw new SettingsError(`${JSON.stringify(part)} is no label selector; write key=value, key!=value, key or !key`)
    const [, not, key = '', operator, value] = match
    return (labels: Readonly<Record<string, string>>): boolean => {
      const has = Object.hasOwn(labels, key)
      if (operator === undefined) return has !== (not === '!')
      return operator === '!=' ? labels[key] !== value : labels[key] === value
    }
  })
  return labels => tests.every(test => test(labels))
}

/** `--field-selector spec.organization=acme,status.state!=Active`: any scalar field. @throws SettingsError */
export const fieldSelector = (text: string): ((object: AnyResource) => boolean) => {
  const tests = text.split(',').map(part => {
    const match = /^([A-Za-z][\w.]*?)(==?|!=)(.*)$/.exec(part.trim())
    if (!match)
      throw new SettingsError(
        `${JSON.stringify(part)} is no field selector; write path=value or path!=value, such as status.state=Invited`,
      )
    const [, path = '', operator, value] = match
    return (object: AnyResource): boolean => {
      const found = path
        .split('.')
        .reduce<unknown>(
          (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
          object,
        )
      return (String(found ?? '') === value) === (operator !== '!=')
    }
  })
  return object => tests.every(test => test(object))
}

/** One object by name; a User and an Invitation also by address. */
export const findObject = async (store: ResourceStore, kind: Kind, name: string): Promise<AnyResource | undefined> => {
  const found = await store.get(kind, name)
  if (found || !name.includes('@')) return found
  const address = normalizeAddress(name)
  if (kind === 'User')
    return (await store.list('User')).items.find(({ spec }) =>
      [spec.email, ...(spec.aliases ?? [])].some(one => normalizeAddress(one) === address),
    )
  if (kind === 'Invitation')
    return (await store.list('Invitation')).items.find(({ spec }) => normalizeAddress(spec.email) === address)
  if (kind === 'Account') return (await store.list('Account')).items.find(({ spec }) => spec.address === address)
  return undefined
}
