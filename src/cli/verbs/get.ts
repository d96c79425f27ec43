import { DECLARED_KINDS, KINDS, type Kind } from '../../api/names.ts'
import { columnsOf } from '../../app/columns.ts'
import { openRealm } from '../../app/openrealm.ts'
import type { Realm } from '../../app/realm.ts'
import { fieldSelector, findObject, labelSelector } from '../../app/selecting.ts'
import { withheld } from '../../app/withheld.ts'
import { withExamples } from '../examples.ts'
import type { Io } from '../io.ts'
import { kindOf, missingText } from '../kinds.ts'
import { formatOf, realmOptions, withSettings } from '../options.ts'
import { age, document, FORMATS, type Format, jsonLine, line, table } from '../output.ts'
import { Exit, UsageError, type Verb } from '../verb.ts'

type Resource = NonNullable<Awaited<ReturnType<typeof findObject>>>

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['get users -l team=platform', 'people with a label'],
    ['get invitations --field-selector status.state=Expired', 'links that nobody used in time'],
    ['get user alice@acme.example -o yaml', 'one person, by address'],
  )
    .argument('<kind>', 'a kind, KIND/NAME, or all; plural and short names too')
    .argument('[name...]', 'names, or addresses of people')
    .option('-l, --selector <selector>', 'by labels: team=platform,!old')
    .option('--field-selector <selector>', 'by fields: spec.organization=acme,status.state!=Active')
    .option('-w, --watch', 'go on printing what changes')
    .option('--no-headers', 'no heads')
    .option('-o, --output <format>', FORMATS.join(', '))
    .addHelpText('after', '\nExit code 1: a named resource does not exist.')
    .action(async (what: string, names: string[], flags: Record<string, unknown>) => {
      const format = formatOf(flags['output'], FORMATS, 'table')
      const slash = what.indexOf('/')
      const kinds: readonly Kind[] =
        what === 'all' || what === 'roster' ? DECLARED_KINDS : [kindOf(slash > 0 ? what.slice(0, slash) : what)]
      const wanted = slash > 0 ? [what.slice(slash + 1), ...names] : names
      if (wanted.length > 0 && kinds.length > 1) throw new UsageError('names need one kind')
      const fits = selecting(flags)
      await using realm = await openRealm(realmOptions(flags, io))
      const missing: string[] = []
      const objects: Resource[] = []
      for (const kind of kinds)
        if (wanted.length === 0) objects.push(...(await realm.store.list(kind)).items.filter(fits))
        else
          for (const name of wanted) {
            const found = await findObject(realm.store, kind, name)
            if (found) objects.push(found)
            else missing.push(await missingText(realm, kind, name))
          }
      await print(
        objects,
        { format, single: wanted.length === 1, heads: flags['headers'] !== false, now: realm.clock.now() },
        io,
      )
      for (const text of missing) io.err(line(text))
      if (objects.length === 0 && wanted.length === 0 && (format === 'table' || format === 'wide'))
        io.err('No resources found.\n')
      if (flags['watch'] === true) await watch(realm, kinds, new Set(wanted), fits, format, io)
      if (missing.length > 0) throw new Exit(1)
    })
}

const selecting = (flags: Record<string, unknown>): ((object: Resource) => boolean) => {
  const byLabels = flags['selector'] === undefined ? undefined : labelSelector(String(flags['selector']))
  const byFields = flags['fieldSelector'] === undefined ? undefined : fieldSelector(String(flags['fieldSelector']))
  return object => (byLabels?.(object.metadata.labels ?? {}) ?? true) && (byFields?.(object) ?? true)
}

const print = async (
  stored: readonly Resource[],
  options: { format: Format; single: boolean; heads: boolean; now: number },
  io: Io,
): Promise<void> => {
  const { format, single, heads, now } = options
  const objects = stored.map(withheld)
  if (format === 'name')
    io.out(objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}\n`).join(''))
  else if (format === 'json' || format === 'yaml') {
    const [first] = objects
    io.out(await document(single && first ? first : { apiVersion: 'v1', kind: 'List', items: objects }, format))
  } else {
    const kinds = KINDS.filter(kind => objects.some(object => object.kind === kind))
    io.out(
      kinds
        .map(kind =>
          tableOf(
            kind,
            objects.filter(object => object.kind === kind),
            { wide: format === 'wide', prefix: kinds.length > 1, heads, now },
          ),
        )
        .join('\n'),
    )
  }
}

const tableOf = (
  kind: Kind,
  objects: readonly Resource[],
  options: { wide: boolean; prefix: boolean; heads: boolean; now: number },
): string => {
  const columns = columnsOf(kind, options.wide)
  return table(
    ['Name', ...columns.map(({ name }) => name), 'Age'],
    objects.map(object => [
      `${options.prefix ? `${kind.toLowerCase()}/` : ''}${object.metadata.name}`,
      ...columns.map(({ cell }) => cell(object)),
      age(object.metadata.creationTimestamp, options.now),
    ]),
    { heads: options.heads },
  )
}

/** Prints each change as a line of the table, until interrupted. */
const watch = async (
  { store, clock }: Realm,
  kinds: readonly Kind[],
  names: ReadonlySet<string>,
  fits: (object: Resource) => boolean,
  format: Format,
  io: Io,
): Promise<void> => {
  const { resourceVersion } = await store.info()
  for await (const event of store.watch({ since: resourceVersion, kinds, signal: io.signal })) {
    if (event.type === 'BOOKMARK' || !fits(event.object) || (names.size > 0 && !names.has(event.object.metadata.name)))
      continue
    if (format === 'json') io.out(jsonLine({ ...event, object: withheld(event.object) }))
    else if (event.type === 'DELETED')
      io.out(`${event.object.kind.toLowerCase()}/${event.object.metadata.name} deleted\n`)
    else await print([event.object], { format, single: true, heads: false, now: clock.now() }, io)
  }
}
