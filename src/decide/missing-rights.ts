import type { Right } from '../api/right.ts'

/** Which rights are missing and what to do, for people. Undefined when none is. */
export const missingRightsText = (missing: readonly Right[]): string | undefined => {
  if (missing.length === 0) return undefined
  const groups = Map.groupBy(missing, ({ verb, group, namespace }) => [verb, group, namespace].join(' '))
  return [...groups.values()].map(textOf).join('. ')
}

const textOf = (rights: readonly Right[]): string => {
  const [{ verb, group, namespace } = { verb: '', group: '', namespace: '' }] = rights
  const what = [...new Set(rights.map(whatOf))].toSorted().join(', ')
  const of = group === '' ? '' : ` of ${group}`
  return `the right to ${verb} ${what}${of} in the namespace ${namespace} is missing; give it to Roster's Role there`
}

const whatOf = ({ resource, name }: Right): string => (name === undefined ? resource : `${resource} ${name}`)
