import { counted, people } from '../api/counted.ts'
import type { Directory } from '../api/directory.ts'
import { escapeText } from '../api/escape.ts'
import type { Checked } from '../app/checking.ts'
import { line } from './output.ts'

/** What a read that was asked for came to. */
export const syncText = ({ metadata, status }: Directory): string => {
  const { outcome, users = 0, groups = 0, created = 0, updated = 0, removed = 0, unusable = 0 } = status?.lastSync ?? {}
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const lines = [
    `directory/${metadata.name}: ${outcome === 'Complete' ? 'everything was read' : `${outcome?.toLowerCase()}: ${ready?.message ?? ''}`}`,
    `  there    ${people(users)}, ${counted(groups, 'group')}`,
    `  changes  ${created} new, ${updated} changed, ${removed} gone`,
    ...(unusable > 0 ? [`  unusable ${unusable}; roster get directoryrecords -o yaml says why`] : []),
    ...(status?.people ? [`  of them  ${standings(status.people)}`] : []),
  ]
  return lines.map(line).join('')
}

/** What was found when connecting from here. */
export const checkText = ({ directory, connection, capabilities, read, people: found, samples }: Checked): string => {
  const { name } = directory.metadata
  if ('outcome' in connection)
    return [`directory/${name} cannot be used: ${connection.reason}`, `  ${escapeText(connection.message)}`]
      .map(line)
      .join('')
  const can = [
    'people',
    ...(capabilities.groups ? [capabilities.nestedGroups ? 'groups in groups' : 'groups'] : []),
    ...(capabilities.disabled ? ['disabled accounts'] : []),
  ]
  const lines = [
    `directory/${name}: ${escapeText(connection.server)}`,
    ...connection.rights.map(({ held, what }) => `  ${held ? '✓' : '✗'} ${escapeText(what)}`),
    `  reads    ${can.join(', ')}`,
  ]
  if (read) {
    const ended = read.outcome === 'Complete' ? 'everything was read' : `${read.outcome}: ${escapeText(read.message)}`
    lines.push(
      `  there    ${people(read.users)}, ${counted(read.groups, 'group')}; ${ended}, in ${counted(read.requests, 'request')}`,
      `  of them  ${standings(found)}`,
    )
    for (const { id, email, displayName, givenName, familyName, login, standing, active, relation } of samples)
      lines.push(
        `  such as  ${[id, displayName ?? ([givenName, familyName].filter(Boolean).join(' ') || login), email].flatMap(text => (text === undefined ? [] : [escapeText(text)])).join(', ')} (${[WORDS[standing], ...(relation ? RELATION_WORDS[relation] : active ? [] : ['disabled'])].join(', ')})`,
      )
    lines.push(
      found.imported === undefined
        ? '  policy   Observe: nobody is given or loses anything'
        : `  policy   Import: ${counted(found.imported, 'of them belongs', 'of them belong')} to ${directory.spec.organization} by it, or would; roster plan says what changes`,
    )
  }
  return lines.map(line).join('')
}

const WORDS = {
  declared: 'declared',
  suspected: 'looks like somebody declared',
  unknown: 'not declared',
  external: 'not declared, outside of the domains',
  withoutAddress: 'without a usable address',
} as const

const RELATION_WORDS = {
  Owner: ['owner'],
  Member: [],
  OutsideCollaborator: ['outside collaborator'],
  Invited: ['invited, has not joined'],
  InvitationFailed: ['invitation failed'],
} as const

const standings = (found: Checked['people']): string =>
  [
    `${found.declared} declared`,
    ...(found.suspected ? [`${found.suspected} who look like somebody declared (roster duplicates)`] : []),
    `${found.unknown} not declared`,
    ...(found.external > 0 ? [`${found.external} not declared and outside of the domains of the organization`] : []),
    ...(found.withoutAddress > 0 ? [`${found.withoutAddress} without a usable address`] : []),
    ...(found.disabled > 0 ? [`${found.disabled} disabled`] : []),
    ...(found.invited ? [`${found.invited} invited who have not joined`] : []),
  ].join(', ')
