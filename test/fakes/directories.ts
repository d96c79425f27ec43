import type { DirectoryDriver, FoundPage, ReadOutcome } from '../../src/ports/directory.ts'
import type { DirectoryParts } from '../../src/reconcilers/directory.ts'

/** For a world without a Directory. */
export const noDirectories: DirectoryParts = {
  driver: async ({ metadata }) => {
    throw new Error(`nobody expected Directory/${metadata.name}`)
  },
  release: async () => undefined,
}

/** A service in memory: what the next reads tell, page by page, and how they end. */
export interface FakeDirectory extends DirectoryDriver {
  pages: FoundPage[]
  ends: ReadOutcome
  /** Called after the page of that number, from 0. */
  onPage: ((at: number) => void | Promise<void>) | undefined
  readonly reads: number
  readonly closed: number
}

export const fakeDirectory = (pages: FoundPage[] = []): FakeDirectory => {
  let reads = 0
  let closed = 0
  const fake: FakeDirectory = {
    pages,
    ends: { outcome: 'Complete' },
    onPage: undefined,
    get reads() {
      return reads
    },
    get closed() {
      return closed
    },
    capabilities: { groups: true, nestedGroups: true, disabled: true, counts: false },
    read: async ({ signal, take }) => {
      reads += 1
      for (const [at, page] of fake.pages.entries()) {
        signal.throwIfAborted()
        await take(page)
        await fake.onPage?.(at)
      }
      return { ...fake.ends, requests: fake.pages.length }
    },
    check: async () => ({ server: 'memory', rights: [] }),
    close: async () => {
      closed += 1
    },
  }
  return fake
}
