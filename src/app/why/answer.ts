import type { Whence } from '../whence.ts'

/** One way in which something came. */
export interface Way {
  how:
    | 'Declared'
    | 'Granted'
    | 'Asked'
    | 'Group'
    | 'Role'
    | 'License'
    | 'Selector'
    | 'Settled'
    | 'Written'
    | 'Derived'
    | 'Membership'
    | 'Directory'
  /** In words, on one line: where, by whom, when. */
  text: string
  /** Where it stands: `users/alice.yaml:2`, or `User/alice` where no source declares it. */
  at?: string
  /** What to change so that it no longer comes this way. */
  change?: string
}

/** One thing that a person has or has not in one organization. */
export interface Fact {
  thing: 'role' | 'group' | 'permission' | 'seat'
  name: string
  organization: string
  /** Whether it is in force now. */
  has: boolean
  ways: Way[]
  /** Why it is missing, or not in force, and what would give it. */
  notes: string[]
}

/** One value of a person: an address, a name, a language. It is the same in every organization. */
export interface ValueFact extends Pick<Fact, 'name' | 'has' | 'ways' | 'notes'> {
  thing: 'value'
  value?: string | boolean | readonly string[]
}

/** Where somebody stands in one organization. */
export interface PlaceAnswer {
  organization: string
  /** `Active`, `Invited`, … ; `Waiting` while nothing has happened yet, `NoMembership` where nothing is declared. */
  standing: string
  /** Since when, by what, until when. */
  text: string
  /** What is to be taken from them there and is still in force: what, why, until when, and how it is released. */
  losing?: string
}

export interface WhyAnswer {
  /** `stalled`: what keeps the declaration from being made so, if anything does. */
  person: { name: string; displayName?: string; email?: string; whence?: Whence; stalled?: string }
  places: PlaceAnswer[]
  /** What was asked for, as it was understood: `role editor`; absent: everything. */
  asked?: string
  /** Whether the person has what was asked for, anywhere; asked for everything, whether they have anything. */
  has: boolean
  facts: Fact[]
  /** Where a value was asked for. */
  value?: ValueFact
}
