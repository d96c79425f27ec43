import type { SpecOf } from '../../../src/api/kinds.ts'

/** Milliseconds that a hanging holder keeps the lease in the tests with several processes. */
export const LEASE_DURATION = 600

export const userSpec = (name: string): SpecOf<'User'> => ({ email: `${name}@acme.example` })
export const accountSpec = (name: string, credentialVersion: number): SpecOf<'Account'> => ({
  address: `${name}@acme.example`,
  credentialVersion,
})
