import { RosterError } from '../api/errors.ts'
import type { Reason } from '../api/names.ts'

/** Why a read is not complete. */
export interface Lack {
  readonly reason: Reason
  readonly message: string
}

/** Trouble of the service that ends a read or a check. */
export class ServiceTrouble extends Error implements Lack {
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
  }
}

/**
 * What an exception says about the service.
 * @returns undefined where it says nothing: it is a bug, an abort, or trouble of who takes the pages
 */
export const lackOf = (error: unknown): Lack | undefined => {
  if (error instanceof ServiceTrouble) return { reason: error.reason, message: error.message }
  return undefined
}

/** Makes trouble of the secrets, or of the dialer, trouble of the service. */
export const asTrouble = async <Value>(work: () => Promise<Value>): Promise<Value> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RosterError) throw new ServiceTrouble(error.reason, error.message)
    throw error
  }
}
