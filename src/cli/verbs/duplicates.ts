import { type Decision, type Duplicate, decisionOf, duplicatesIn, type Likeness } from '../../app/duplicates.ts'
import { openRealm } from '../../app/openrealm.ts'
import { colors } from '../color.ts'
import { withExamples } from '../examples.ts'
import { realmOptions, textOrJson, withSettings } from '../options.ts'
import { document, jsonText, line } from '../output.ts'
import { UsageError, type Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(
    withSettings(command, 'data'),
    ['duplicates', 'everybody who looks like somebody else, and why nobody merged them'],
    ['duplicates alice', 'who looks like her'],
    ['duplicates alice hr/77 --decide same', 'what to declare so that they are one person'],
    ['duplicates alice hr/77 --decide distinct', 'what to declare so that nobody asks again'],
  )
    .argument('[person]', 'name of a User, or an address; none: everybody')
    .argument('[entry]', 'whom to decide on: DIRECTORY/ID')
    .option('--decide <decision>', 'same, distinct: print what to declare, as YAML')
    .option('--in <organization>', 'only there')
    .option('-o, --output <format>', 'text, json')
    .addHelpText(
      'after',
      '\nNothing is given to either of two that look like one person, or taken, because of the other, until somebody decides. Nothing is changed here: what is printed is to be declared.',
    )
    .action(async (person: string | undefined, entry: string | undefined, flags: Record<string, unknown>) => {
      const format = textOrJson(flags['output'])
      const decide = flags['decide'] as string | undefined
      if (decide !== undefined && decide !== 'same' && decide !== 'distinct')
        throw new UsageError(`--decide is same or distinct, not ${decide}`)
      if ((decide === undefined) !== (entry === undefined))
        throw new UsageError('a decision is about two: duplicates PERSON DIRECTORY/ID --decide same|distinct')
      await using realm = await openRealm(realmOptions(flags, io))
      if (decide !== undefined && person !== undefined && entry !== undefined) {
        const decision = await decisionOf(realm, { person, entry, same: decide === 'same' })
        io.out(format === 'json' ? jsonText(decision) : await decisionText(decision))
        return
      }
      const organization = flags['in'] as string | undefined
      const duplicates = await duplicatesIn(realm, { person, organization })
      if (format === 'json') io.out(jsonText({ duplicates }))
      else if (duplicates.length === 0) io.err(line('Nobody looks like somebody else.'))
      else io.out(duplicatesText(duplicates, colors(io.terminal.color)))
    })
}

/** Whom somebody looks like, once, with everybody who looks like them beneath. */
const duplicatesText = (duplicates: readonly Duplicate[], paint: ReturnType<typeof colors>): string => {
  const lines: string[] = []
  for (const [, same] of Map.groupBy(duplicates, ({ of }) => `${of.is} ${of.name}`)) {
    const [first] = same
    if (!first) continue
    lines.push(paint.bold(line(likenessText(first.of)).trimEnd()))
    for (const { of, other, text, decidable } of same) {
      lines.push(`  ? ${line(likenessText(other)).trimEnd()}`, `      ${line(text).trimEnd()}`)
      if (decidable)
        lines.push(
          paint.dim(`      the same      ${asking(of, other)} same`),
          paint.dim(`      not the same  ${asking(of, other)} distinct`),
        )
    }
    lines.push('')
  }
  return `${lines.join('\n')}\n`.replace(/\n\n$/, '\n')
}

const asking = (of: Likeness, other: Likeness): string =>
  line(`roster duplicates ${of.name} ${shellWord(other.name)} --decide`).trimEnd()
const shellWord = (text: string): string => (/^[\w.,:@/+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const likenessText = ({ is, name, place, directory, id, email, login, displayName, missingTime }: Likeness): string =>
  [
    is === 'User' ? `${name} (${place})` : is === 'Account' ? `account of ${name}` : `directory/${directory} ${id}`,
    displayName,
    is === 'Account' ? undefined : email,
    login,
    missingTime === undefined ? undefined : 'no longer there',
  ]
    .filter(text => text !== undefined)
    .join(' · ')

const decisionText = async ({ place, spec }: Decision): Promise<string> => {
  if (/\.csv:\d+$/.test(place))
    return `${line(`# ${place}: a table has no column for it; declare the person in YAML, with`)}${await document(spec, 'yaml')}`
  return `${line(`# ${place}: in spec, in place of these fields`)}${await document(spec, 'yaml')}`
}
