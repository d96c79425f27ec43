import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MembershipSpec } from '../../src/api/membership.ts'
import { systemClock } from '../../src/app/system-clock.ts'
import type { Io } from '../../src/cli/io.ts'
import { main } from '../../src/cli/main.ts'
import { accountName, membershipName } from '../../src/decide/record-names.ts'
import { openEmbeddedStore } from '../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../src/store/store.ts'

/** What a command line came to. */
export interface Ran {
  code: number
  out: string
  err: string
}

/** A folder in which commands run, as from a terminal or as from a script. */
export interface Place extends Disposable {
  folder: string
  /** Runs one command line in this process, as a script would: nobody can be asked. */
  run(...args: string[]): Promise<Ran>
  /** The same with more said about the surroundings. */
  runWith(surroundings: Surroundings, ...args: string[]): Promise<Ran>
  /** The store, to look at or to do in it what the portal would. */
  withStore<T>(work: (store: ResourceStore) => Promise<T>): Promise<T>
  /** Lets the controller do all that is left to do, by applying the manifests anew. */
  settle(): Promise<void>
  /** Does what acceptance in the portal does to the records. */
  accept(address: string, organization?: string): Promise<void>
  /** Another folder with the same in it. */
  copy(): Place
}

export interface Surroundings {
  stdin?: string
  environment?: NodeJS.ProcessEnv
  /** Typed at the question. */
  answer?: string
  color?: boolean
  signal?: AbortSignal
}

const EXAMPLE = join(import.meta.dirname, '..', '..', 'examples', 'acme')
/** The folder of manifests in a place with the example. */
export const ACME = 'people'

export const openPlace = (): Place => placeIn(mkdtempSync(join(tmpdir(), 'roster-cli-')))

/** A place with the organization of the example applied: everybody invited, nobody joined. */
export const acmePlace = async (): Promise<Place> => {
  const place = openPlace()
  cpSync(EXAMPLE, join(place.folder, ACME), { recursive: true })
  await place.settle()
  return place
}

const placeIn = (folder: string): Place => {
  const place: Place = {
    folder,
    run: (...args) => place.runWith({}, ...args),
    runWith: async (surroundings, ...args) => {
      const said = { out: '', err: '' }
      const code = await main(args, fakeIo(folder, said, surroundings))
      return { code, ...said }
    },
    withStore: async work => {
      const clock = systemClock()
      await using store = await openEmbeddedStore({ folder: join(folder, '.roster'), clock })
      try {
        return await work(store)
      } finally {
        clock.stop()
      }
    },
    settle: async () => {
      // A copied store is bound to the mail folder of the first one.
      const { code, err } = await place.run('apply', ACME, '--rebind')
      if (code === 2) throw new Error(err)
    },
    accept: (address, organization = 'acme') =>
      place.withStore(async store => {
        const name = membershipName(organization, address)
        const record = await store.get('Membership', name)
        if (!record) throw new Error(`${address} was not invited`)
        const account = accountName(address)
        const now = new Date().toISOString()
        await store.create(
          {
            kind: 'Account',
            metadata: { name: account },
            spec: { address, proven: { time: now, how: 'Link' }, credentialVersion: 1 },
          },
          { manager: 'controller' },
        )
        const joined: MembershipSpec['joined'] = { time: now, how: 'Link', attempt: 1, account }
        await store.replace(
          { kind: 'Membership', name, spec: { ...record.spec, joined } },
          { ifVersion: record.metadata.resourceVersion },
        )
      }),
    copy: () => {
      const other = openPlace()
      cpSync(folder, other.folder, { recursive: true })
      return other
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
  return place
}

const fakeIo = (cwd: string, said: { out: string; err: string }, of: Surroundings): Io => ({
  out: text => {
    said.out += text
  },
  err: text => {
    said.err += text
  },
  stdin: async () => of.stdin ?? '',
  environment: of.environment ?? {},
  cwd,
  terminal: { out: false, err: false, color: of.color ?? false, columns: 100 },
  ask: async question => {
    said.err += question
    return of.answer
  },
  signal: of.signal ?? new AbortController().signal,
})

/** Text for a golden file: what differs from run to run stands as a word. */
export const steady = (text: string): string =>
  text
    .replace(/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d [A-Z+\-\d:]+/g, '<when>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>')
    .replace(/-[0-9a-f]{16}\.eml/g, '-<hash>.eml')
    .replace(/last changed at [0-9a-f]{12}/g, 'last changed at <revision>')
    .replace(/sha256:[0-9a-f]+/g, '<revision>')
    .replace(/local\/[^\s,:]+/g, 'local/<user>')
    .replace(/\b\d+s( ago)?(?=\s|$)/gm, '0s$1')
    // How wide a column of ages is depends on the machine; that tables are aligned has its own test.
    .replace(/ {3,}/g, '   ')
