import type { LdapDirectory } from '../../api/services/ldap.ts'
import { utf8 } from './ber.ts'
import type { Entry } from './message.ts'

export type DialectName = NonNullable<LdapDirectory['dialect']>

/** What differs from one kind of server to another. */
export interface Dialect {
  readonly name: DialectName
  /** The attribute with the id that is never given to anybody else. */
  readonly idAttribute: string
  /** @returns the id in its usual spelling; undefined where there is none */
  id(entry: Entry): string | undefined
  readonly userFilter: string
  readonly groupFilter: string
  readonly login: string
  /** Attributes that `active` looks at. */
  readonly activeAttributes: readonly string[]
  active(entry: Entry): boolean
  /** Attributes with members. */
  readonly memberAttributes: readonly string[]
  /** Whether there is nobody behind a reference to elsewhere. */
  harmless(reference: string): boolean
}

/** Values longer than this, in bytes, are no names or addresses of people, and are taken for missing. */
const LONGEST = 4096

/**
 * Values of an attribute that are text, each once, in an order that does not depend on the server's, which has none.
 * @param attribute in any case
 */
export const textsOf = (entry: Entry, attribute: string): string[] => {
  const found = new Set<string>()
  for (const value of entry.attributes.get(attribute.toLowerCase()) ?? []) {
    const text = value.length <= LONGEST ? utf8(value)?.trim() : undefined
    if (text) found.add(text)
  }
  return [...found].sort()
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const openLdap: Dialect = {
  name: 'OpenLDAP',
  idAttribute: 'entryUUID',
  id: entry => {
    const id = textsOf(entry, 'entryUUID')[0]?.toLowerCase()
    return id !== undefined && UUID.test(id) ? id : undefined
  },
  userFilter: '(objectClass=inetOrgPerson)',
  groupFilter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))',
  login: 'uid',
  // By the password policy of OpenLDAP (draft-behera-ldap-password-policy), and by 389 Directory Server and FreeIPA.
  activeAttributes: ['pwdAccountLockedTime', 'nsAccountLock'],
  active: entry =>
    !textsOf(entry, 'pwdAccountLockedTime').includes('000001010000Z') &&
    !textsOf(entry, 'nsAccountLock').some(value => value.toLowerCase() === 'true'),
  memberAttributes: ['member', 'uniqueMember', 'memberUid'],
  harmless: () => false,
}

/** ACCOUNTDISABLE of userAccountControl ([MS-ADTS] section 2.2.16). */
const DISABLED = 2

const activeDirectory: Dialect = {
  name: 'ActiveDirectory',
  idAttribute: 'objectGUID',
  id: entry => {
    const [guid] = entry.attributes.get('objectguid') ?? []
    return guid ? guidText(guid) : undefined
  },
  userFilter: '(&(objectCategory=person)(objectClass=user))',
  groupFilter: '(objectClass=group)',
  login: 'sAMAccountName',
  activeAttributes: ['userAccountControl'],
  active: entry => (Number(textsOf(entry, 'userAccountControl')[0] ?? 0) & DISABLED) === 0,
  memberAttributes: ['member'],
  // Beneath the root of a domain each search points at the partitions of its name service and its configuration, where no people are.
  harmless: reference =>
    /^ldaps?:\/\/[^/]*\/(?:DC=(?:DomainDnsZones|ForestDnsZones)|CN=Configuration)(?:,|%2C)/i.test(reference),
}

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  OpenLDAP: openLdap,
  ActiveDirectory: activeDirectory,
}

/** A GUID as Active Directory keeps it ([MS-DTYP] section 2.3.4: the first three fields with the least byte first), as everybody writes it. */
export const guidText = (bytes: Buffer): string | undefined => {
  if (bytes.length !== 16) return undefined
  const field = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).reverse().toString('hex')
  return `${field(0, 4)}-${field(4, 6)}-${field(6, 8)}-${bytes.toString('hex', 8, 10)}-${bytes.toString('hex', 10)}`
}

/** A security identifier ([MS-DTYP] section 2.4.2) as text: `S-1-5-21-1-2-3-513`. */
export const sidText = (bytes: Buffer): string | undefined => {
  const count = bytes[1]
  if (count === undefined || count > 15 || bytes.length !== 8 + 4 * count) return undefined
  const parts = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(8 + 4 * index))
  return ['S', bytes.readUInt8(0), bytes.readUIntBE(2, 6), ...parts].join('-')
}
