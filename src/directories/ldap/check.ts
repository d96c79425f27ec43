import type { LdapDirectory } from '../../api/services/ldap.ts'
import type { DirectoryCheck } from '../../ports/directory.ts'
import { lackOf } from '../trouble.ts'
import { dialects, textsOf } from './dialect.ts'
import type { Entry } from './message.ts'
import { filterOf, searchEntry, searchPages } from './search.ts'
import type { Session } from './session.ts'

const PAGED = '1.2.840.113556.1.4.319'
/** Entries that are looked at. */
const SAMPLE = 10

/**
 * Tries one by one what a read needs.
 * @throws ServiceTrouble where the connection ends
 */
export const checkServer = async (session: Session, spec: LdapDirectory): Promise<DirectoryCheck> => {
  const { connection, asked } = session
  const dialect = dialects[spec.dialect ?? 'OpenLDAP']
  const rights: { held: boolean; what: string }[] = [
    { held: true, what: `encrypts the connection (${connection.protocol})` },
    { held: true, what: `lets ${asked.reader} sign in` },
  ]
  const root = await searchEntry({
    connection,
    asked,
    base: '',
    attributes: ['vendorName', 'vendorVersion', 'supportedControl', 'objectClass', 'forestFunctionality'],
  })
  if (root)
    rights.push(
      textsOf(root, 'supportedControl').includes(PAGED)
        ? { held: true, what: 'answers in pages' }
        : { held: false, what: 'does not say that it answers in pages, so its size limit may cut a read off' },
    )
  for (const [who, place, filter] of [
    ['people', spec.users, spec.users.filter ?? dialect.userFilter],
    ['groups', spec.groups, spec.groups?.filter ?? dialect.groupFilter],
  ] as const) {
    if (!place) continue
    try {
      const base = place.base
      const shown = await searchEntry({ connection, asked, base, attributes: ['1.1'] })
      if (!shown) {
        rights.push({ held: false, what: `has no ${base}, or does not show it to ${asked.reader}` })
        continue
      }
      let references = 0
      const pages = searchPages({
        connection,
        asked,
        base,
        filter: filterOf(filter),
        attributes: [dialect.idAttribute],
        pageSize: SAMPLE,
        onReference: uris => {
          if (!uris.every(uri => dialect.harmless(uri))) references++
        },
      })
      const first = await pages.next()
      const entries: readonly Entry[] = first.done ? [] : first.value
      rights.push({ held: entries.length > 0, what: `shows ${who} beneath ${base}: ${amount(entries.length)}` })
      const named = entries.filter(entry => dialect.id(entry) !== undefined).length
      if (entries.length > 0)
        rights.push({ held: named === entries.length, what: `shows the id of ${who} (${dialect.idAttribute})` })
      if (references > 0)
        rights.push({
          held: false,
          what: `has all of ${base} itself; parts are on other servers, which are not followed`,
        })
    } catch (error) {
      const lack = lackOf(error)
      if (!lack || lack.reason === 'Unreachable') throw error
      rights.push({ held: false, what: `shows ${who} beneath ${place.base}: ${lack.message}` })
    }
  }
  return { server: `${asked.server}, ${root ? vendorOf(root) : 'which does not say what it is'}`, rights }
}

const amount = (count: number): string => (count === 0 ? 'none' : count < SAMPLE ? `${count}` : `${SAMPLE} or more`)

const vendorOf = (root: Entry): string => {
  const said = ['vendorName', 'vendorVersion'].map(name => textsOf(root, name)[0]).filter(text => text !== undefined)
  if (said.length > 0) return said.join(' ').slice(0, 200)
  if (root.attributes.has('forestfunctionality')) return 'Active Directory'
  return textsOf(root, 'objectClass').includes('OpenLDAProotDSE') ? 'OpenLDAP' : 'which does not say what it is'
}
