import type { Directory } from '../api/directory.ts'
import type { DirectoryRecordSpec, RecordedUser } from '../api/directoryrecord.ts'
import type { FoundUser } from '../api/found.ts'
import { compileMapping } from './cel.ts'
import { factsOf } from './enrolment.ts'
import { problemText, recordedUser } from './found.ts'
import { mappingDigest } from './record-names.ts'

type Mapping = NonNullable<NonNullable<Directory['spec']['import']>['mapping']>

/** What a record keeps of a person, with what made its values. See {@link mappedUser}. */
export const userSaid = (
  mapping: Mapping | undefined,
  ...of: [found: FoundUser, options: Parameters<typeof mappedUser>[2]]
): Pick<DirectoryRecordSpec, 'mapping'> & { user: RecordedUser } => ({
  user: mappedUser(mapping, ...of),
  ...(mapping && { mapping: mappingDigest(mapping) }),
})

/**
 * What is kept of a person once `import.mapping` is applied: each value is judged like one that the service says. One whose expression fails is as it was before.
 * @param before what was kept before
 */
export const mappedUser = (
  mapping: Mapping | undefined,
  found: FoundUser,
  { domains, before }: { domains: readonly string[]; before: RecordedUser | undefined },
): RecordedUser => {
  const said = recordedUser(found)
  if (!mapping) return said
  const facts = factsOf(found.id, said, domains)
  const problems: string[] = []
  const made: Partial<Record<keyof Mapping, string | undefined>> = {}
  for (const [field, text] of Object.entries(mapping) as [keyof Mapping, string][]) {
    const result = compileMapping(text).evaluate(facts)
    if ('error' in result) problems.push(`import.mapping.${field} fails: ${result.error}`)
    made[field] = 'error' in result ? before?.[field] : result.value
  }
  const { problem, ...values } = said
  const defined = Object.entries({ ...values, ...made }).filter(([, value]) => value !== undefined)
  const user = recordedUser({ ...(Object.fromEntries(defined) as unknown as FoundUser), id: found.id })
  const all = [problem, user.problem, ...problems].filter(one => one !== undefined)
  return { ...user, ...problemText(all) }
}
