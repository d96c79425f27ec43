import type { AnyResource } from '../src/api/kinds.ts'
import { KINDS } from '../src/api/names.ts'
import { directoryRecordName } from '../src/decide/record-names.ts'
import { indexes } from '../src/reconcilers/indexes.ts'
import { personOf, personOfUser } from '../src/reconcilers/who.ts'
import { IndexedCache } from '../src/runtime/cache.ts'
import type { Bench } from './bench.ts'

/** Who is who among three directories and the declared people, each of as many: whom each entry is, and what each User is. */
export const who: Bench = {
  name: 'who is who',
  run: async () => {
    const small = microsecondsAPerson(10_000)
    const large = microsecondsAPerson(100_000)
    return [
      {
        name: '100,000 people in three directories and declared',
        figure: large,
        floor: small,
        unit: 'µs of processor a person',
        against: '10,000',
        aim: 1.5,
      },
    ]
  },
}

const DIRECTORIES = ['hr', 'okta', 'ldap']

const microsecondsAPerson = (people: number): number => {
  const cache = cacheOf(people)
  const start = process.cpuUsage()
  let merged = 0
  for (const record of cache.list('DirectoryRecord')) if (personOf(cache, record).is === 'declared') merged++
  for (const user of cache.list('User')) merged += personOfUser(cache, user)?.sources.length ?? 0
  const { user, system } = process.cpuUsage(start)
  // Each entry is its User, and each User is itself and three entries.
  if (merged !== people * 7) throw new Error(`${merged} merged instead of ${people * 7}`)
  return (user + system) / people
}

const cacheOf = (people: number): IndexedCache => {
  const cache = new IndexedCache(KINDS, indexes)
  const add = (kind: string, name: string, spec: object) =>
    cache.set({
      kind,
      metadata: { name, uid: `${kind}/${name}`, creationTimestamp: '2026-03-02T09:00:00Z' },
      spec,
    } as unknown as AnyResource)
  add('Organization', 'acme', { domains: ['acme.example'] })
  for (const directory of DIRECTORIES) add('Directory', directory, { organization: 'acme' })
  for (let at = 0; at < people; at++) {
    add('User', `p${at}`, { email: `p${at}@acme.example`, memberships: [{ organization: 'acme' }] })
    for (const directory of DIRECTORIES) {
      // The last one is found by way of the first.
      const email = directory === 'ldap' ? `q${at}@acme.example` : `p${at}@acme.example`
      const user = {
        email,
        ...(directory === 'hr' && { aliases: [`q${at}@acme.example`] }),
        login: `p${at}`,
        active: true,
      }
      const spec = { directory, of: 'User', id: `${at}`, user, firstSeenTime: '2026-03-02T09:00:00Z' }
      add('DirectoryRecord', directoryRecordName(directory, 'User', `${at}`), spec)
    }
  }
  return cache
}
