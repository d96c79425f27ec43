import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Document, isMap, isSeq, visit } from 'yaml'
import { SCHEMAS } from '../../api/generated/schemas.ts'
import { API_VERSION, type Kind, RECORD_KINDS } from '../../api/names.ts'
import { readArguments } from '../../app/reading.ts'
import { withExamples } from '../examples.ts'
import { kindOf } from '../kinds.ts'
import { line } from '../output.ts'
import { modeline, writeNew } from '../scaffold.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    command,
    ['new user alice@acme.example --org acme --roles editor', 'writes users/alice.yaml'],
    ['new role viewer --org acme', 'writes roles/viewer.yaml'],
    ['new pool suite --org acme --product "CloudHub" --seats 10', 'writes licensepools/suite.yaml'],
  )
    .argument('<kind>', 'a declared kind: user, role, group, organization, invitation, licensepool, source, directory')
    .argument('<name>', 'its name; for a person an address does')
    .option('--org <organization>', 'the organization it belongs to')
    .option('--roles <roles>', 'roles, separated by commas')
    .option('--given-name <name>', 'of a person')
    .option('--family-name <name>', 'of a person')
    .option('--locale <tag>', 'of a person: de, en-GB')
    .option('--product <name>', 'of a pool')
    .option('--seats <number>', 'of a pool')
    .option('--file <path>', 'of a directory: an export beneath --directory-files')
    .option('--url <url>', 'of a directory: ldaps://HOST, https://HOST/scim/v2, or https://HOST with --realm')
    .option('--realm <name>', 'of a directory: a realm of Keycloak at --url')
    .option('--github <organization>', 'of a directory: an organization on GitHub')
    .option('--dir <folder>', 'the repository', '.')
    .option('--stdout', 'print it; write nothing')
    .addHelpText('after', '\nNever overwrites a file.')
    .action(async (what: string, called: string, flags: Record<string, unknown>) => {
      const kind = kindOf(what)
      if ((RECORD_KINDS as readonly Kind[]).includes(kind))
        throw new UsageError(`a ${kind} is a record: only Roster writes it`)
      const name = nameOf(called)
      const folder = resolve(io.cwd, String(flags['dir']))
      const path = `${SCHEMAS[kind].plural}/${name}.yaml`
      const manifest = { apiVersion: API_VERSION, kind, metadata: { name }, spec: specOf(kind, name, called, flags) }
      const body = yamlOf(manifest)
      const text = `${existsSync(join(folder, '.schemas')) ? modeline(kind, '../') : ''}${body}`
      const { findings } = await readArguments(
        { paths: ['-'], cwd: io.cwd, stdin: async () => body },
        { tables: [] },
        { references: false },
      )
      const [wrong] = findings.filter(({ severity }) => severity === 'error')
      if (wrong) throw new UsageError(wrong.message)
      if (flags['stdout'] === true) {
        io.out(text)
        return
      }
      writeNew(folder, { [path]: text })
      io.out(line(join(String(flags['dir']), path)))
      io.err('Check it with roster validate, and see what it would do with roster plan.\n')
    })
}

/** As people write it: short lists and memberships on one line. */
const yamlOf = (manifest: unknown): string => {
  const document = new Document(manifest)
  visit(document, {
    Collection: (_, node, path) => {
      const plain = isSeq(node) && !node.items.some(item => isMap(item) || isSeq(item))
      if (plain || (isMap(node) && isSeq(path.at(-1)))) node.flow = true
    },
  })
  return document.toString({ lineWidth: 120, flowCollectionPadding: false })
}

/** `Alice.Smith@acme.example` → `alice.smith`. */
const nameOf = (called: string): string =>
  called.includes('@')
    ? (called.split('@')[0] ?? '')
        .toLowerCase()
        .replace(/[^a-z0-9.]+/g, '-')
        .replace(/^[-.]+|[-.]+$/g, '')
        .replace(/\.+/g, '.') || 'person'
    : called

/** What a directory reads; what cannot be known is a guess to be looked at. */
const serviceOf = (
  name: string,
  { file, url, realm, github }: Record<'file' | 'url' | 'realm' | 'github', string | undefined>,
): Record<string, unknown> => {
  const said = [file, url, github].filter(where => where !== undefined)
  if (said.length === 1 && realm === undefined) {
    if (file !== undefined) return { type: 'File', file: { path: file, columns: { id: 'id', email: 'email' } } }
    if (github !== undefined)
      return { type: 'GitHub', github: { organization: github, tokenSecretRef: { name, key: 'token' } } }
  }
  const place = url !== undefined && said.length === 1 && URL.canParse(url) ? new URL(url) : undefined
  const web = place !== undefined && /^https?:$/.test(place.protocol)
  if (web && realm === undefined && /\/scim\b/i.test(place.pathname))
    return { type: 'SCIM', scim: { url, tokenSecretRef: { name, key: 'token' }, groups: {} } }
  if (!place || (web && realm === undefined))
    throw new UsageError(
      'say where a directory reads: --file PATH, --url ldaps://HOST, --url https://HOST/scim/v2, --url https://HOST --realm NAME, or --github ORGANIZATION',
    )
  if (realm !== undefined) {
    const clientSecretRef = { name, key: 'clientSecret' }
    return { type: 'Keycloak', keycloak: { url, realm, clientId: 'roster', clientSecretRef } }
  }
  const base = place.hostname
    .split('.')
    .slice(1)
    .map(label => `dc=${label}`)
    .join(',')
  const beneath = (folder: string) => ({ base: [`ou=${folder}`, base].filter(Boolean).join(',') })
  return { type: 'LDAP', ldap: { url, users: beneath('people'), groups: beneath('groups') } }
}

const specOf = (kind: Kind, name: string, called: string, flags: Record<string, unknown>): Record<string, unknown> => {
  const text = (key: string): string | undefined => flags[key] as string | undefined
  const organization = text('org')
  const roles = text('roles')
    ?.split(',')
    .map(role => role.trim())
    .filter(role => role !== '')
  const within = (): { organization: string } => {
    if (organization === undefined) throw new UsageError(`a ${kind} belongs to an organization; say --org NAME`)
    return { organization }
  }
  const address = (): string => {
    if (!called.includes('@')) throw new UsageError(`give the address of the person, such as ${called}@acme.example`)
    return called
  }
  const person = {
    ...(text('givenName') !== undefined && { givenName: text('givenName') }),
    ...(text('familyName') !== undefined && { familyName: text('familyName') }),
    ...(text('locale') !== undefined && { locale: text('locale') }),
  }
  switch (kind) {
    case 'User':
      return {
        email: address(),
        ...person,
        ...(organization !== undefined && { memberships: [{ organization, ...(roles && { roles }) }] }),
      }
    case 'Directory':
      return {
        ...within(),
        ...serviceOf(name, { file: text('file'), url: text('url'), realm: text('realm'), github: text('github') }),
        policy: 'Observe',
      }
    case 'Invitation':
      return {
        email: address(),
        ...within(),
        ...(roles && { roles }),
        ...(text('givenName') !== undefined && { givenName: text('givenName') }),
        ...(text('locale') !== undefined && { locale: text('locale') }),
      }
    case 'Organization':
      return { displayName: name }
    case 'Role':
      return { ...within(), allow: [] }
    case 'Group':
      return { ...within(), members: [], ...(roles && { roles }) }
    case 'LicensePool':
      return {
        ...within(),
        product: text('product') ?? name,
        seats: Number(text('seats') ?? 0),
        ...(roles && { selector: { roles } }),
      }
    case 'Source':
      return { folder: { path: '.' } }
    default:
      throw new UsageError(`a ${kind} cannot be made so`)
  }
}
