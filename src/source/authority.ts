import type { DeclaredResource } from '../api/kinds.ts'
import { type Authority, needsDeclared, type Refusal, refusalOf } from '../decide/authority.ts'
import { Declared } from '../decide/declared.ts'
import { everything, type Live } from './live.ts'
import type { PlacedManifest } from './revision.ts'

/** Judges what one revision declares, and what it no longer does, against what its source may: one document after another. */
export interface Judge {
  /** Whether what was applied before matters; then nothing may be under way when the next Group is judged. */
  readonly inOrder: boolean
  /** Why a document is refused, or undefined. */
  declaring(placed: PlacedManifest, live: DeclaredResource | undefined): Refusal | undefined
  /** A document was applied, and this is what is there now. */
  applied(object: DeclaredResource): void
  /** Why something may not be dropped, or undefined. */
  dropping(live: DeclaredResource): Refusal | undefined
}

/**
 * @param pathOf the file inside the source, for a document's `place`; where a command line names files of its own, that is not what the place says
 */
export const judgeOf = (authority: Authority, live: Live, pathOf: (file: string) => string = file => file): Judge => {
  // Most sources are bounded by nothing that asks for it.
  const inOrder = [authority.may ?? {}, ...(authority.policy?.rules.map(({ may }) => may) ?? [])].some(needsDeclared)
  const declared = new Declared(inOrder ? everything(live) : [])
  return {
    inOrder,
    declaring: ({ manifest, place }, before) =>
      refusalOf(authority, { before, desired: manifest, path: pathOf(fileOf(place)) }, declared),
    applied: object => {
      if (inOrder) declared.set(object)
    },
    dropping: before => refusalOf(authority, { before, desired: undefined }, declared),
  }
}

/** `users/alice.yaml` of `users/alice.yaml:8`. */
export const fileOf = (place: string): string => place.replace(/:\d+$/, '')

/** Where in a document, for people: `spec.memberships[0]`. */
export const fieldOf = (pointer: string): string =>
  pointer
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')

/** Why a document at a place is refused, for people. */
export const refusedAt = (place: string, { pointer, message }: Refusal): string =>
  `${place}: ${pointer === '' ? '' : `${fieldOf(pointer)} `}${message}`
