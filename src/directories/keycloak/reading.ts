import type { KeycloakDirectory } from '../../api/services/keycloak.ts'
import type { FoundPage } from '../../ports/directory.ts'
import type { Lack } from '../trouble.ts'
import { countOf, itemsOf } from './answers.ts'
import { countLack } from './counting.ts'
import { readGroups } from './groups.ts'
import { pagesOf } from './pages.ts'
import { placeOf } from './place.ts'
import type { Session } from './session.ts'
import { isForeign, isServiceAccount, representationOf, userOf } from './users.ts'

export const PAGE_SIZE = 500

interface Reading {
  readonly session: Session
  readonly spec: KeycloakDirectory
  readonly take: (page: FoundPage) => Promise<void>
}

/**
 * Tells everything: people, then groups, whose members are known by then; both are counted before and after.
 * @returns undefined: nothing is missing
 * @throws ServiceTrouble where it had to stop
 */
export const readEverything = async ({ session, spec, take }: Reading): Promise<Lack | undefined> => {
  const pageSize = spec.pageSize ?? PAGE_SIZE
  const place = await placeOf(session, spec, pageSize)
  const { what } = place
  const countPeople = async () => countOf(session, what.people, await session.get(what.people, `${place.people}/count`))
  const countGroups = async () =>
    place.groupCount === undefined
      ? undefined
      : countOf(session, what.groups, await session.get(what.groups, place.groupCount))

  const peopleBefore = await countPeople()
  const people = new Set<string>()
  let told = 0
  let foreign = 0
  const pages = pagesOf(async (first, max) => {
    const query = { first, max, ...representationOf(spec) }
    return itemsOf(session, what.people, await session.get(what.people, place.people, query))
  }, pageSize)
  for await (const page of pages) {
    told += page.length
    foreign += page.filter(isForeign).length
    const users = page.filter(item => !(place.organization && isServiceAccount(item))).map(item => userOf(item, spec))
    for (const { id } of users) people.add(id)
    if (users.length > 0) await take({ users })
  }

  const groupsBefore = await countGroups()
  const groups = await readGroups({ session, place, pageSize, people }, async found => {
    await take({ groups: found })
  })
  const groupsAfter = await countGroups()
  const peopleAfter = await countPeople()
  const lacks = [
    countLack({ what: 'people', before: peopleBefore, after: peopleAfter, told, foreign }),
    ...(groupsBefore === undefined || groupsAfter === undefined
      ? []
      : [countLack({ what: 'groups', before: groupsBefore, after: groupsAfter, told: groups, foreign: 0 })]),
  ].filter(lack => lack !== undefined)
  const [first] = lacks
  return first && { reason: first.reason, message: lacks.map(({ message }) => message).join('; ') }
}
