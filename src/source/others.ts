import { keyOf } from './inventory.ts'
import type { PlacedManifest, Revision } from './revision.ts'

/** What is known of the other sources while one is synced: a resource that moves from one to another is to keep its life. */
export interface Others {
  /** Whether a source was read, holds something, and declares this no more. */
  letsGo(source: string, key: string): boolean
  /** Another source that declares this, by what was last read of it. */
  declaring(key: string): string | undefined
  /** Sources that were not read since this revision first was, and may declare what it no longer does: nothing is pruned before. */
  unread(): readonly string[]
}

/** A source that cannot be read holds up for so long what another one no longer declares, in milliseconds. */
const PATIENCE = 60 * 60_000

interface Reading {
  /** Number of the last reading, in the order in which they began. */
  began: number
  failed: boolean
  /** Of the last complete one that held something. */
  manifests: readonly PlacedManifest[]
  /** The revision that was read last, as a whole, and when it first was. */
  first: { id: string; began: number; time: number } | undefined
}

/** What each source of this process declares, by its last complete reading, and when it was read. */
export class Readings {
  readonly #of = new Map<string, Reading>()
  readonly #keys = new WeakMap<readonly PlacedManifest[], ReadonlySet<string>>()
  readonly #waiting = new Map<string, Set<string>>()
  #count = 0

  /** A reading begins. @returns its number */
  begin(): number {
    return ++this.#count
  }

  /** It ended. @returns sources that waited for it */
  end(source: string, began: number, revision: Revision, now: number): string[] {
    const before = this.#of.get(source)
    const complete = revision.outcome === 'Complete'
    const again = complete && before?.first?.id === revision.id
    this.#of.set(source, {
      began,
      failed: !complete,
      // An empty source is a mistake until a person says otherwise.
      manifests: complete && revision.manifests.length > 0 ? revision.manifests : (before?.manifests ?? []),
      first: complete && !again ? { id: revision.id, began, time: now } : before?.first,
    })
    const waited = [...(this.#waiting.get(source) ?? [])]
    this.#waiting.delete(source)
    return waited
  }

  forget(source: string): string[] {
    this.#of.delete(source)
    const waited = [...(this.#waiting.get(source) ?? [])]
    this.#waiting.delete(source)
    return waited
  }

  /** Whoever waits is told when these were read. @returns those that were not even tried since, and have to be read now */
  wait(source: string, others: readonly string[]): string[] {
    for (const other of others) {
      const waiting = this.#waiting.get(other) ?? new Set()
      this.#waiting.set(other, waiting.add(source))
    }
    const began = this.#of.get(source)?.first?.began ?? 0
    return others.filter(other => (this.#of.get(other)?.began ?? 0) < began)
  }

  /** @param names of all sources that are read, the one itself among them or not */
  others(source: string, names: readonly string[], now: number): Others {
    const besides = names.filter(name => name !== source)
    const manifestsOf = (other: string) => this.#of.get(other)?.manifests ?? []
    return {
      letsGo: (other, key) => {
        const manifests = manifestsOf(other)
        return besides.includes(other) && manifests.length > 0 && !this.#keysOf(manifests).has(key)
      },
      declaring: key => besides.find(other => this.#keysOf(manifestsOf(other)).has(key)),
      unread: () => besides.filter(other => isUnread(this.#of.get(source)?.first, this.#of.get(other), now)),
    }
  }

  #keysOf(manifests: readonly PlacedManifest[]): ReadonlySet<string> {
    const known = this.#keys.get(manifests)
    if (known) return known
    const keys = new Set(manifests.map(({ manifest }) => keyOf(manifest)))
    this.#keys.set(manifests, keys)
    return keys
  }
}

/** Whether what one source declares is not known as of the moment at which another one was read. */
const isUnread = (first: Reading['first'], other: Reading | undefined, now: number): boolean => {
  if (first === undefined) return false
  if (other === undefined || other.began < first.began) return now - first.time < PATIENCE
  return other.failed && now - first.time < PATIENCE
}
