import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedStore } from '../../../src/store/embedded/store.ts'
import type { ResourceStore } from '../../../src/store/store.ts'
import { describeStore, userOf } from '../../contract/store.ts'
import { fakeClock } from '../../fakes/clock.ts'

const keepDeletions = { count: 3, age: 86_400_000 }

/** Deletions enough that the store forgets the older ones. */
const forget = async (store: ResourceStore, since: string) => {
  for (let at = 0; at < 110; at++) {
    await store.create(userOf(`passing-${at}`), { manager: 'local/it' })
    await store.delete({ kind: 'User', name: `passing-${at}` })
  }
  return since
}

describeStore('embedded store in memory', async () => {
  const store = await openEmbeddedStore({ folder: ':memory:', clock: fakeClock(), keepDeletions })
  return { store, compact: since => forget(store, since), close: async () => store[Symbol.asyncDispose]() }
})

describeStore('embedded store in a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roster-store-'))
  const opened: ResourceStore[] = []
  const open = async () => {
    const store = await openEmbeddedStore({ folder, clock: fakeClock(), keepDeletions })
    opened.push(store)
    return store
  }
  const store = await open()
  return {
    store,
    another: open,
    compact: since => forget(store, since),
    close: async () => {
      for (const one of opened) await one[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
})
